"""Files as streams of record batches of a few columns; never a whole file in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds

from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.adjacency import adjacency_batches
from shortlist.server.reading.sources import DataFile, TextOptions
from shortlist.server.reading.text_files import csv_batches, csv_columns

BATCH_ROWS = 1 << 17
BATCHES_AHEAD = 4


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
    if file.format == "adjacency":
        return ["user", "item"]
    try:
        if file.format in ("csv", "tsv"):
            return csv_columns(file, text, positional)
        names: list[str] = _dataset(file, ()).schema.names
        return names
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure


def placed_batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: dict[str, pa.DataType]
) -> Iterator[tuple[Place, pa.RecordBatch]]:
    """Yield a file's rows in order, `columns` only, in batches of bounded size.

    types: what text columns are to be read as; the others are guessed from the first block.
    Raises DataSourceInvalid, with the row where text does not fit its type.
    """
    if file.format == "adjacency":
        batches = adjacency_batches(file)
    elif file.format in ("csv", "tsv"):
        batches = csv_batches(file, text, columns, types)
    else:
        batches = _columnar_batches(file, columns, types)
    first_row = 1
    try:
        for batch in batches:
            yield Place(file.path, first_row), batch
            first_row += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure


def _columnar_batches(
    file: DataFile, columns: Sequence[str], types: dict[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    ids = [name for name in columns if types.get(name) == pa.string()]
    yield from _dataset(file, ids).to_batches(
        columns=list(columns),
        batch_size=BATCH_ROWS,
        batch_readahead=BATCHES_AHEAD,
        fragment_readahead=1,
    )


def _dataset(file: DataFile, ids: Sequence[str]) -> ds.Dataset:
    """Open a columnar file; ids that are strings keep the dictionaries they are stored with."""
    if file.format == "arrow":
        return ds.dataset(file.path, filesystem=file.filesystem, format="ipc")
    options = ds.ParquetReadOptions(dictionary_columns=set(ids))
    parquet = ds.ParquetFileFormat(read_options=options)
    return ds.dataset(file.path, filesystem=file.filesystem, format=parquet)
