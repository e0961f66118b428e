"""The one table of status codes, and the google.rpc.Status that carries an error's details."""

import logging

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from shortlist.core.errors import SettingInvalid
from shortlist.server import errors
from shortlist.server.reasons import BUG, BUG_TEXT, reason_of

_LOG = logging.getLogger("shortlist.server")

DOMAIN = "shortlist"
# Long enough for a queue of retrievals to empty or a new worker to answer, short for a person.
RETRY_DELAY_MS = 500

Code = grpc.StatusCode
BUG_CODE = (Code.INTERNAL, BUG)
# By the reason that server/reasons.py gives an error; what is not here is a bug of ours.
CODES: dict[str, grpc.StatusCode] = {
    "FIELD_INVALID": Code.INVALID_ARGUMENT,
    "EMBEDDING_DIMENSION": Code.INVALID_ARGUMENT,
    "FIELD_UNKNOWN": Code.INVALID_ARGUMENT,
    "FILTER_SYNTAX": Code.INVALID_ARGUMENT,
    "FILTER_UNKNOWN_FIELD": Code.INVALID_ARGUMENT,
    "DATA_INVALID": Code.INVALID_ARGUMENT,
    "PATH_NOT_ALLOWED": Code.PERMISSION_DENIED,
    "CATALOG_NOT_FOUND": Code.NOT_FOUND,
    "MODEL_NOT_FOUND": Code.NOT_FOUND,
    "JOB_NOT_FOUND": Code.NOT_FOUND,
    "EXPORT_NOT_FOUND": Code.NOT_FOUND,
    "USER_UNKNOWN": Code.NOT_FOUND,
    "QUERY_KIND_UNSUPPORTED": Code.FAILED_PRECONDITION,
    "INDEX_MISSING": Code.FAILED_PRECONDITION,
    "MODEL_IN_USE": Code.FAILED_PRECONDITION,
    "ITEM_DELETED": Code.FAILED_PRECONDITION,
    "SINGULAR_SYSTEM": Code.FAILED_PRECONDITION,
    "MODEL_EXISTS": Code.ALREADY_EXISTS,
    "EXPORT_EXISTS": Code.ALREADY_EXISTS,
    "OVERLOADED": Code.RESOURCE_EXHAUSTED,
    "BATCH_TOO_LARGE": Code.RESOURCE_EXHAUSTED,
    "MEMORY": Code.RESOURCE_EXHAUSTED,
    "LOADING": Code.UNAVAILABLE,
    "DRAINING": Code.UNAVAILABLE,
    "ARTIFACT_CORRUPT": Code.DATA_LOSS,
}


def code_and_reason(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """Return the status code and the reason of an error."""
    reason = reason_of(error)
    if isinstance(error, errors.ProcessFailure):
        reason = error.reason
    elif isinstance(error, errors.NotReady) and error.draining:
        reason = "DRAINING"
    return (CODES[reason], reason) if reason in CODES else BUG_CODE


def message_of(error: BaseException) -> str:
    """Return the text for people; the one of an unknown error stays in the log."""
    if code_and_reason(error) == BUG_CODE:
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
    if code_and_reason(error) == BUG_CODE:
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
