"""Settings of matrix factorization of explicit ratings; the objective is in ratings.py."""

from dataclasses import dataclass
from typing import Literal

from shortlist.core.errors import SettingInvalid
from shortlist.core.limits import DIM_MAX

OFFSETS = 2  # last coordinates of every vector: a user's (u, 1, b), an item's (v, mean + c, 1)


@dataclass(frozen=True, slots=True)
class RatingParams:
    """Settings of one training; SettingInvalid names what is out of range."""

    dim: int = 50
    epochs: int = 12
    solver: Literal["als", "adam"] = "als"
    mean: Literal["global", "item"] = "global"
    item_bias: bool = True
    regularization: float = 1.2
    regularization_exponent: float = 0.5  # nu
    bias_regularization: float = 3.0
    init_stddev: float = 0.1
    learning_rate: float = 0.1  # of Adam
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every range."""
        for field, low, high in (
            ("dim", 1, DIM_MAX - OFFSETS),
            ("epochs", 1, 100_000),
            ("regularization", 0, 1e9),
            ("regularization_exponent", 0, 2),
            ("bias_regularization", 0, 1e9),
            ("init_stddev", 0, 100),
            ("learning_rate", 0, 100),
            ("seed", 0, 2**64 - 1),
        ):
            value = getattr(self, field)
            if not low <= value <= high:
                raise SettingInvalid(field, value, f"{low} to {high}")
        if not self.learning_rate > 0:
            raise SettingInvalid("learning_rate", self.learning_rate, "above 0, 100 at most")
        if self.solver not in {"als", "adam"}:
            raise SettingInvalid("solver", self.solver, "als or adam")
        if self.mean not in {"global", "item"}:
            raise SettingInvalid("mean", self.mean, "global or item")
