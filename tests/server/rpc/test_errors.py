"""The error table: every class of the tree has a row, and a status says all a client needs."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from shortlist.core.errors import (
    DataInvalid,
    SettingInvalid,
    SingularSystem,
)
from shortlist.server import errors
from shortlist.server.reasons import BUG_TEXT, REASONS
from shortlist.server.rpc.errors import CODES, code_and_reason, status_of

EXAMPLES = [
    (errors.FieldInvalid("count", "-1 is not in 0..10000"), "INVALID_ARGUMENT", "FIELD_INVALID"),
    (errors.EmbeddingDimension("v", "3, not 4"), "INVALID_ARGUMENT", "EMBEDDING_DIMENSION"),
    (errors.FieldUnknown("query", "Q", [7]), "INVALID_ARGUMENT", "FIELD_UNKNOWN"),
    (SettingInvalid("dim", 0, "1..4096"), "INVALID_ARGUMENT", "FIELD_INVALID"),
    (DataInvalid("x"), "INVALID_ARGUMENT", "DATA_INVALID"),
    (errors.DataSourceInvalid("x", file="f", row=2), "INVALID_ARGUMENT", "DATA_INVALID"),
    (errors.PathNotAllowed("x"), "PERMISSION_DENIED", "PATH_NOT_ALLOWED"),
    (errors.CatalogNotFound("x"), "NOT_FOUND", "CATALOG_NOT_FOUND"),
    (errors.ModelNotFound("x"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    (errors.JobNotFound("x"), "NOT_FOUND", "JOB_NOT_FOUND"),
    (errors.UserUnknown("x"), "NOT_FOUND", "USER_UNKNOWN"),
    (errors.QueryKindUnsupported("x"), "FAILED_PRECONDITION", "QUERY_KIND_UNSUPPORTED"),
    (errors.ModelInUse("x"), "FAILED_PRECONDITION", "MODEL_IN_USE"),
    (errors.ModelExists("x"), "ALREADY_EXISTS", "MODEL_EXISTS"),
    (errors.Overloaded("x"), "RESOURCE_EXHAUSTED", "OVERLOADED"),
    (errors.BatchTooLarge("x"), "RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE"),
    (errors.MemoryExceeded("x"), "RESOURCE_EXHAUSTED", "MEMORY"),
    (MemoryError(), "RESOURCE_EXHAUSTED", "MEMORY"),
    (errors.NotReady("x", draining=False), "UNAVAILABLE", "LOADING"),
    (errors.NotReady("x", draining=True), "UNAVAILABLE", "DRAINING"),
    (errors.ArtifactCorrupt("x"), "DATA_LOSS", "ARTIFACT_CORRUPT"),
    (errors.ProcessFailure("DATA_INVALID", "x", {}), "INVALID_ARGUMENT", "DATA_INVALID"),
    (errors.ProcessFailure("WEATHER", "x", {}), "INTERNAL", "BUG"),
    (SingularSystem("x"), "FAILED_PRECONDITION", "SINGULAR_SYSTEM"),
    (ZeroDivisionError("secret"), "INTERNAL", "BUG"),
]


@pytest.mark.parametrize(("error", "code", "reason"), EXAMPLES, ids=lambda x: str(type(x).__name__))
def test_each_error_has_the_code_and_reason_of_the_table(
    error: BaseException, code: str, reason: str
) -> None:
    """Clients branch on these two words: they are part of the contract."""
    assert code_and_reason(error) == (grpc.StatusCode[code], reason)


def test_every_leaf_of_the_server_tree_is_in_the_table() -> None:
    """A new error class without a row would reach clients as a bug of ours."""

    def leaves(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*(leaves(one) for one in kind.__subclasses__()))

    grouping = {errors.ServerError, errors.NotFound, errors.ProcessFailure}
    for kind in leaves(errors.ServerError) - grouping:
        assert any(REASONS.get(parent) in CODES for parent in kind.__mro__), kind


def details_of(error: BaseException) -> dict[str, Any]:
    kinds = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo)
    found = {}
    for packed in status_of(error).details:
        for kind in kinds:
            message = kind()
            if packed.Unpack(message):
                found[kind.__name__] = message
    return found


def test_a_bad_field_carries_its_path_as_a_violation() -> None:
    """A form in front of the API can mark the field without parsing prose."""
    details = details_of(
        errors.FieldInvalid("query.user.history[2].item_id", "is empty", limit=512)
    )
    assert details["ErrorInfo"].domain == "shortlist"
    assert details["ErrorInfo"].metadata["limit"] == "512"
    assert details["ErrorInfo"].metadata["field"] == "query.user.history[2].item_id"
    violation = details["BadRequest"].field_violations[0]
    assert (violation.field, violation.description) == ("query.user.history[2].item_id", "is empty")
    assert "RetryInfo" not in details


def test_a_retry_delay_comes_with_exhaustion_and_unavailability_only() -> None:
    """Retrying anything else answers the same again."""
    for error, code, _ in EXAMPLES:
        expected = code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE")
        assert ("RetryInfo" in details_of(error)) == expected, error


def test_the_text_of_a_bug_stays_inside() -> None:
    """A traceback or a path in a public message helps attackers only."""
    status = status_of(ZeroDivisionError("secret"))
    assert status.message == BUG_TEXT
    assert b"secret" not in status.SerializeToString()
