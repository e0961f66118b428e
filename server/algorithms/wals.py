"""Weighted alternating least squares on implicit feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shortlist.core.cold_items import train_with_features
from shortlist.core.fold_in import FoldIn
from shortlist.core.interactions import Aggregate, FloatArray, Interactions
from shortlist.core.progress import Epoch
from shortlist.core.wals import Snapshot, train_wals
from shortlist.core.wals_params import WalsParams, with_data_defaults
from shortlist.server.algorithms.algorithm import Learned, TrainingData


class Wals:
    """See core/wals.py for the objective and its sources."""

    name = "wals"
    params_type = WalsParams
    aggregation: Aggregate = "sum"
    offset_width = 0
    predicts_values = False

    def dim(self, params: WalsParams) -> int:
        return params.dim

    def epoch_count(self, params: WalsParams) -> int:
        return params.epochs

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
                found = factors()
                return found.users, found.items

            on_epoch(replace(epoch, vectors=vectors))

        if data.item_features is None:
            params = with_data_defaults(params, data.seen)
            factors = train_wals(data.seen, params, threads=threads, on_epoch=tell)
        else:
            params, factors = train_with_features(
                data.seen, data.item_features, params, threads=threads, on_epoch=tell
            )
        return Learned(
            params,
            factors.items,
            factors.users,
            feature_weights=factors.feature_weights,
            losses=factors.losses,
        )

    def encoder(
        self, params: WalsParams, item_vectors: FloatArray, item_counts: npt.NDArray[np.integer]
    ) -> FoldIn:
        cold = item_counts == 0 if params.item_features else None
        return FoldIn(item_vectors, item_counts, params, cold)

    def scorer(
        self, params: WalsParams, seen: Interactions, neighbours: Interactions | None
    ) -> None:
        return None
