"""Encoders that read histories alone: each wraps the fold-in that core has for its algorithm."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.distillation.fold_in import DistilledFoldIn
from shortlist.core.linear.svd import SvdFoldIn
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.fold_in import RatingFoldIn
from shortlist.core.ratings.params import OFFSETS as RATING_OFFSETS
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.fold_in import SgdFoldIn
from shortlist.core.sgd.params import OFFSETS, SgdParams
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.encoder import Askers, ModelArrays, Part
from shortlist.server.storage.plain import from_plain

SGD, RATINGS, PROJECTION, SUM = "sgd_fold_in", "rating_fold_in", "projection", "history_sum"
HISTORY_VECTORS = "history_vectors"  # (items, dim) what an item adds to who likes it


class Solver(Protocol):
    """A fold-in of core."""

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of raw event values."""
        ...


class AdditiveSolver(Solver, Protocol):
    """A fold-in whose vectors are sums over the history."""

    def parts(self, history: Interactions) -> npt.NDArray[np.float64]:
        """Return (entries, dim): what each entry of one history adds to its vector."""
        ...


class HistoryEncoder:
    """Encodes by a fold-in."""

    def __init__(self, solver: Solver, offset_width: int = 0) -> None:
        self._solver, self.offset_width = solver, offset_width

    @property
    def reads(self) -> Set[Part]:
        return {"history"}

    def encode(self, askers: Askers, threads: int = 1) -> FloatArray:
        return self._solver.solve(askers.histories, threads)


class AdditiveHistoryEncoder(HistoryEncoder):
    """Encodes by a fold-in whose vectors are sums."""

    def __init__(self, solver: AdditiveSolver) -> None:
        super().__init__(solver)
        self._summing = solver

    def parts(self, asker: Askers) -> npt.NDArray[np.float64]:
        return self._summing.parts(asker.histories)


def open_sgd(state: EncoderState, model: ModelArrays) -> HistoryEncoder:
    """Return the encoder of a model of stochastic gradient descent."""
    params = from_plain(SgdParams, dict(state.settings))
    return HistoryEncoder(SgdFoldIn(_vectors(model), model.item_counts, params), OFFSETS)


def open_ratings(state: EncoderState, model: ModelArrays) -> HistoryEncoder:
    """Return the encoder of a model of explicit ratings."""
    params = from_plain(RatingParams, dict(state.settings))
    return HistoryEncoder(RatingFoldIn(_vectors(model), params), RATING_OFFSETS)


def open_projection(state: EncoderState, model: ModelArrays) -> AdditiveHistoryEncoder:
    """Return the encoder of a singular value decomposition."""
    params = from_plain(SvdParams, dict(state.settings))
    return AdditiveHistoryEncoder(SvdFoldIn(_vectors(model), params))


def open_sum(state: EncoderState, _model: ModelArrays) -> AdditiveHistoryEncoder:
    """Return the encoder of a distilled model."""
    return AdditiveHistoryEncoder(DistilledFoldIn(state.arrays[HISTORY_VECTORS]))


def _vectors(model: ModelArrays) -> FloatArray:
    assert model.item_vectors is not None, "a model that folds in has vectors"
    return model.item_vectors
