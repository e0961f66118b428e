import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray, LongArray

_Bits = npt.NDArray[np.uint32]
_Entries = npt.NDArray[np.uint64]

def count_keys(keys: IntArray, counts: LongArray) -> None: ...
def scatter_events(
    rows: IntArray,
    columns: IntArray,
    payload: _Bits,
    first: int,
    last: int,
    position: LongArray,
    entries: _Entries,
) -> None: ...
def merge_pairs(
    entries: _Entries,
    starts: LongArray,
    first: int,
    last: int,
    column_bits: int,
    aggregate: int,
    values: FloatArray,
    times: LongArray,
    spare: _Entries,
    merged_counts: LongArray,
) -> None: ...
def split_entries(
    entries: _Entries,
    starts: LongArray,
    row_starts: LongArray,
    first: int,
    last: int,
    columns: IntArray,
    values: FloatArray,
) -> None: ...
def transpose_rows(
    row_starts: LongArray,
    columns: IntArray,
    values: FloatArray,
    first: int,
    last: int,
    position: LongArray,
    turned_columns: IntArray,
    turned_values: FloatArray,
) -> None: ...
def copy_rows(
    row_starts: LongArray,
    columns: IntArray,
    values: FloatArray,
    rows: IntArray,
    copied_starts: LongArray,
    copied_columns: IntArray,
    copied_values: FloatArray,
) -> None: ...
