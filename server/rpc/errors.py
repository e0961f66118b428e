"""The one table from errors to status codes, and the google.rpc.Status that carries the details."""

import logging

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.server import errors

_LOG = logging.getLogger("shortlist.server")

DOMAIN = "shortlist"
BUG_TEXT = "The server failed in a way it should not; its log says more."
# Long enough for a queue of retrievals to empty or a new worker to answer, short for a person.
RETRY_DELAY_MS = 500

Code = grpc.StatusCode
BUG = (Code.INTERNAL, "BUG")
TABLE: dict[type[BaseException], tuple[grpc.StatusCode, str]] = {
    errors.FieldInvalid: (Code.INVALID_ARGUMENT, "FIELD_INVALID"),
    errors.EmbeddingDimension: (Code.INVALID_ARGUMENT, "EMBEDDING_DIMENSION"),
    SettingInvalid: (Code.INVALID_ARGUMENT, "FIELD_INVALID"),
    DataInvalid: (Code.INVALID_ARGUMENT, "DATA_INVALID"),
    errors.PathNotAllowed: (Code.PERMISSION_DENIED, "PATH_NOT_ALLOWED"),
    errors.CatalogNotFound: (Code.NOT_FOUND, "CATALOG_NOT_FOUND"),
    errors.ModelNotFound: (Code.NOT_FOUND, "MODEL_NOT_FOUND"),
    errors.JobNotFound: (Code.NOT_FOUND, "JOB_NOT_FOUND"),
    errors.UserUnknown: (Code.NOT_FOUND, "USER_UNKNOWN"),
    errors.QueryKindUnsupported: (Code.FAILED_PRECONDITION, "QUERY_KIND_UNSUPPORTED"),
    errors.ModelInUse: (Code.FAILED_PRECONDITION, "MODEL_IN_USE"),
    errors.ModelExists: (Code.ALREADY_EXISTS, "MODEL_EXISTS"),
    errors.Overloaded: (Code.RESOURCE_EXHAUSTED, "OVERLOADED"),
    errors.BatchTooLarge: (Code.RESOURCE_EXHAUSTED, "BATCH_TOO_LARGE"),
    errors.MemoryExceeded: (Code.RESOURCE_EXHAUSTED, "MEMORY"),
    MemoryError: (Code.RESOURCE_EXHAUSTED, "MEMORY"),
    errors.NotReady: (Code.UNAVAILABLE, "LOADING"),
    errors.ArtifactCorrupt: (Code.DATA_LOSS, "ARTIFACT_CORRUPT"),
}
_CODES = {reason: code for code, reason in TABLE.values()}


def code_and_reason(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """Return the row of the table for an error: its own, or its nearest ancestor's; else BUG."""
    if isinstance(error, errors.ProcessFailure):
        known = error.reason in _CODES
        return (_CODES[error.reason], error.reason) if known else BUG
    for kind in type(error).__mro__:
        if kind in TABLE:
            code, reason = TABLE[kind]
            draining = isinstance(error, errors.NotReady) and error.draining
            return (code, "DRAINING") if draining else (code, reason)
    return BUG


def message_of(error: BaseException) -> str:
    """Return the text for people; the one of an unknown error stays in the log."""
    if code_and_reason(error) == BUG:
        return BUG_TEXT
    return str(error) or "Out of memory."


def metadata_of(error: BaseException) -> dict[str, str]:
    """Return the facts for programs."""
    if isinstance(error, SettingInvalid):
        return {"field": error.field, "found": str(error.found), "allowed": error.allowed}
    return dict(error.metadata) if isinstance(error, errors.ServerError) else {}


def status_of(error: BaseException) -> status_pb2.Status:
    """Return the whole status: ErrorInfo always, BadRequest for a field, RetryInfo for a wait."""
    code, reason = code_and_reason(error)
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata_of(error))
    ]
    violation = _violation(error)
    if violation:
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if code in (Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE):
        delay = duration_pb2.Duration(nanos=RETRY_DELAY_MS * 1_000_000)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code.value[0], message=message_of(error), details=packed)


def log_bug(error: BaseException, method: str) -> None:
    """Write an unknown error with its traceback; a known one is the caller's affair."""
    if code_and_reason(error) == BUG:
        _LOG.error("%s failed", method, exc_info=error)


def _violation(error: BaseException) -> error_details_pb2.BadRequest.FieldViolation | None:
    if isinstance(error, errors.FieldInvalid):
        return error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=error.problem
        )
    if isinstance(error, SettingInvalid):
        return error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=str(error)
        )
    return None
