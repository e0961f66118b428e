"""Sets of rows as bitmaps: bit r % 64 of word r // 64 says whether row r is in the set.

Bits from row_count on are zero; every function here keeps them so.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data._bitmaps import set_positions
from shortlist.core.data.interactions import IntArray
from shortlist.core.errors import SettingInvalid

Bitmap: TypeAlias = npt.NDArray[np.uint64]

WORD_BITS = 64


def pack_bitmap(members: npt.NDArray[np.bool_]) -> Bitmap:
    """Pack one boolean a row (n,) into ceil(n / 64) words."""
    words = np.zeros(word_count(len(members)), np.uint64)
    packed = np.packbits(members, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words if np.little_endian else words.byteswap()


def unpack_bitmap(bitmap: Bitmap, row_count: int) -> npt.NDArray[np.bool_]:
    """Return one boolean a row, (row_count,)."""
    words = bitmap if np.little_endian else bitmap.byteswap()
    return np.unpackbits(words.view(np.uint8), count=row_count, bitorder="little").view(np.bool_)


def full_bitmap(row_count: int) -> Bitmap:
    """Return the set of all rows."""
    words = np.full(word_count(row_count), ~np.uint64(0))
    if spare := -row_count % WORD_BITS:
        words[-1] >>= np.uint64(spare)
    return words


def bitmap_of_rows(rows: npt.NDArray[np.integer], row_count: int) -> Bitmap:
    """Return the set of the named rows, in any order, repeated or not.

    Raises SettingInvalid when a row is outside 0..row_count-1.
    """
    if len(rows) and not 0 <= rows.min() <= rows.max() < row_count:
        row = int(rows.min()) if rows.min() < 0 else int(rows.max())
        raise SettingInvalid("rows", row, f"rows 0 to {row_count - 1}")
    members = np.zeros(row_count, np.bool_)
    members[rows] = True
    return pack_bitmap(members)


def intersect(left: Bitmap, right: Bitmap) -> Bitmap:
    """Return the rows that are in both sets."""
    return left & right


def unite(left: Bitmap, right: Bitmap) -> Bitmap:
    """Return the rows that are in either set."""
    return left | right


def complement(bitmap: Bitmap, row_count: int) -> Bitmap:
    """Return the rows that are not in the set."""
    return bitmap ^ full_bitmap(row_count)


def count_rows(bitmap: Bitmap) -> int:
    """Return how many rows are in the set."""
    return int(np.bitwise_count(bitmap).sum(dtype=np.int64))


def rows_of_bitmap(bitmap: Bitmap) -> IntArray:
    """Return the rows of the set, ascending."""
    rows = np.empty(count_rows(bitmap), np.int32)
    set_positions(bitmap, rows)
    return rows


def has_rows(bitmap: Bitmap, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Return for each of the rows (n,) whether it is in the set."""
    bits = bitmap[rows // WORD_BITS] >> (rows % WORD_BITS).astype(np.uint64)
    members: npt.NDArray[np.bool_] = (bits & np.uint64(1)).astype(np.bool_)
    return members


def check_bitmap(field: str, bitmap: Bitmap, row_count: int) -> None:
    """Raise SettingInvalid unless bitmap is a set over row_count rows."""
    words = word_count(row_count)
    if bitmap.dtype != np.uint64 or bitmap.shape != (words,):
        raise SettingInvalid(field, f"{bitmap.dtype} {bitmap.shape}", f"{words} uint64 words")
    if row_count % WORD_BITS and int(bitmap[-1]) >> row_count % WORD_BITS:
        raise SettingInvalid(field, hex(bitmap[-1]), f"no bit from row {row_count} on")


def word_count(row_count: int) -> int:
    """Return how many words a set over row_count rows takes."""
    return -(-row_count // WORD_BITS)
