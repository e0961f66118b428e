"""What most users interact with; the baseline, and the answer where nothing is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.counts.popularity import decayed_popularity, event_weights
from shortlist.core.counts.segments import segment_popularity
from shortlist.core.data.interactions import Aggregate, FloatArray, Interactions
from shortlist.core.errors import SettingInvalid
from shortlist.core.progress import Epoch
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import HistoryEncoder, Learned, TrainingData

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class PopularityParams:
    """How events count."""

    half_life_days: float | None = None  # an event loses half its weight in; None: never

    def __post_init__(self) -> None:
        days = self.half_life_days
        if days is not None and not 0 < days < math.inf:
            raise SettingInvalid("half_life_days", days, "a finite number above 0")


class Popularity:
    """See core/counts/popularity.py."""

    name = "popularity"
    params_type = PopularityParams
    aggregation: Aggregate = "sum"
    offset_width = 0
    predicts_values = False
    tunable = False

    def dim(self, params: PopularityParams) -> int:
        return 0

    def epoch_count(self, params: PopularityParams) -> int:
        return 0

    def fit(
        self,
        data: TrainingData,
        params: PopularityParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[PopularityParams]:
        if params.half_life_days is None:
            return Learned(params)
        half_life_ms = params.half_life_days * DAY_MS
        events, item_count = data.events, data.seen.column_count
        scores, by_segment = decayed_popularity(events, item_count, half_life_ms), None
        if data.user_segments is not None:
            weights = event_weights(events, half_life_ms)
            counted = events.users, events.items, weights, data.user_segments
            by_segment = segment_popularity(*counted, item_count)
        return Learned(params, item_scores=scores, segment_scores=by_segment)

    def training_bytes(self, params: PopularityParams, size: DataSize) -> int:
        return 32 * size.event_count if params.half_life_days is not None else 0

    def search_space(self, params: PopularityParams, seen: Interactions) -> None:
        return None

    def encoder(
        self,
        params: PopularityParams,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> HistoryEncoder:
        raise AssertionError("popularity has no vectors")

    def scorer(
        self, params: PopularityParams, seen: Interactions, neighbours: Interactions | None
    ) -> None:
        return None
