"""Errors of the server's rooms; only server/rpc/errors.py knows their status codes.

Each carries `metadata`: what a program needs (field, limit, found value, file, row), as text.

ServerError
├── FieldInvalid          a request field is missing, ill-typed or out of range
│   ├── EmbeddingDimension    a vector of the wrong length
│   ├── FieldUnknown          fields that this server's contract does not have
│   ├── FilterSyntax          a filter that cannot be read, or does not fit an attribute
│   └── FilterUnknownField    an attribute that the model's items do not have
├── DataSourceInvalid     a data file that cannot be used (file, column, row)
├── PathNotAllowed        a path outside the configured data roots
├── NotFound
│   ├── CatalogNotFound, ModelNotFound, JobNotFound
│   └── UserUnknown       nothing known about a user, and the request wants no popular items
├── QueryKindUnsupported  the model cannot answer this kind of query
├── ModelInUse            an alias holds the model
├── ItemDeleted           an item to show again is deleted
├── ModelExists           the model id is taken
├── ExportExists          the export id is another export's
├── ExportNotFound        no whole export of that model
├── IndexMissing          the model has no graph to export
├── Overloaded            a queue is full
├── BatchTooLarge         more entries than allowed
├── MemoryExceeded        would not fit in memory
├── NotReady              starting or draining
├── ArtifactCorrupt       a stored model fails its checks
└── ProcessFailure        what a process of ours reported, with its reason
"""

from collections.abc import Mapping, Sequence

from shortlist.core.errors import DataInvalid, ShortlistError


class ServerError(ShortlistError):
    """Root of the server's own errors."""

    def __init__(self, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.metadata = {key: str(value) for key, value in metadata.items()}


class FieldInvalid(ServerError):
    """A request field is missing, ill-typed or out of range; `field` is its path."""

    def __init__(self, field: str, problem: str, **metadata: object) -> None:
        super().__init__(f"{field}: {problem}", field=field, **metadata)
        self.field = field
        self.problem = problem


class EmbeddingDimension(FieldInvalid):
    """A vector of another length than the model's dim."""


class FieldUnknown(FieldInvalid):
    """A message of a request, `field` its path, holds fields that our contract does not have."""

    def __init__(self, path: str, message: str, numbers: Sequence[int]) -> None:
        listed = ", ".join(map(str, numbers))
        problem = f"holds fields of {message} that this server does not know: {listed}"
        super().__init__(path, problem, message_type=message, field_numbers=listed)


class FilterSyntax(FieldInvalid):
    """A filter that cannot be read or does not fit its attribute; `position` from character 0."""


class FilterUnknownField(FieldInvalid):
    """An attribute that the items of the model do not have; `known` lists those they have."""


class DataSourceInvalid(ServerError, DataInvalid):
    """A data file that cannot be used. Rows count from 1, a header line not included."""

    def __init__(
        self, reason: str, *, file: str = "", column: str = "", row: int | None = None
    ) -> None:
        place = [file] if file else []
        place += [f"column {column!r}"] if column else []
        place += [f"row {row}"] if row is not None else []
        named = {"file": file, "column": column, "row": "" if row is None else row}
        known = {key: value for key, value in named.items() if value != ""}
        super().__init__(f"{', '.join(place)}: {reason}" if place else reason, **known)
        self.reason = reason
        self.file = file
        self.column = column
        self.row = row


class PathNotAllowed(ServerError):
    """A path outside the configured data roots."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is outside the data roots of this server", path=path)
        self.path = path


class NotFound(ServerError):
    """Something that was named does not exist."""


class CatalogNotFound(NotFound):
    """No model was ever published in this catalog."""


class ModelNotFound(NotFound):
    """Neither a model nor an alias has this name."""


class JobNotFound(NotFound):
    """No job has this id."""


class UserUnknown(NotFound):
    """Nothing is known about the user, and the request asked for personal candidates only."""


class QueryKindUnsupported(ServerError):
    """The model cannot answer this kind of query."""


class ModelInUse(ServerError):
    """An alias points at the model."""


class ItemDeleted(ServerError):
    """An item that was to be shown again is deleted, which cannot be undone."""


class ModelExists(ServerError):
    """The model id is taken."""


class ExportExists(ServerError):
    """The export id is taken by an export of another model or with other settings."""


class ExportNotFound(ServerError):
    """No whole export of that model holds what is asked for."""


class IndexMissing(ServerError):
    """The model has no graph."""


class Overloaded(ServerError):
    """A queue is full; trying again later may succeed."""


class BatchTooLarge(ServerError):
    """More entries, or more to answer, than one call may carry."""


class MemoryExceeded(ServerError):
    """The work would not fit in memory."""


class NotReady(ServerError):
    """Starting or draining; another server may answer now, this one later."""

    def __init__(self, message: str, *, draining: bool) -> None:
        super().__init__(message)
        self.draining = draining


class ArtifactCorrupt(ServerError):
    """A stored model fails its checks."""


class ProcessFailure(ServerError):
    """What a process of ours reported; `reason` and metadata as in the failure of a job."""

    def __init__(self, reason: str, message: str, metadata: Mapping[str, str]) -> None:
        super().__init__(message, **metadata)
        self.reason = reason
