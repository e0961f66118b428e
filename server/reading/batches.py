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
DICTIONARY_BYTES = 1 << 21  # of a column in a row group, with room above the usual limit
CODE_BYTES = 3  # 20 bits and the page headers: what one row of such a column may take


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
    metadata = pq.read_metadata(file.path, filesystem=file.filesystem)
    with pq.ParquetFile(
        file.path,
        filesystem=file.filesystem,
        metadata=metadata,
        read_dictionary=_dictionary_coded(metadata, [n for n in columns if n in types]),
        pre_buffer=not isinstance(file.filesystem, fs.LocalFileSystem),
    ) as parquet:
        for batch in parquet.iter_batches(BATCH_ROWS, columns=list(columns)):
            yield batch.select(list(columns))


def _dictionary_coded(metadata: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    """Return the columns that are stored as numbers into a dictionary all through.

    Those come without making a string a row. A writer whose dictionary grew too large (1 MiB)
    goes on with plain strings, and making a dictionary of those would be slower than reading them;
    nothing but the size of the column tells.
    """
    sizes = dict.fromkeys(names, 0)
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            if column.path_in_schema in sizes:
                sizes[column.path_in_schema] += column.total_uncompressed_size
    most = DICTIONARY_BYTES * metadata.num_row_groups + CODE_BYTES * metadata.num_rows
    return [name for name, size in sizes.items() if size <= most]


def _schema(file: DataFile) -> pa.Schema:
    if file.format == "parquet":
        return pq.read_schema(file.path, filesystem=file.filesystem)
    return ds.dataset(file.path, filesystem=file.filesystem, format="ipc").schema
