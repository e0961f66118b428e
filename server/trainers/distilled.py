"""Short vectors that learn the rankings of WALS of a large dimension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shortlist.core.distillation.distillation import train_distilled
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.progress import Epoch
from shortlist.server.domain.algorithms import epoch_count_of
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.histories import HISTORY_VECTORS, SUM
from shortlist.server.storage.plain import to_plain
from shortlist.server.trainers.data_size import DataSize, padded
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.wals import Wals


class Distilled:
    """See core/distillation/distillation.py for the objective and its sources."""

    def fit(
        self,
        data: TrainingData,
        params: DistilledParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[DistilledParams]:
        """Count the epochs of both together; only the teacher's can be resumed."""
        epoch_count = epoch_count_of(params)

        def told_by_teacher(epoch: Epoch) -> None:
            on_epoch(replace(epoch, epoch_count=epoch_count, vectors=None))

        def told(epoch: Epoch) -> None:
            counted = params.teacher_epochs + epoch.epoch
            on_epoch(replace(epoch, epoch=counted, epoch_count=epoch_count))

        taught = Wals().fit(data, params.teacher, threads=threads, on_epoch=told_by_teacher)
        assert taught.user_vectors is not None
        assert taught.item_vectors is not None
        factors = train_distilled(
            data.seen,
            taught.user_vectors,
            taught.item_vectors,
            params,
            threads=threads,
            on_epoch=told,
        )
        params = replace(params, unobserved_weight=taught.params.unobserved_weight)
        encoder = EncoderState(SUM, to_plain(params), {HISTORY_VECTORS: factors.histories})
        losses = taught.losses + factors.losses
        return Learned(params, factors.items, factors.users, encoder, losses=losses)

    def training_bytes(self, params: DistilledParams, size: DataSize) -> int:
        """The teacher; then its vectors, the rankings, and the student with Adam's moments."""
        taught = size.vector_bytes(padded(params.teacher_dim))
        rankings = 20 * size.user_count * min(params.target_count, size.item_count)
        student = 6 * size.vector_bytes(padded(params.dim)) + 2 * size.matrix_bytes
        return max(Wals().training_bytes(params.teacher, size), taught + rankings + student)
