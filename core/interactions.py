"""Interactions between rows: raw events, and the compressed sparse rows that training runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]
LongArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Events:
    """Interactions one by one, in reading order, as rows of the two vocabularies."""

    users: IntArray  # (n,) user rows
    items: IntArray  # (n,) item rows
    values: FloatArray  # (n,) rating, count, watch time; negative: a dislike of that strength
    times: LongArray | None = None  # (n,) milliseconds since 1970 UTC, or None where unknown

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True)
class Interactions:
    """Compressed sparse rows: one entry a (row, column) pair, columns ascending inside a row."""

    row_starts: LongArray  # (rows + 1,) entry index where each row starts
    columns: IntArray  # (entries,)
    values: FloatArray  # (entries,) aggregated value of the pair
    column_count: int

    @property
    def row_count(self) -> int:
        return len(self.row_starts) - 1

    @property
    def entry_count(self) -> int:
        return len(self.columns)

    def row(self, row: int) -> tuple[IntArray, FloatArray]:
        """Return (columns, values) of one row; views, not copies."""
        start, stop = self.row_starts[row], self.row_starts[row + 1]
        return self.columns[start:stop], self.values[start:stop]
