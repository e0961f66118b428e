"""What was liked by users alike, or is liked together: a strong cheap baseline without vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from shortlist.core.counts.neighbours import (
    COUNT_MAX,
    WEIGHTINGS,
    Neighbours,
    Weighting,
    find_neighbours,
)
from shortlist.core.counts.user_neighbours import UserNeighbours
from shortlist.core.data.interactions import Aggregate, FloatArray, Interactions, transposed
from shortlist.core.errors import SettingInvalid
from shortlist.core.progress import Epoch
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import (
    HistoryEncoder,
    HistoryScorer,
    Learned,
    TrainingData,
)


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


class NeighboursAlgorithm:
    """See core/counts/neighbours.py and user_neighbours.py for the formulas and their sources."""

    name = "neighbours"
    params_type = NeighboursParams
    aggregation: Aggregate = "sum"
    offset_width = 0
    predicts_values = False
    tunable = False

    def dim(self, params: NeighboursParams) -> int:
        return 0

    def epoch_count(self, params: NeighboursParams) -> int:
        return 0

    def fit(
        self,
        data: TrainingData,
        params: NeighboursParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[NeighboursParams]:
        if params.kind == "user":  # found at the moment of the query, which needs only `seen`
            return Learned(params)
        by_item = transposed(data.seen, threads)
        found = find_neighbours(by_item, params.count, params.weighting, threads)
        parts = found.row_starts, found.rows, found.similarities
        return Learned(params, neighbours=Interactions(*parts, by_item.row_count))

    def training_bytes(self, params: NeighboursParams, size: DataSize) -> int:
        """Item neighbours: the lists, twice; both orientations weighted, in doubles on the way."""
        if params.kind == "user":
            return 0
        lists = 17 * min(params.count, size.item_count) * size.item_count
        return lists + 32 * size.event_count + 16 * size.threads * size.item_count

    def search_space(self, params: NeighboursParams, seen: Interactions) -> None:
        return None

    def encoder(
        self,
        params: NeighboursParams,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> HistoryEncoder:
        raise AssertionError("neighbours have no vectors")

    def scorer(
        self, params: NeighboursParams, seen: Interactions, neighbours: Interactions | None
    ) -> HistoryScorer:
        if neighbours is None:
            return UserNeighbours(seen, params.count, params.weighting)
        return Neighbours(neighbours.row_starts, neighbours.columns, neighbours.values)
