from typing import final

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import IntArray, LongArray

_Bytes = npt.NDArray[np.uint8]

def fill_slots(utf8: _Bytes, offsets: LongArray, count: int, slots: IntArray) -> None: ...
def intern_ids(
    new_utf8: _Bytes,
    new_offsets: LongArray,
    utf8: _Bytes,
    offsets: LongArray,
    known: int,
    slots: IntArray,
    codes: IntArray,
) -> int: ...
def copy_ids(
    utf8: _Bytes,
    offsets: LongArray,
    rows: IntArray,
    copied_utf8: _Bytes,
    copied_offsets: LongArray,
) -> None: ...

@final
class IdTable:
    def __init__(self, utf8: _Bytes, offsets: LongArray, slots: IntArray) -> None: ...
    def row(self, id: str) -> int | None: ...
    def find(
        self, ids: list[str], rows: IntArray, positions: LongArray, missing: LongArray
    ) -> int: ...
    def find_utf8(
        self,
        utf8: _Bytes,
        offsets: LongArray,
        rows: IntArray,
        positions: LongArray,
        missing: LongArray,
    ) -> int: ...
    def ids(self, rows: IntArray) -> list[str]: ...
