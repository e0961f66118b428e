"""Matrix factorization of explicit ratings, with biases; a score is the predicted rating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.progress import Epoch
from shortlist.core.ratings.fold_in import extended_items, extended_users
from shortlist.core.ratings.params import RatingParams
from shortlist.core.ratings.ratings import RatingFactors, train_ratings
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.histories import RATINGS
from shortlist.server.storage.plain import to_plain
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.tuning_space import Axis, AxisSpace


class Ratings:
    """See core/ratings/ratings.py for the objective and its sources."""

    def fit(
        self,
        data: TrainingData,
        params: RatingParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[RatingParams]:
        def tell(epoch: Epoch, factors: RatingFactors) -> None:
            on_epoch(replace(epoch, vectors=lambda: _vectors(factors)))

        factors = train_ratings(data.seen, params, threads=threads, on_epoch=tell)
        users, items = _vectors(factors)
        encoder = EncoderState(RATINGS, to_plain(params))
        return Learned(params, items, users, encoder, losses=factors.losses)

    def training_bytes(self, params: RatingParams, size: DataSize) -> int:
        """Doubles: vectors as they were and will be; with Adam gradients, moments and moves too."""
        copies = 3 if params.solver == "als" else 7
        return copies * size.vector_bytes(params.dim + 1, 8) + 32 * size.event_count

    def tuning_space(self, params: RatingParams, seen: Interactions) -> AxisSpace[RatingParams]:
        return AxisSpace(params, _axes(params))


def _vectors(factors: RatingFactors) -> tuple[FloatArray, FloatArray]:
    return extended_users(factors.users, factors.user_bias), extended_items(factors)


def _axes(params: RatingParams) -> list[Axis]:
    axes = [Axis("regularization", 0.02, 50), Axis("bias_regularization", 0.05, 50)]
    if params.solver == "adam":
        axes.append(Axis("learning_rate", 0.003, 0.3))
    return axes
