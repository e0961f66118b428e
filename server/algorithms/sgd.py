"""Matrix factorization by stochastic gradient descent over sampled negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shortlist.core.interactions import Aggregate, FloatArray, Interactions
from shortlist.core.progress import Epoch
from shortlist.core.sgd import SgdFactors, train_sgd
from shortlist.core.sgd_fold_in import SgdFoldIn
from shortlist.core.sgd_params import OFFSETS, SgdParams
from shortlist.server.algorithms.algorithm import Learned, TrainingData


class Sgd:
    """See core/sgd.py for the objectives and their sources."""

    name = "sgd"
    params_type = SgdParams
    aggregation: Aggregate = "sum"
    offset_width = OFFSETS
    predicts_values = False

    def dim(self, params: SgdParams) -> int:
        return params.dim + self.offset_width

    def epoch_count(self, params: SgdParams) -> int:
        return params.epochs

    def fit(
        self,
        data: TrainingData,
        params: SgdParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[SgdParams]:
        def tell(epoch: Epoch, factors: Callable[[], SgdFactors]) -> None:
            def vectors() -> tuple[FloatArray, FloatArray]:
                found = factors()
                return found.users, found.items

            on_epoch(replace(epoch, vectors=vectors))

        factors = train_sgd(data.seen, params, threads=threads, on_epoch=tell)
        return Learned(params, factors.items, factors.users, losses=factors.losses)

    def encoder(
        self,
        params: SgdParams,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> SgdFoldIn:
        return SgdFoldIn(item_vectors, item_counts, params)

    def scorer(
        self, params: SgdParams, seen: Interactions, neighbours: Interactions | None
    ) -> None:
        return None
