"""Outside ids (UTF-8, 1 to 512 bytes) to rows and back.

A vocabulary is three plain arrays, so that an artifact can map them from disk: opening a million
ids costs nothing and processes share the pages. Rows are in the order of the ids' UTF-8 bytes,
which is also Python's order of strings: ties by id are ties by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data._vocabulary import IdTable, copy_ids, fill_slots, intern_ids
from shortlist.core.data.id_order import id_order
from shortlist.core.data.interactions import IntArray, LongArray
from shortlist.core.errors import DataInvalid

ID_BYTES_MAX = 512
IDS_MAX = 2**30  # the table of slots, twice as many, stays addressable by int32
SLOTS_MIN = 8
IDS_AT_ONCE = 1 << 14  # all may be new: few at a time keep the table of slots small

ByteArray: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Found:
    """What a vocabulary knows about a list of ids, and what it does not."""

    rows: IntArray  # (known,) rows of the known ids, in the order asked
    positions: LongArray  # (known,) where in the list they stood
    missing: LongArray  # (unknown,) where the unknown ids stood


class Vocabulary:
    """Ids and their rows; immutable. Build with `build`, `from_strings`, or `from_arrays`."""

    __slots__ = ("_table", "offsets", "slots", "utf8")

    utf8: ByteArray  # (bytes,) all ids, one after the other, sorted
    offsets: LongArray  # (ids + 1,) where in utf8 each id starts
    slots: IntArray  # (a power of two, at least twice the ids) hash table of rows; -1 is empty

    def __init__(self, utf8: ByteArray, offsets: LongArray, slots: IntArray) -> None:
        self.utf8, self.offsets, self.slots = utf8, offsets, slots
        self._table = IdTable(utf8, offsets, slots)

    @classmethod
    def build(cls, utf8: ByteArray, offsets: LongArray) -> Vocabulary:
        """Sort ids given as bytes, id i being utf8[offsets[i]:offsets[i + 1]].

        Raises DataInvalid for an id twice, an empty or too long one, and bytes that are no UTF-8.
        """
        builder = VocabularyBuilder()
        codes = builder.add(utf8, offsets)
        twice = np.flatnonzero(codes != np.arange(len(codes), dtype=np.int32))
        if len(twice):
            name = utf8[offsets[twice[0]] : offsets[twice[0] + 1]].tobytes().decode()
            raise DataInvalid(f"id {name!r} occurs twice, again at position {twice[0]}")
        return builder.finish()[0]

    @classmethod
    def from_strings(cls, ids: Iterable[str]) -> Vocabulary:
        """Sort ids given as strings; raises like `build`."""
        return cls.build(*_encoded(ids))

    @classmethod
    def from_arrays(cls, utf8: ByteArray, offsets: LongArray, slots: IntArray) -> Vocabulary:
        """Open stored arrays as they are, read-only maps included.

        Sizes and types are checked, contents are not: an artifact's checksum vouches for them.
        Raises DataInvalid where the three cannot belong together.
        """
        types = ", ".join(array.dtype.name for array in (utf8, offsets, slots))
        if types != "uint8, int64, int32":
            raise DataInvalid(f"vocabulary arrays are {types}, not uint8, int64, int32")
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(utf8):
            raise DataInvalid(f"vocabulary offsets do not span its {len(utf8)} bytes")
        if len(slots) != _slot_count(len(offsets) - 1):
            raise DataInvalid(f"vocabulary of {len(offsets) - 1} ids has {len(slots)} slots")
        return cls(utf8, offsets, slots)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __contains__(self, id: str) -> bool:
        return self._table.row(id) is not None

    def __reduce__(self) -> tuple[type, tuple[ByteArray, LongArray, IntArray]]:
        return Vocabulary, (self.utf8, self.offsets, self.slots)

    def row(self, id: str) -> int | None:
        """Return the row of an id, None where it is unknown."""
        return self._table.row(id)

    def find(self, ids: Sequence[str]) -> Found:
        """Return which of the ids are known, their rows, and which are not."""
        names = ids if isinstance(ids, list) else list(ids)
        found = _empty_found(len(names))
        known = self._table.find(names, found.rows, found.positions, found.missing)
        return _cut(found, known)

    def find_utf8(self, utf8: ByteArray, offsets: LongArray) -> Found:
        """Do what `find` does for ids given as bytes, at the speed of a table's columns."""
        _check_offsets(utf8, offsets)
        found = _empty_found(len(offsets) - 1)
        known = self._table.find_utf8(utf8, offsets, found.rows, found.positions, found.missing)
        return _cut(found, known)

    def ids(self, rows: npt.ArrayLike) -> list[str]:
        """Return the ids of rows. Raises IndexError for a row that does not exist."""
        return self._table.ids(np.ascontiguousarray(rows, dtype=np.int32))

    def select(self, rows: IntArray) -> Vocabulary:
        """Return the vocabulary of some rows, given strictly ascending; they become 0, 1, 2 ..."""
        if len(rows) and (rows[0] < 0 or rows[-1] >= len(self) or np.any(np.diff(rows) <= 0)):
            raise DataInvalid(f"rows to select must ascend within 0..{len(self) - 1}")
        return _indexed(*_gathered(self.utf8, self.offsets, rows))


class VocabularyBuilder:
    """Collects ids batch by batch: codes in order of first sight at once, rows at the end."""

    def __init__(self) -> None:
        self._known = 0
        self._utf8: ByteArray = np.empty(1 << 12, np.uint8)
        self._offsets: LongArray = np.zeros(1 << 8, np.int64)
        self._slots: IntArray = np.full(SLOTS_MIN, -1, np.int32)

    def __len__(self) -> int:
        return self._known

    def add(self, utf8: ByteArray, offsets: LongArray) -> IntArray:
        """Return the code of each id, equal ids alike. Raises DataInvalid like `build`."""
        _check_ids(utf8, offsets)
        codes = np.empty(len(offsets) - 1, np.int32)
        for start in range(0, len(codes), IDS_AT_ONCE):
            self._add(utf8, offsets[start : start + IDS_AT_ONCE + 1], codes[start:])
        return codes

    def finish(self) -> tuple[Vocabulary, IntArray]:
        """Return the sorted vocabulary and the row of each code, (codes,)."""
        order = id_order(self._utf8, self._offsets, self._known)
        rows = np.empty_like(order)
        rows[order] = np.arange(self._known, dtype=np.int32)
        return _indexed(*_gathered(self._utf8, self._offsets, order)), rows

    def _add(self, utf8: ByteArray, offsets: LongArray, codes: IntArray) -> None:
        count = len(offsets) - 1
        if self._known + count > IDS_MAX:
            raise DataInvalid(f"more than {IDS_MAX} ids")
        used = int(self._offsets[self._known])
        self._utf8 = _grown(self._utf8, used, used + int(offsets[-1] - offsets[0]))
        self._offsets = _grown(self._offsets, self._known + 1, self._known + count + 1)
        if len(self._slots) < (wanted := _slot_count(self._known + count)):
            self._slots = np.empty(wanted, np.int32)
            fill_slots(self._utf8, self._offsets, self._known, self._slots)
        self._known = intern_ids(
            utf8, offsets, self._utf8, self._offsets, self._known, self._slots, codes[:count]
        )


def _encoded(ids: Iterable[str]) -> tuple[ByteArray, LongArray]:
    try:
        encoded = [name.encode() for name in ids]
    except UnicodeEncodeError as failure:
        raise DataInvalid(f"id {failure.object!r} has no UTF-8 form") from failure
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(name) for name in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def _check_offsets(utf8: ByteArray, offsets: LongArray) -> None:
    ascending = len(offsets) > 0 and offsets[0] >= 0 and not np.any(np.diff(offsets) < 0)
    if not ascending or offsets[-1] > len(utf8):
        raise DataInvalid(f"id offsets do not ascend within the {len(utf8)} bytes of the ids")


def _check_ids(utf8: ByteArray, offsets: LongArray) -> None:
    _check_offsets(utf8, offsets)
    sizes = np.diff(offsets)
    wrong = np.flatnonzero((sizes < 1) | (sizes > ID_BYTES_MAX))
    if len(wrong):
        place = int(wrong[0])
        raise DataInvalid(f"id at position {place} has {sizes[place]} bytes, not 1..{ID_BYTES_MAX}")
    text = utf8[offsets[0] : offsets[-1]]
    if text.max(initial=0) < 0x80:
        return
    # Valid as a whole and cut between characters: valid one by one.
    try:
        str(text.data, "utf-8")
    except UnicodeDecodeError as failure:
        place = int(np.searchsorted(offsets - offsets[0], failure.start, side="right")) - 1
        raise DataInvalid(f"id at position {place} is not valid UTF-8") from failure
    cut = np.flatnonzero(utf8[offsets[:-1]] & 0xC0 == 0x80)
    if len(cut):
        raise DataInvalid(f"id at position {cut[0]} is not valid UTF-8")


def _slot_count(id_count: int) -> int:
    return max(SLOTS_MIN, 1 << (2 * id_count - 1).bit_length()) if id_count else SLOTS_MIN


def _grown(array: npt.NDArray, used: int, wanted: int) -> npt.NDArray:  # type: ignore[type-arg]
    """Return the array, or one at least twice as large that starts with its used part."""
    if wanted <= len(array):
        return array
    larger = np.empty(max(wanted, 2 * len(array)), array.dtype)
    larger[:used] = array[:used]
    return larger


def _gathered(utf8: ByteArray, offsets: LongArray, rows: IntArray) -> tuple[ByteArray, LongArray]:
    size_bytes = int(np.sum(offsets[rows.astype(np.int64) + 1] - offsets[rows]))
    copied = np.empty(size_bytes, np.uint8), np.empty(len(rows) + 1, np.int64)
    copy_ids(utf8, offsets, np.ascontiguousarray(rows, np.int32), *copied)
    return copied


def _indexed(utf8: ByteArray, offsets: LongArray) -> Vocabulary:
    slots = np.empty(_slot_count(len(offsets) - 1), np.int32)
    fill_slots(utf8, offsets, len(offsets) - 1, slots)
    return Vocabulary(utf8, offsets, slots)


def _empty_found(count: int) -> Found:
    return Found(np.empty(count, np.int32), np.empty(count, np.int64), np.empty(count, np.int64))


def _cut(found: Found, known: int) -> Found:
    missing_count = len(found.rows) - known
    return Found(found.rows[:known], found.positions[:known], found.missing[:missing_count])
