"""Errors of the server's rooms, below the core's tree.

ShortlistError
├── DataInvalid
│   └── DataSourceInvalid   a data file cannot be used (names file, column, row)
└── PathNotAllowed          a path outside the configured data roots
"""

from shortlist.core.errors import DataInvalid, ShortlistError


class DataSourceInvalid(DataInvalid):
    """A data file cannot be used. Rows count from 1, a header line not included."""

    def __init__(
        self, reason: str, *, file: str = "", column: str = "", row: int | None = None
    ) -> None:
        place = [file] if file else []
        place += [f"column {column!r}"] if column else []
        place += [f"row {row}"] if row is not None else []
        super().__init__(f"{', '.join(place)}: {reason}" if place else reason)
        self.reason = reason
        self.file = file
        self.column = column
        self.row = row

    def __reduce__(self) -> tuple[object, ...]:
        places = {"file": self.file, "column": self.column, "row": self.row}
        return _data_source_invalid, (self.reason, places)


class PathNotAllowed(ShortlistError):
    """A path leads outside the configured data roots."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path!r} is outside the data roots of this server")
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path,)


def _data_source_invalid(reason: str, places: dict[str, object]) -> DataSourceInvalid:
    return DataSourceInvalid(reason, **places)  # type: ignore[arg-type]
