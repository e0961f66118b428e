"""The short names of what went wrong, the same in the details of an RPC and in a job's failure."""

from shortlist.core.errors import (
    DataInvalid,
    SettingInvalid,
    SingularSystem,
    TrainingDiverged,
)
from shortlist.server import errors
from shortlist.server.domain.job import Failure

BUG = "BUG"
BUG_TEXT = "The server failed in a way it should not; its log says more."
REASONS: dict[type[BaseException], str] = {
    errors.FieldInvalid: "FIELD_INVALID",
    errors.EmbeddingDimension: "EMBEDDING_DIMENSION",
    errors.FieldUnknown: "FIELD_UNKNOWN",
    errors.FilterSyntax: "FILTER_SYNTAX",
    errors.FilterUnknownField: "FILTER_UNKNOWN_FIELD",
    SettingInvalid: "FIELD_INVALID",
    DataInvalid: "DATA_INVALID",
    SingularSystem: "SINGULAR_SYSTEM",
    TrainingDiverged: "TRAINING_DIVERGED",
    errors.PathNotAllowed: "PATH_NOT_ALLOWED",
    errors.CatalogNotFound: "CATALOG_NOT_FOUND",
    errors.ModelNotFound: "MODEL_NOT_FOUND",
    errors.JobNotFound: "JOB_NOT_FOUND",
    errors.UserUnknown: "USER_UNKNOWN",
    errors.QueryKindUnsupported: "QUERY_KIND_UNSUPPORTED",
    errors.ModelInUse: "MODEL_IN_USE",
    errors.ItemDeleted: "ITEM_DELETED",
    errors.ModelExists: "MODEL_EXISTS",
    errors.ExportExists: "EXPORT_EXISTS",
    errors.ExportNotFound: "EXPORT_NOT_FOUND",
    errors.IndexMissing: "INDEX_MISSING",
    errors.Overloaded: "OVERLOADED",
    errors.BatchTooLarge: "BATCH_TOO_LARGE",
    errors.MemoryExceeded: "MEMORY",
    MemoryError: "MEMORY",
    errors.NotReady: "LOADING",
    errors.ArtifactCorrupt: "ARTIFACT_CORRUPT",
}


def reason_of(error: BaseException) -> str:
    """Return the reason of an error: its own, or its nearest ancestor's; else BUG."""
    return next((REASONS[kind] for kind in type(error).__mro__ if kind in REASONS), BUG)


def failure_of(error: BaseException) -> Failure:
    """Return an error for a caller to read; the text of an unknown one stays in the log."""
    reason = reason_of(error)
    if reason == BUG:
        return Failure(BUG, BUG_TEXT, {})
    return Failure(reason, str(error) or "Out of memory.", _metadata_of(error))


def _metadata_of(error: BaseException) -> dict[str, str]:
    if isinstance(error, SettingInvalid):
        return {"field": error.field, "found": str(error.found), "allowed": error.allowed}
    return dict(error.metadata) if isinstance(error, errors.ServerError) else {}
