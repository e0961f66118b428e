"""Adam (Kingma and Ba 2015) for the rows that a batch meets, and for no others.

Each row is moved by one thread, its gradients summed in the order they came: the same bits at any
thread count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.linear.gramian import aligned_zeros
from shortlist.core.parallel import for_each_chunk
from shortlist.core.sgd._adam import move_rows

DECAY, SQUARE_DECAY = 0.9, 0.999
_ROWS_AT_ONCE = 256
_MOVES = np.arange(1.0, 20_001)  # after so many, no float tells a scale from 1
_FIRST_SCALES = (1 / (1 - DECAY**_MOVES)).astype(np.float32)
_SECOND_SCALES = (1 / np.sqrt(1 - SQUARE_DECAY**_MOVES)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Entries grouped by the row that each belongs to."""

    rows: IntArray  # (m,) ascending, none twice
    starts: npt.NDArray[np.int64]  # (m + 1,) where the entries of each begin
    entries: IntArray  # (n,) in the order they came within a row


def grouped(met: IntArray) -> Grouped:
    """Group entries by their rows (n,); another thread may do it while gradients are computed."""
    order = np.argsort(met, kind="stable")
    ascending = met[order]
    starts = np.flatnonzero(np.diff(ascending, prepend=-1, append=-1))
    return Grouped(ascending[starts[:-1]], starts, order.astype(np.int32))


class MovingRows:
    """Vectors (rows, width) with the state of their optimiser; width a multiple of 16."""

    def __init__(self, count: int, width: int) -> None:
        self.vectors, self._first, self._second = (aligned_zeros((count, width)) for _ in range(3))
        self._steps = np.zeros(count, np.int32)

    def move(self, met: Grouped, gradients: FloatArray, step: "Step") -> None:
        """Move each row of `met` by the sum of its gradients (entries, width)."""
        row_count = len(met.rows)

        def work(chunk: int, _thread: int) -> None:
            first = chunk * _ROWS_AT_ONCE
            move_rows(
                met.rows, met.starts, met.entries, gradients, self.vectors, self._first,
                self._second, self._steps, _FIRST_SCALES, _SECOND_SCALES, step.rate, DECAY,
                SQUARE_DECAY, step.scale, step.regularization, first,
                min(first + _ROWS_AT_ONCE, row_count), step.level,
            )  # fmt: skip

        for_each_chunk(work, -(-row_count // _ROWS_AT_ONCE), step.threads)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a side's rows."""

    rate: float
    scale: float  # of the summed gradients
    threads: int
    level: int
    regularization: float = 0.0
