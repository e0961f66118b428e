"""A real gRPC server over a real socket that answers with messages the test hands it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from shortlist.v1 import (
    catalog_service_pb2,
    model_service_pb2,
    retrieval_service_pb2,
    server_service_pb2,
)

SERVICES = {
    service.full_name: service
    for file in (
        catalog_service_pb2,
        model_service_pb2,
        retrieval_service_pb2,
        server_service_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
}
Answer: TypeAlias = Message | list[Message] | status_pb2.Status


def refusal(
    code: grpc.StatusCode, reason: str = "", *, field: str = "", retry_s: float = 0.0
) -> status_pb2.Status:
    """Return a status with the details that the server sends."""
    details: list[Message] = []
    if reason:
        info = error_details_pb2.ErrorInfo(reason=reason, domain="shortlist")
        info.metadata["key"] = "value"
        details.append(info)
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description="bad")
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if retry_s:
        delay = duration_pb2.Duration(nanos=int(retry_s * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code.value[0], message="refused", details=packed)


@dataclass
class RecordedServer:
    """What will be answered, method by method in order, and what was asked."""

    target: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)

    def will_answer(self, method: str, *answers: Answer) -> None:
        """Queue answers; the last one is given again and again."""
        self.answers[method] = list(answers)

    def asked(self, method: str) -> list[Any]:
        return [request for name, request in self.requests if name == method]

    def _answer(self, method: str, request: Any, context: grpc.ServicerContext) -> Answer:
        self.requests.append((method, request))
        waiting = self.answers.get(method)
        if not waiting:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, method)
        assert waiting
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, status_pb2.Status):
            context.abort_with_status(rpc_status.to_status(answer))
        return answer

    def handler(self, method: Any) -> grpc.RpcMethodHandler[Any, Any]:
        def unary(request: Any, context: grpc.ServicerContext) -> Answer:
            return self._answer(method.name, request, context)

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
            answer = self._answer(method.name, request, context)
            for message in answer if isinstance(answer, list) else [answer]:
                if isinstance(message, status_pb2.Status):
                    context.abort_with_status(rpc_status.to_status(message))
                yield message

        streaming = method.server_streaming
        make: Callable[..., grpc.RpcMethodHandler[Any, Any]] = (
            grpc.unary_stream_rpc_method_handler
            if streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make(
            stream if streaming else unary,
            method.input_type._concrete_class.FromString,
            method.output_type._concrete_class.SerializeToString,
        )


@contextmanager
def recorded_server() -> Iterator[RecordedServer]:
    """Serve on a free port."""
    recorded = RecordedServer()
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    for name, service in SERVICES.items():
        handlers = {method.name: recorded.handler(method) for method in service.methods}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    recorded.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield recorded
    finally:
        server.stop(None).wait()
