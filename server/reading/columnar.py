"""Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from shortlist.server.domain.sources import TextOptions
from shortlist.server.reading.formats import DataFile, Format, Types

BATCH_ROWS = 1 << 17
DICTIONARY_BYTES = 1 << 21  # of a column in a row group, with room above the usual limit
CODE_BYTES = 3  # 20 bits and the page headers: what one row of such a column may take


def _parquet_columns(file: DataFile, text: TextOptions, positional: bool) -> list[str]:
    names: list[str] = pq.read_schema(file.path, filesystem=file.filesystem).names
    return names


def _parquet_row_count(file: DataFile) -> int:
    rows: int = pq.read_metadata(file.path, filesystem=file.filesystem).num_rows
    return rows


def _parquet_batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> Iterator[pa.RecordBatch]:
    # Not through a dataset: its scanner decodes row groups ahead, three times the memory here.
    metadata = pq.read_metadata(file.path, filesystem=file.filesystem)
    with pq.ParquetFile(
        file.path,
        filesystem=file.filesystem,
        metadata=metadata,
        read_dictionary=_dictionary_coded(metadata, [name for name in columns if name in types]),
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


def _arrow_columns(file: DataFile, text: TextOptions, positional: bool) -> list[str]:
    names: list[str] = _arrow_dataset(file).schema.names
    return names


def _arrow_batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> Iterator[pa.RecordBatch]:
    yield from _arrow_dataset(file).to_batches(
        columns=list(columns), batch_size=BATCH_ROWS, batch_readahead=1, fragment_readahead=1
    )


def _arrow_dataset(file: DataFile) -> ds.Dataset:
    return ds.dataset(file.path, filesystem=file.filesystem, format="ipc")


PARQUET = Format(
    "parquet", (".parquet", ".pq"), _parquet_columns, _parquet_batches, _parquet_row_count
)
ARROW = Format("arrow", (".arrow", ".feather", ".ipc"), _arrow_columns, _arrow_batches)
