"""Adam (Kingma and Ba 2015) for the rows that a batch meets, and for no others.

Each row is moved by one thread, its gradients summed in the order they came: the same bits at any
thread count.
"""

from dataclasses import dataclass

import numpy as np

from shortlist.core._adam import move_rows
from shortlist.core.gramian import aligned_zeros
from shortlist.core.interactions import FloatArray, IntArray
from shortlist.core.parallel import for_each_chunk

DECAY, SQUARE_DECAY = 0.9, 0.999
_ROWS_AT_ONCE = 256
_MOVES = np.arange(1.0, 20_001)  # after so many, no float tells a scale from 1
_FIRST_SCALES = (1 / (1 - DECAY**_MOVES)).astype(np.float32)
_SECOND_SCALES = (1 / np.sqrt(1 - SQUARE_DECAY**_MOVES)).astype(np.float32)


class MovingRows:
    """Vectors (rows, width) with the state of their optimiser; width a multiple of 16."""

    def __init__(self, count: int, width: int) -> None:
        self.vectors, self._first, self._second = (aligned_zeros((count, width)) for _ in range(3))
        self._steps = np.zeros(count, np.int32)

    def move(self, met: IntArray, gradients: FloatArray, step: "Step") -> IntArray:
        """Move each row of `met` (n,) by the sum of its gradients (n, width); return the rows."""
        order = np.argsort(met, kind="stable")
        entries, ascending = order.astype(np.int32), met[order]
        starts = np.flatnonzero(np.diff(ascending, prepend=-1, append=-1))
        rows = ascending[starts[:-1]]

        def work(chunk: int, _thread: int) -> None:
            first = chunk * _ROWS_AT_ONCE
            move_rows(
                rows, starts, entries, gradients, self.vectors, self._first, self._second,
                self._steps, _FIRST_SCALES, _SECOND_SCALES, step.rate, DECAY, SQUARE_DECAY,
                step.scale, step.regularization, first, min(first + _ROWS_AT_ONCE, len(rows)),
                step.level,
            )  # fmt: skip

        for_each_chunk(work, -(-len(rows) // _ROWS_AT_ONCE), step.threads)
        return rows


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a side's rows."""

    rate: float
    scale: float  # of the summed gradients
    threads: int
    level: int
    regularization: float = 0.0
