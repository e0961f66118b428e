"""What most users interact with; the baseline, and the answer where nothing is known."""

from __future__ import annotations

from collections.abc import Callable

from shortlist.core.counts.params import PopularityParams
from shortlist.core.counts.popularity import decayed_popularity, event_weights
from shortlist.core.counts.segments import segment_popularity
from shortlist.core.progress import Epoch
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import Learned, TrainingData

DAY_MS = 86_400_000


class Popularity:
    """See core/counts/popularity.py."""

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
        events = data.events
        item_count = data.seen.column_count
        scores = decayed_popularity(events, item_count, half_life_ms)
        by_segment = None
        if data.user_segments is not None:
            weights = event_weights(events, half_life_ms)
            by_segment = segment_popularity(
                events.users, events.items, weights, data.user_segments, item_count
            )
        return Learned(params, item_scores=scores, segment_scores=by_segment)

    def training_bytes(self, params: PopularityParams, size: DataSize) -> int:
        return 32 * size.event_count if params.half_life_days is not None else 0
