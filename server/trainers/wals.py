"""Weighted alternating least squares on implicit feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shortlist.core.data.interactions import (
    Events,
    FloatArray,
    Interactions,
    build_interactions,
)
from shortlist.core.errors import DataInvalid
from shortlist.core.progress import Epoch
from shortlist.core.wals.cold_rows import train_with_features
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import Snapshot, WalsFactors
from shortlist.server.encoders.fold_in import state_of
from shortlist.server.trainers.data_size import DataSize, padded
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.wals_space import WalsSpace

DAY_MS = 86_400_000
FRESHNESS_MIN = 1e-5  # below it, conjugate gradient in float32 loses the users of old events alone


class Wals:
    """See core/wals/wals.py for the objective and its sources."""

    def fit(
        self,
        data: TrainingData,
        params: WalsParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[WalsParams]:
        def tell(epoch: Epoch, factors: Snapshot) -> None:
            def vectors() -> tuple[FloatArray, FloatArray]:
                now = factors()
                return now.users, now.items

            on_epoch(replace(epoch, vectors=vectors))

        fresh = _freshness(data, params, threads)
        warm = data.warm_start
        initial = None if warm is None else WalsFactors(warm.user_vectors, warm.item_vectors)
        params, factors = train_with_features(
            data.seen,
            params,
            item_features=data.item_features,
            user_features=data.user_features,
            draw_users=params.draw_users and data.user_features is None,
            threads=threads,
            on_epoch=tell,
            initial=initial,
            freshness=fresh,
            resumed=data.resumed,
        )
        user_weights = factors.user_feature_weights
        if factors.user_center is not None:  # without features all are drawn to one place
            user_weights = factors.user_center[np.newaxis]
        encoder = state_of(params, user_weights, factors.item_feature_weights)
        return Learned(params, factors.items, factors.users, encoder=encoder, losses=factors.losses)

    def training_bytes(self, params: WalsParams, size: DataSize) -> int:
        """Both orientations weighted, the factors and their copy, and the ridge of the features."""
        needed = 2 * size.matrix_bytes + 2 * size.vector_bytes(padded(params.dim))
        if params.half_life_days is not None:
            needed += 16 * size.event_count
        ridges = (8 * count * (3 * count + params.dim) for count in size.feature_counts)
        return needed + 16 * size.feature_entry_count + sum(ridges)

    def tuning_space(self, params: WalsParams, seen: Interactions) -> WalsSpace:
        return WalsSpace(params, seen)


def _freshness(data: TrainingData, params: WalsParams, threads: int) -> FloatArray | None:
    """Return the sum of 2^(-age / half life) over each pair's events, (entries,); None: no ages."""
    if params.half_life_days is None:
        return None
    events = data.events
    if events.times is None:
        raise DataInvalid("half_life_days needs the times of the events; these have none")
    half_lives = (events.times.max(initial=0) - events.times) / (params.half_life_days * DAY_MS)
    fresh = np.maximum(np.exp2(-half_lives), FRESHNESS_MIN).astype(np.float32)
    aged = Events(events.users, events.items, fresh)
    seen = data.seen
    return build_interactions(aged, seen.row_count, seen.column_count, "sum", threads).values
