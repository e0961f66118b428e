"""Files as streams of record batches of a few columns; never a whole file in memory."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from shortlist.server.domain.sources import TextOptions
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.formats import DataFile, Types


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch comes from, to name a row in an error."""

    file: str
    first_row: int  # of the batch in its file, the file's first being 1

    def invalid(self, reason: str, column: str, index: int | None = None) -> DataSourceInvalid:
        """Return the error for one value of this batch, or for the column."""
        row = None if index is None else self.first_row + index
        return DataSourceInvalid(reason, file=self.file, column=column, row=row)


def column_names(file: DataFile, text: TextOptions, positional: bool) -> list[str]:
    """Return the names of a file's columns, "0", "1" ... where they are meant by number."""
    try:
        return file.format.columns(file, text, positional)
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure


def row_count(file: DataFile) -> int | None:
    """Return how many rows a file says it has, None where its format does not say."""
    if file.format.row_count is None:
        return None
    try:
        return file.format.row_count(file)
    except (pa.ArrowException, OSError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure


def placed_batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> Generator[tuple[Place, pa.RecordBatch], None, None]:
    """Yield a file's rows in order, `columns` only, in batches of bounded size.

    types: what text columns are to be read as; the others are guessed from the first block.
    Raises DataSourceInvalid, with the row where text does not fit its type.
    """
    first_row = 1
    try:
        for batch in file.format.batches(file, text, columns, types):
            yield Place(file.path, first_row), batch
            first_row += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure
