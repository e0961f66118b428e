"""The epochs of a trainer: what each reports, and the one loop that runs them."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray
from shortlist.core.errors import TrainingDiverged

# All that a trainer goes on from, by names of its own; numbers only.
TrainerState: TypeAlias = Mapping[str, npt.NDArray[np.number[Any]]]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data is done."""

    epoch: int  # 1..epoch_count
    epoch_count: int
    loss: float  # of the trainer's objective, after this epoch
    seconds: float  # this epoch took
    vectors: Callable[[], tuple[FloatArray, FloatArray]] | None = None  # users', items' so far
    state: Callable[[], TrainerState] | None = None  # valid until on_epoch returns


def run_epochs(
    run: Callable[[int], float], epoch_count: int, *, remedy: str, done: int = 0
) -> Iterator[Epoch]:
    """Run the epochs after the first `done`, and yield each when it has ended.

    run: takes the number of an epoch, 1..epoch_count, and returns the loss after it. Raises
    TrainingDiverged where that is not finite; remedy: what helps then.
    """
    for epoch in range(done + 1, epoch_count + 1):
        started = time.perf_counter()
        loss = run(epoch)
        if not math.isfinite(loss):
            raise TrainingDiverged(f"the loss is {loss} after epoch {epoch}; {remedy} helps")
        yield Epoch(epoch, epoch_count, loss, time.perf_counter() - started)
