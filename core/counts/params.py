"""How popularity and neighbours are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from shortlist.core.errors import SettingInvalid

Weighting: TypeAlias = Literal["cosine", "tfidf", "bm25"]

WEIGHTINGS: tuple[str, ...] = get_args(Weighting)
COUNT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class PopularityParams:
    """How events count."""

    half_life_days: float | None = None  # an event loses half its weight in; None: never

    def __post_init__(self) -> None:
        days = self.half_life_days
        if days is not None and not 0 < days < math.inf:
            raise SettingInvalid("half_life_days", days, "a finite number above 0")


@dataclass(frozen=True, slots=True)
class NeighboursParams:
    """Whose neighbours, and how alike is measured."""

    kind: Literal["item", "user"] = "item"
    weighting: Weighting = "cosine"
    count: int = 100  # neighbours kept of each item, or users asked

    def __post_init__(self) -> None:
        if self.kind not in ("item", "user"):
            raise SettingInvalid("kind", self.kind, "item or user")
        if self.weighting not in WEIGHTINGS:
            raise SettingInvalid("weighting", self.weighting, ", ".join(WEIGHTINGS))
        if not 1 <= self.count <= COUNT_MAX:
            raise SettingInvalid("count", self.count, f"1 to {COUNT_MAX}")
