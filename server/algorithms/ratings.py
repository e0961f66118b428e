"""Matrix factorization of explicit ratings, with biases; a score is the predicted rating."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shortlist.core.interactions import Aggregate, FloatArray, Interactions
from shortlist.core.progress import Epoch
from shortlist.core.rating_fold_in import RatingFoldIn, extended_items, extended_users
from shortlist.core.ratings import RatingParams, train_ratings
from shortlist.server.algorithms.algorithm import Learned, TrainingData


class Ratings:
    """See core/ratings.py for the objective and its sources."""

    name = "ratings"
    params_type = RatingParams
    aggregation: Aggregate = "last"
    offset_width = 2
    predicts_values = True

    def dim(self, params: RatingParams) -> int:
        return params.dim + self.offset_width

    def epoch_count(self, params: RatingParams) -> int:
        return params.epochs

    def fit(
        self,
        data: TrainingData,
        params: RatingParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[RatingParams]:
        factors = train_ratings(
            data.seen, params, threads=threads, on_epoch=lambda epoch, _: on_epoch(epoch)
        )
        users = extended_users(factors.users, factors.user_bias)
        return Learned(params, extended_items(factors), users, losses=factors.losses)

    def encoder(
        self,
        params: RatingParams,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> RatingFoldIn:
        return RatingFoldIn(item_vectors, params)

    def scorer(
        self, params: RatingParams, seen: Interactions, neighbours: Interactions | None
    ) -> None:
        return None
