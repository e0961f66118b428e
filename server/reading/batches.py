"""Files as streams of record batches of a few columns; never a whole file in memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.adjacency import adjacency_batches
from shortlist.server.reading.sources import DataFile, TextOptions
from shortlist.server.reading.text_files import csv_batches, csv_columns

BATCH_ROWS = 1 << 17


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
        names: list[str] = _schema(file).names
        return names
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure


def row_count(file: DataFile) -> int | None:
    """Return how many rows a file says it has, None where its format does not say."""
    if file.format != "parquet":
        return None
    try:
        rows: int = pq.read_metadata(file.path, filesystem=file.filesystem).num_rows
    except (pa.ArrowException, OSError) as failure:
        raise DataSourceInvalid(f"cannot be read: {failure}", file=file.path) from failure
    return rows


def placed_batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: dict[str, pa.DataType]
) -> Generator[tuple[Place, pa.RecordBatch], None, None]:
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
    if file.format == "arrow":
        yield from ds.dataset(file.path, filesystem=file.filesystem, format="ipc").to_batches(
            columns=list(columns), batch_size=BATCH_ROWS, batch_readahead=1, fragment_readahead=1
        )
        return
    # Not through a dataset: its scanner decodes row groups ahead, three times the memory here.
    with pq.ParquetFile(
        file.path,
        filesystem=file.filesystem,
        # Ids that are strings keep the dictionaries they are stored with.
        read_dictionary=[name for name in columns if types.get(name) == pa.string()],
        pre_buffer=not isinstance(file.filesystem, fs.LocalFileSystem),
    ) as parquet:
        for batch in parquet.iter_batches(BATCH_ROWS, columns=list(columns)):
            yield batch.select(list(columns))


def _schema(file: DataFile) -> pa.Schema:
    if file.format == "parquet":
        return pq.read_schema(file.path, filesystem=file.filesystem)
    return ds.dataset(file.path, filesystem=file.filesystem, format="ipc").schema
