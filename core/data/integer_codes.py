"""Integers to codes 0, 1, 2 ... in order of first sight.

Integer ids are coded as numbers, and only each distinct one becomes text: a look-up in a table
of numbers costs a few nanoseconds a row, making text of it many times that.
"""

import numpy as np

from shortlist.core.data._integer_codes import code_integers, fill_slots
from shortlist.core.data.interactions import IntArray, LongArray
from shortlist.core.errors import DataInvalid

SLOTS_MIN = 1 << 8
VALUES_MAX = 2**30
VALUES_AT_ONCE = 1 << 14  # all may be new: few at a time keep the table of slots small


class IntegerCodes:
    """Grows batch by batch; equal integers have equal codes in all of them."""

    def __init__(self) -> None:
        self._known = 0
        self._seen: LongArray = np.empty(0, np.int64)
        self._slot_values: LongArray = np.empty(0, np.int64)
        self._slot_codes: IntArray = np.empty(0, np.int32)

    def __len__(self) -> int:
        return self._known

    def add(self, values: LongArray) -> IntArray:
        """Return the code of each value. Raises DataInvalid beyond 2**30 different values."""
        codes = np.empty(len(values), np.int32)
        for start in range(0, len(codes), VALUES_AT_ONCE):
            part = slice(start, start + VALUES_AT_ONCE)
            self._add(values[part], codes[part])
        return codes

    def values(self, first: int = 0) -> LongArray:
        """Return the value of each code from `first` on."""
        return self._seen[first : self._known]

    @property
    def _shift(self) -> int:
        return 65 - len(self._slot_codes).bit_length()

    def _add(self, values: LongArray, codes: IntArray) -> None:
        room = self._known + len(values)
        if room > VALUES_MAX:
            raise DataInvalid(f"more than {VALUES_MAX} integers")
        if room > len(self._seen):
            grown = np.empty(max(room, 2 * len(self._seen)), np.int64)
            grown[: self._known] = self._seen[: self._known]
            self._seen = grown
        if 2 * room >= len(self._slot_codes):
            slots = max(SLOTS_MIN, 1 << (2 * room).bit_length())
            self._slot_values = np.empty(slots, np.int64)
            self._slot_codes = np.empty(slots, np.int32)
            fill_slots(self._seen, self._known, self._shift, self._slot_values, self._slot_codes)
        self._known = code_integers(
            values,
            self._seen,
            self._known,
            self._shift,
            self._slot_values,
            self._slot_codes,
            codes,
        )
