"""WALS: a history is folded in by the row solve that trained the model, from where features say."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray
from shortlist.core.linear.sparse import multiply
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.encoder import Askers, ModelArrays, Part
from shortlist.server.storage.plain import from_plain, to_plain

KIND = "fold_in"
USER_WEIGHTS, ITEM_WEIGHTS = "user_weights", "item_weights"


class FoldInEncoder:
    """See core/wals/fold_in.py for the solve; features draw the vector to where their map says."""

    offset_width = 0

    def __init__(self, fold_in: FoldIn, user_weights: FloatArray | None = None) -> None:
        """user_weights (features, dim): features @ weights is where a user is drawn to.

        The first row is of nobody in particular; there alone it is the mean user's. None: to 0.
        """
        self._fold_in, self._weights = fold_in, user_weights

    @property
    def reads(self) -> Set[Part]:
        has_features = self._weights is not None and len(self._weights) > 1
        return {"history", "features"} if has_features else {"history"}

    def encode(self, askers: Askers, threads: int = 1) -> FloatArray:
        """Return the vectors (n, dim); without a history where the user is drawn to, to the bit."""
        if self._weights is None:
            return self._fold_in.solve(askers.histories, threads)
        drawn = self._weights[:1]
        if askers.features is not None:
            drawn = multiply(askers.features, self._weights, threads=threads)
        vectors = self._fold_in.solve(askers.histories, threads, drawn)
        empty = np.diff(askers.histories.row_starts) == 0
        if empty.any():  # the solve's rotation there and back costs the last digits
            vectors[empty] = np.broadcast_to(drawn, vectors.shape)[empty]
        return vectors

    def parts(self, asker: Askers) -> npt.NDArray[np.float64]:
        """Return (entries, dim); what the user is drawn to is not among them."""
        return self._fold_in.parts(asker.histories)


def state_of(
    params: WalsParams, user_weights: FloatArray | None, item_weights: FloatArray | None
) -> EncoderState:
    """Return what a training leaves for `open_fold_in`; item_weights place later items."""
    arrays = {USER_WEIGHTS: user_weights, ITEM_WEIGHTS: item_weights}
    return EncoderState.of(KIND, to_plain(params), arrays)


def open_fold_in(state: EncoderState, model: ModelArrays) -> FoldInEncoder:
    """Return the encoder of a trained model; takes a pass over its item vectors."""
    params = from_plain(WalsParams, dict(state.settings))
    vectors = model.item_vectors
    assert vectors is not None, "a model that folds in has vectors"
    cold = model.item_counts == 0 if params.item_features else None
    fold_in = FoldIn(vectors, model.item_counts, params, cold)
    return FoldInEncoder(fold_in, state.arrays.get(USER_WEIGHTS))
