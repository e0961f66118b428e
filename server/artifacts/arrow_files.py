"""Arrow IPC files, uncompressed: numpy sees their columns in the mapped pages themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.errors import ArtifactCorrupt

Number = TypeVar("Number", bound=np.generic)

ENTRY = pa.struct([pa.field("item", pa.int32(), False), pa.field("value", pa.float32(), False)])


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as one Arrow IPC file of one batch."""
    options = pa.ipc.IpcWriteOptions(compression=None)
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, table.schema, options=options) as file,
    ):
        for batch in table.combine_chunks().to_batches():
            file.write_batch(batch)


def map_table(path: Path) -> pa.Table:
    """Map a table; nothing is read before it is looked at. Raises ArtifactCorrupt."""
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException) as problem:
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem


def ids_column(vocabulary: Vocabulary) -> pa.Array:
    """Return the ids as Arrow's large_string, over the vocabulary's own arrays."""
    buffers = [None, pa.py_buffer(vocabulary.offsets), pa.py_buffer(vocabulary.utf8)]
    return pa.Array.from_buffers(pa.large_string(), len(vocabulary), buffers)


def vocabulary_of(ids: pa.Array, slots: npt.NDArray[np.int32]) -> Vocabulary:
    """Return the vocabulary over the column's own buffers."""
    _, offsets, utf8 = ids.buffers()
    return Vocabulary.from_arrays(
        _buffer_view(utf8, np.uint8, None), _offsets_view(offsets, len(ids)), slots
    )


def vectors_column(vectors: FloatArray) -> pa.Array:
    """Return the rows of a matrix (n, dim) as FixedSizeList<float32>."""
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def vectors_of(column: pa.Array) -> FloatArray:
    """Return the matrix (n, dim) over the column's own buffer."""
    return numbers_of(column.flatten(), np.float32).reshape(len(column), column.type.list_size)


def seen_column(seen: Interactions) -> pa.Array:
    """Return compressed sparse rows as a list of (item, value) a user."""
    parts = [pa.array(seen.columns), pa.array(seen.values)]
    entries = pa.StructArray.from_arrays(parts, fields=list(ENTRY))
    return pa.LargeListArray.from_arrays(pa.array(seen.row_starts), entries)


def seen_of(column: pa.Array, item_count: int) -> Interactions:
    """Return the compressed sparse rows over the column's own buffers."""
    starts = _offsets_view(column.buffers()[1], len(column))
    entries = column.values
    return Interactions(
        starts,
        numbers_of(entries.field("item"), np.int32),
        numbers_of(entries.field("value"), np.float32),
        item_count,
    )


def numbers_of(column: pa.Array, kind: type[Number]) -> npt.NDArray[Number]:
    """Return a column without nulls as numpy array, over its own buffer."""
    if column.type != pa.from_numpy_dtype(np.dtype(kind)) or column.null_count:
        raise TypeError(f"{column.type} with {column.null_count} nulls is no {kind.__name__}")
    return column.to_numpy(zero_copy_only=True)  # type: ignore[no-any-return]


def one_chunk(table: pa.Table, name: str) -> Any:
    """Return a column as one array; an empty table has no chunk at all."""
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _offsets_view(buffer: pa.Buffer | None, count: int) -> npt.NDArray[np.int64]:
    """Return the count + 1 offsets; Arrow may leave the single one of an empty column out."""
    if count == 0:
        return np.zeros(1, np.int64)
    return _buffer_view(buffer, np.int64, count + 1)


def _buffer_view(
    buffer: pa.Buffer | None, kind: type[Number], count: int | None
) -> npt.NDArray[Number]:
    if buffer is None or not buffer.size:
        return np.empty(0, kind)
    numbers = np.frombuffer(buffer, kind)
    return numbers if count is None else numbers[:count]
