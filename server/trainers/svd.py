"""Singular value decomposition of the zero-filled matrix: the classic baseline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import Aggregate, FloatArray, Interactions
from shortlist.core.linear.svd import OVERSAMPLING, SvdFoldIn, SvdParams, decompose
from shortlist.core.progress import Epoch
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.tuning_space import Axis, AxisSpace

DIM_MIN = 2  # that a search tries


class Svd:
    """See core/linear/svd.py for the objective and its sources."""

    name = "svd"
    params_type = SvdParams
    aggregation: Aggregate = "sum"
    offset_width = 0
    predicts_values = False
    tunable = True

    def dim(self, params: SvdParams) -> int:
        return params.dim

    def epoch_count(self, params: SvdParams) -> int:
        return 0

    def fit(
        self,
        data: TrainingData,
        params: SvdParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[SvdParams]:
        factors = decompose(data.seen, params, threads=threads)
        return Learned(params, factors.items, factors.users)

    def training_bytes(self, params: SvdParams, size: DataSize) -> int:
        """The other orientation, and samples of both sides, some of them in doubles."""
        return 2 * size.matrix_bytes + 7 * size.vector_bytes(params.dim + OVERSAMPLING)

    def search_space(self, params: SvdParams, seen: Interactions) -> AxisSpace[SvdParams]:
        """Any smaller dim; the one given bounds the memory."""
        dims = Axis("dim", min(DIM_MIN, params.dim), params.dim, whole=True)
        return AxisSpace(params, [dims])

    def encoder(
        self,
        params: SvdParams,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> SvdFoldIn:
        return SvdFoldIn(item_vectors, params)

    def scorer(
        self, params: SvdParams, seen: Interactions, neighbours: Interactions | None
    ) -> None:
        return None
