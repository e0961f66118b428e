"""What every call goes through: admission, decoding, error translation and the access log.

One interceptor rather than four: a chain would wrap every call four times, and their order matters.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from shortlist.server.errors import BatchTooLarge, FieldInvalid, NotReady, Overloaded
from shortlist.server.rpc.errors import log_bug, status_of
from shortlist.server.rpc.unknown_fields import refuse_unknown_fields

_ACCESS = logging.getLogger("shortlist.access")

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class CountingPool(ThreadPoolExecutor):
    """A thread pool that knows how many calls run or wait in it."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(max_workers=threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self.in_flight = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            self.in_flight += 1
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Any]) -> None:
        with self._lock:
            self.in_flight -= 1


class GatedMethod(NamedTuple):
    """One method of ours, both ways."""

    admitted: Handler
    refusing: Handler  # answers with the reason why not
    pool: CountingPool


class Gate(grpc.ServerInterceptor):
    """Wraps the methods of our own services; health and reflection pass untouched."""

    def __init__(
        self,
        pool: CountingPool,
        model_pool: CountingPool,
        *,
        in_flight_max: int,
        message_bytes_max: int,
        slow_call_ms: float,
        refuses_unknown_fields: bool,
    ) -> None:
        self.draining = threading.Event()
        self._streams: set[grpc.ServicerContext] = set()  # open ones that are not ours
        self._pool = pool
        self._model_pool = model_pool
        self._in_flight_max = in_flight_max
        self._message_bytes_max = message_bytes_max
        self._slow_call_s = slow_call_ms / 1000
        self._refuses_unknown_fields = refuses_unknown_fields
        self._methods: dict[str, GatedMethod] = {}  # wrapping once a call would cost

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        method = handler_call_details.method
        gated = self._methods.get(method)
        if gated is None:
            handler = continuation(handler_call_details)
            if handler is None or not method.startswith("/shortlist."):
                return self._foreign(handler)
            # Disk work and watches have threads of their own: no retrieval waits behind them.
            pool = self._pool if "RetrievalService" in method else self._model_pool
            admitted = self._wrap(method, handler, pool, self._admitted)
            gated = GatedMethod(admitted, self._wrap(method, handler, pool, self._refused), pool)
            self._methods[method] = gated
        if self.draining.is_set() or gated.pool.in_flight >= self._in_flight_max:
            return gated.refusing
        return gated.admitted

    def drain(self) -> None:
        """Refuse what comes from now on, and end the streams that have no end of their own."""
        self.draining.set()
        for context in self._streams.copy():
            context.cancel()

    def _foreign(self, handler: Handler | None) -> Handler | None:
        """Return a handler that is not ours; reflection streams must not hold serving threads."""
        if handler is None or not handler.request_streaming:
            return handler
        work: Any = handler.stream_stream

        def stream(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            self._streams.add(context)
            try:
                if not self.draining.is_set():
                    yield from work(requests, context)
            finally:
                self._streams.discard(context)

        behavior: Any = stream
        behavior.experimental_thread_pool = self._model_pool
        return grpc.stream_stream_rpc_method_handler(
            behavior, handler.request_deserializer, handler.response_serializer
        )

    def _wrap(
        self, method: str, handler: Handler, pool: CountingPool, admit: Callable[[Any, bytes], Any]
    ) -> Handler:
        """Return the handler with our decoding, so that broken bytes are an INVALID_ARGUMENT."""
        decode: Any = handler.request_deserializer
        streams = handler.response_streaming
        work: Any = handler.unary_stream if streams else handler.unary_unary

        def unary(message: bytes, context: grpc.ServicerContext) -> Any:
            started = time.perf_counter()
            try:
                return work(admit(decode, message), context)
            except Exception as error:
                _abort(error, method, context)
            finally:
                self._log_access(method, context, started, pool)

        def stream(message: bytes, context: grpc.ServicerContext) -> Iterator[Any]:
            started = time.perf_counter()
            try:
                yield from work(admit(decode, message), context)
            except Exception as error:
                _abort(error, method, context)
            finally:
                self._log_access(method, context, started, pool)

        behavior: Any = stream if streams else unary
        behavior.experimental_thread_pool = pool
        make: Any = (
            grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        )
        wrapped: Handler = make(behavior, None, handler.response_serializer)
        return wrapped

    def _admitted(self, decode: Any, message: bytes) -> Any:
        if len(message) > self._message_bytes_max:
            size, limit = len(message), self._message_bytes_max
            problem = f"the message has {size} bytes; at most {limit} are allowed"
            raise BatchTooLarge(problem, found=size, limit=limit)
        try:
            request = decode(message)
        except DecodeError as error:
            raise FieldInvalid(
                "request", "is no message of this method (or holds text that is not UTF-8)"
            ) from error
        if self._refuses_unknown_fields:
            refuse_unknown_fields(request, message)
        return request

    def _refused(self, decode: Any, message: bytes) -> NoReturn:
        if self.draining.is_set():
            raise NotReady("The server is shutting down.", draining=True)
        problem = f"{self._in_flight_max} calls are in flight, which is the limit"
        raise Overloaded(problem, limit=self._in_flight_max)

    def _log_access(
        self, method: str, context: grpc.ServicerContext, started: float, pool: CountingPool
    ) -> None:
        """Write one line a call: at debug, or as a warning when a retrieval was slow."""
        seconds = time.perf_counter() - started
        slow = seconds > self._slow_call_s and pool is self._pool
        level = logging.WARNING if slow else logging.DEBUG
        if _ACCESS.isEnabledFor(level):
            code: Any = context.code()  # type: ignore[no-untyped-call, attr-defined, unused-ignore]
            name = code.name if code else "OK"
            _ACCESS.log(level, "%s %s %.2f ms %s", method, name, seconds * 1000, context.peer())


def _abort(error: Exception, method: str, context: grpc.ServicerContext) -> NoReturn:
    log_bug(error, method)
    context.abort_with_status(rpc_status.to_status(status_of(error)))
