"""What a trainer reports after every epoch."""

from collections.abc import Callable
from dataclasses import dataclass

from shortlist.core.interactions import FloatArray


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data is done."""

    epoch: int  # 1..epoch_count
    epoch_count: int
    loss: float  # of the trainer's objective, after this epoch
    seconds: float  # this epoch took
    vectors: Callable[[], tuple[FloatArray, FloatArray]] | None = None  # users', items' so far
