"""What a call can raise.

ShortlistClientError            code, reason, metadata, field_violations, retry_after_s
├── InvalidArgument             a field is missing, ill-typed, out of range, or not known there
│                               (field_violations)
├── NotFound                    catalog, model, alias, job or user unknown
├── AlreadyExists               the model id is taken
├── FailedPrecondition          the model cannot answer this; an alias holds the model
├── ResourceExhausted           queue full, message or batch too large
├── PermissionDenied            a path outside the server's data roots
├── Unavailable                 nobody answers, or the server is starting or draining
├── DeadlineExceeded            no answer in time
├── Cancelled                   the call was given up
├── DataLoss                    a stored model fails its checks
├── Internal                    the server's own fault; its log says more
└── TrainingFailed              a training was accepted and ended without a model (job)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from shortlist.v1 import retrieval_service_pb2

if TYPE_CHECKING:
    from shortlist.client.training import TrainingJob


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One bad field of a request."""

    field: str  # its path, such as query.user.history[2].item_id
    description: str


class ShortlistClientError(Exception):
    """Root of everything a call raises."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: tuple[FieldViolation, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code  # name of the gRPC status code
        self.reason = reason  # such as MODEL_NOT_FOUND; empty where the server gave none
        self.metadata = dict(metadata or {})
        self.field_violations = field_violations
        self.retry_after_s = retry_after_s


class InvalidArgument(ShortlistClientError):
    """A field is missing, ill-typed, out of range, or unknown to this server."""


class NotFound(ShortlistClientError):
    """Catalog, model, alias, job or user unknown."""


class AlreadyExists(ShortlistClientError):
    """The model id is taken."""


class FailedPrecondition(ShortlistClientError):
    """The model cannot answer this kind of query, or an alias holds it."""


class ResourceExhausted(ShortlistClientError):
    """A queue is full, or a message or batch too large."""


class PermissionDenied(ShortlistClientError):
    """A path outside the server's data roots."""


class Unavailable(ShortlistClientError):
    """Nobody answers, or the server is starting or draining."""


class DeadlineExceeded(ShortlistClientError):
    """No answer in time."""


class Cancelled(ShortlistClientError):
    """The call was given up."""


class DataLoss(ShortlistClientError):
    """A stored model fails its checks."""


class Internal(ShortlistClientError):
    """The server's own fault."""


class TrainingFailed(ShortlistClientError):
    """A training was accepted and ended without a model."""

    def __init__(self, job: TrainingJob) -> None:
        failure = job.failure
        super().__init__(
            f"training {job.job_id} {job.state}: {failure.message if failure else 'on request'}",
            reason=failure.reason if failure else "",
            metadata=failure.metadata if failure else {},
        )
        self.job = job


_BY_CODE: dict[str, type[ShortlistClientError]] = {
    "INVALID_ARGUMENT": InvalidArgument,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "FAILED_PRECONDITION": FailedPrecondition,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "PERMISSION_DENIED": PermissionDenied,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "CANCELLED": Cancelled,
    "DATA_LOSS": DataLoss,
    "INTERNAL": Internal,
}
_NAME_OF_CODE = {code.value[0]: code.name for code in grpc.StatusCode}


def error_from_call(failure: Any) -> ShortlistClientError:
    """Return what a grpc.RpcError (or its asyncio sister) says, with the server's details."""
    code = failure.code().name
    status = rpc_status.from_call(failure)
    details = _Details([] if status is None else list(status.details))
    return _BY_CODE.get(code, ShortlistClientError)(
        failure.details() or code,
        code=code,
        reason=details.reason,
        metadata=details.metadata,
        field_violations=details.field_violations,
        retry_after_s=details.retry_after_s,
    )


def error_from_entry(entry: retrieval_service_pb2.EntryError) -> ShortlistClientError:
    """Return why one entry of a batch failed."""
    code = _NAME_OF_CODE.get(entry.code, "UNKNOWN")
    violations: tuple[FieldViolation, ...] = ()
    if "field" in entry.metadata:
        violations = (FieldViolation(entry.metadata["field"], entry.message),)
    return _BY_CODE.get(code, ShortlistClientError)(
        entry.message,
        code=code,
        reason=entry.reason,
        metadata=entry.metadata,
        field_violations=violations,
    )


class _Details:
    """The google.rpc details of one status; what is absent stays empty."""

    def __init__(self, packed: list[Any]) -> None:
        info = _unpacked(packed, error_details_pb2.ErrorInfo())
        self.reason, self.metadata = info.reason, dict(info.metadata)
        bad = _unpacked(packed, error_details_pb2.BadRequest())
        self.field_violations = tuple(
            FieldViolation(v.field, v.description) for v in bad.field_violations
        )
        delay = _unpacked(packed, error_details_pb2.RetryInfo()).retry_delay
        self.retry_after_s = delay.seconds + delay.nanos / 1e9 or None


def _unpacked(packed: list[Any], message: Message) -> Any:
    """Return the detail of a message's type, or the message as it is where there is none."""
    for detail in packed:
        if detail.Is(message.DESCRIPTOR):
            detail.Unpack(message)
    return message
