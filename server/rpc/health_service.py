"""grpc.health.v1.Health, whose watches end when the server drains: clients keep them open."""

import threading
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

Send = Callable[[health_pb2.HealthCheckResponse | None], None]  # None: the stream is over


class HealthService(health.HealthServicer):  # type: ignore[misc]  # its package has no types
    """What each service's health is; a watch takes no thread while it is open."""

    def __init__(self) -> None:
        super().__init__()
        self._ending = threading.Lock()
        self._open_watches: set[Send] = set()
        self._is_over = False

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Send | None = None,
    ) -> Any:
        assert send_response_callback is not None, "grpc sends it to a method that does not block"
        send_to_client = send_response_callback

        def send(response: health_pb2.HealthCheckResponse | None) -> None:
            if response is not None:
                send_to_client(response)
            elif self._forget(send):  # a stream must not end twice
                send_to_client(None)

        with self._ending:
            self._open_watches.add(send)
            is_over = self._is_over
        super().Watch(request, context, send)
        if is_over:
            send(None)

    def drain(self) -> None:
        """Tell all that watch NOT_SERVING, for good, and end their streams."""
        self.enter_graceful_shutdown()
        with self._ending:
            self._is_over = True
            open_watches = list(self._open_watches)
        for send in open_watches:
            send(None)

    def _forget(self, send: Send) -> bool:
        """Return whether a watch was open until now."""
        with self._ending:
            was_open = send in self._open_watches
            self._open_watches.discard(send)
            return was_open
