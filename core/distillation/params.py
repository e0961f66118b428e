"""Settings of a student that learns the rankings of WALS of a large dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shortlist.core.errors import SettingInvalid
from shortlist.core.limits import DIM_MAX
from shortlist.core.wals.params import WalsParams


@dataclass(frozen=True, slots=True)
class DistilledParams:
    """How a student learns (see distillation.py), from whom; out of range: SettingInvalid."""

    dim: int = 64
    epochs: int = 8
    target_count: int = 200  # of the teacher's ranking, a user
    teacher_temperature: float = 0.05  # smaller: only the teacher's very best count
    temperature: float = 0.05  # of the student
    sampled_items: int = 1024  # beside what the teacher ranked, for each block of users
    batch_size: int = 512  # users between two steps
    learning_rate: float = 0.003
    seed: int = 0
    # The teacher's, as in WalsParams.
    teacher_dim: int = 512
    teacher_epochs: int = 10
    unobserved_weight: float | None = None
    regularization: float = 0.004
    regularization_exponent: float = 1.0
    value_transform: Literal["none", "linear", "log"] = "none"
    value_alpha: float = 1.0
    value_epsilon: float = 1.0
    user_frequency_exponent: float = 0.0
    item_frequency_exponent: float = 0.0
    init_stddev: float = 0.1
    over_relaxation: float | None = None
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        """Check every range."""
        for name, low, high in (
            ("dim", 1, DIM_MAX),
            ("epochs", 1, 1000),
            ("target_count", 1, 10_000),
            ("teacher_temperature", 1e-6, 1e6),
            ("temperature", 1e-3, 1e3),
            ("sampled_items", 1, 1 << 20),
            ("batch_size", 1, 1 << 20),
            ("learning_rate", 1e-9, 100),
            ("seed", 0, 2**64 - 1),
            ("teacher_dim", 1, DIM_MAX),
            ("teacher_epochs", 1, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:  # also refuses NaN
                raise SettingInvalid(name, value, f"{low:g} to {high:g}")
        _ = self.teacher  # checks the rest

    @property
    def teacher(self) -> WalsParams:
        return WalsParams(
            dim=self.teacher_dim,
            epochs=self.teacher_epochs,
            unobserved_weight=self.unobserved_weight,
            regularization=self.regularization,
            regularization_exponent=self.regularization_exponent,
            value_transform=self.value_transform,
            value_alpha=self.value_alpha,
            value_epsilon=self.value_epsilon,
            user_frequency_exponent=self.user_frequency_exponent,
            item_frequency_exponent=self.item_frequency_exponent,
            init_stddev=self.init_stddev,
            over_relaxation=self.over_relaxation,
            half_life_days=self.half_life_days,
            seed=self.seed,
        )
