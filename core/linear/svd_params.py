"""Settings of the singular value decomposition; the objective is in svd.py."""

from dataclasses import dataclass

from shortlist.core.errors import SettingInvalid
from shortlist.core.limits import DIM_MAX


@dataclass(frozen=True, slots=True)
class SvdParams:
    """Settings of one decomposition."""

    dim: int = 64
    power_iterations: int = 6
    binary: bool = False  # every pair that was observed counts 1, a dislike 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every range."""
        for field, low, high in (
            ("dim", 1, DIM_MAX),
            ("power_iterations", 0, 100),
            ("seed", 0, 2**64 - 1),
        ):
            if not low <= getattr(self, field) <= high:
                raise SettingInvalid(field, getattr(self, field), f"{low} to {high}")
