"""What a trainer reports after every epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray

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
