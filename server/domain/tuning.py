"""Which settings to look for, how a trial of them is measured, and what each trial gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from shortlist.core.errors import check_setting
from shortlist.core.limits import DIM_MAX
from shortlist.core.metrics.metrics import PER_QUERY
from shortlist.core.metrics.value_errors import VALUE_ERRORS

CUTOFF_MAX = 1000
PATIENCE_MAX = 100
TRIALS_MAX = 1000
DIMS_MAX = 8
METRICS = (*PER_QUERY, *VALUE_ERRORS)
HELD_OUT_SPLITS = ("auto", "temporal", "random_per_user", "leave_last_out")


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """How many epochs: as many as are best on a part of the training events held out."""

    metric: str = "ndcg"  # one of METRICS; of value errors the smallest is best
    cutoff: int = 20
    patience: int = 2  # epochs without a better value, then training stops
    held_out_fraction: float = 0.1  # of the events that train, 0 < x < 1
    split: str = "auto"  # one of HELD_OUT_SPLITS; auto: as the evaluation's, or by the data
    seed: int = 0

    def __post_init__(self) -> None:
        check_setting("metric", self.metric, self.metric in METRICS, f"one of {', '.join(METRICS)}")
        splits = ", ".join(HELD_OUT_SPLITS)
        check_setting("split", self.split, self.split in HELD_OUT_SPLITS, f"one of {splits}")
        check_setting("cutoff", self.cutoff, 1 <= self.cutoff <= CUTOFF_MAX, f"1 to {CUTOFF_MAX}")
        patience = self.patience
        check_setting("patience", patience, 1 <= patience <= PATIENCE_MAX, f"1 to {PATIENCE_MAX}")
        share = self.held_out_fraction
        check_setting("held_out_fraction", share, 0 < share < 1, "0 < x < 1")
        check_setting("seed", self.seed, 0 <= self.seed < 2**64, "0 to 2^64 - 1")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How long to look for better settings."""

    trials: int = 20  # the first is of the settings given
    dims: tuple[int, ...] = ()  # tried at the end, one trial each, with the best settings
    seed: int = 0

    def __post_init__(self) -> None:
        check_setting("trials", self.trials, 1 <= self.trials <= TRIALS_MAX, f"1 to {TRIALS_MAX}")
        fine = len(self.dims) <= DIMS_MAX and all(1 <= dim <= DIM_MAX for dim in self.dims)
        check_setting("dims", self.dims, fine, f"at most {DIMS_MAX} numbers from 1 to {DIM_MAX}")
        check_setting("seed", self.seed, 0 <= self.seed < 2**64, "0 to 2^64 - 1")


@dataclass(frozen=True, slots=True)
class Trial:
    """One training on a part of the events, measured on the rest after each epoch."""

    settings: dict[str, float]  # by their names in the algorithm's message
    epochs: int  # the best number of them, 1 where there are none; 0: the training diverged
    quality: float  # after that many
    qualities: tuple[float, ...] = field(default=())  # after each epoch
    seconds: float = 0.0
    chosen: bool = False  # the model was trained with these settings
