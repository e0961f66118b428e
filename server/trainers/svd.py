"""Singular value decomposition of the zero-filled matrix: the classic baseline."""

from __future__ import annotations

from collections.abc import Callable

from shortlist.core.data.interactions import Interactions
from shortlist.core.linear.svd import OVERSAMPLING, decompose
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.progress import Epoch
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.histories import PROJECTION
from shortlist.server.storage.plain import to_plain
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.tuning_space import Axis, AxisSpace

DIM_MIN = 2  # that tuning tries


class Svd:
    """See core/linear/svd.py for the objective and its sources."""

    def fit(
        self,
        data: TrainingData,
        params: SvdParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[SvdParams]:
        factors = decompose(data.seen, params, threads=threads)
        encoder = EncoderState(PROJECTION, to_plain(params))
        return Learned(params, factors.items, factors.users, encoder)

    def training_bytes(self, params: SvdParams, size: DataSize) -> int:
        """The other orientation, and samples of both sides, some of them in doubles."""
        return 2 * size.matrix_bytes + 7 * size.vector_bytes(params.dim + OVERSAMPLING)

    def tuning_space(self, params: SvdParams, seen: Interactions) -> AxisSpace[SvdParams]:
        """Any smaller dim; the one given bounds the memory."""
        dims = Axis("dim", min(DIM_MIN, params.dim), params.dim, whole=True)
        return AxisSpace(params, [dims])
