"""The two embedding tables of a WALS training, in coordinates that every half step turns.

A rotation of both sides changes no score and no norm. Between the rotation before a solve and the
next one, the side held still may lie in halves (core/simd/halves.h): the solve then gathers half
the bytes, and nothing else may read that side before it is joined.
"""

import numpy as np

from shortlist.core.data.interactions import FloatArray
from shortlist.core.linear.gramian import Doubles, gramian, rotate_rows

HALVED_DIM_MIN = 128  # shorter rows come from near enough


def may_halve(dim: int) -> bool:
    """Return whether rows of a padded dim are long enough for halves, and fit their layout."""
    return dim >= HALVED_DIM_MIN and dim % 32 == 0


class RotatedSides:
    """Users and items, (rows, padded dim) each, and how far they were turned."""

    def __init__(self, users: FloatArray, items: FloatArray, threads: int, level: int) -> None:
        self.tables = users, items
        self.turned = np.eye(users.shape[1], dtype=np.float32)  # every rotation so far
        self._halved = [False, False]
        self._threads, self._level = threads, level

    def gramian(self, side: int) -> Doubles:
        """Return table'table of a side that is joined."""
        return gramian(self.tables[side], self._threads, self._level)

    def turn(self, basis: Doubles, halve: int | None = None) -> None:
        """Multiply both tables by basis (padded dim, padded dim); one side may end in halves."""
        for side, table in enumerate(self.tables):
            halves = {"halved": self._halved[side], "halve": side == halve}
            rotate_rows(table, basis, self._threads, self._level, **halves)
            self._halved[side] = side == halve
        rotate_rows(self.turned, basis, self._threads, self._level)

    def join(self) -> tuple[FloatArray, FloatArray]:
        """Return both tables, of which none lies in halves."""
        for side, table in enumerate(self.tables):
            if self._halved[side]:
                rotate_rows(table, None, self._threads, self._level, halved=True)
                self._halved[side] = False
        return self.tables

    def turn_back(self, rows: FloatArray, dim: int) -> FloatArray:
        """Return rows (n, padded dim) in the first coordinates, without padding; uses them up."""
        rotate_rows(rows, self.turned.T, self._threads, self._level)
        return np.ascontiguousarray(rows[:, :dim])
