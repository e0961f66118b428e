"""Users that stochastic training never saw: their own few steps, the items held still.

All pairs of one user share the user's vector, so its scores against the negatives are computed once
a step rather than once a pair. The negatives are drawn once a model, by the training's
distribution.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.sgd.block_negatives import BlockNegatives
from shortlist.core.sgd.params import SgdParams

STEPS = 10  # more change nothing that ranks notice (Gowalla)
RATE = 0.1  # of the first step, as a share of the vector's length; falls to 0
NEGATIVES_MIN = 256
_DECAY, _SQUARE_DECAY = 0.9, 0.99


class SgdFoldIn:
    """Solves for the vectors of histories; immutable, used by many threads."""

    def __init__(
        self, items: FloatArray, item_counts: npt.NDArray[np.integer], params: SgdParams
    ) -> None:
        """Take item vectors as train_sgd returns them, by reference."""
        self._items, self._params = items, params
        shared = BlockNegatives(item_counts, params)
        self._negatives, self._corrections = shared.of_nobody(NEGATIVES_MIN)
        self._kept = len(self._negatives)  # of them count in a step, the best-scored
        if params.hard_count is not None:
            self._kept = -(-self._kept * min(params.hard_count, shared.count) // shared.count)
        squares = np.einsum("nd,nd->n", items[:, : params.dim], items[:, : params.dim])
        met = squares[squares > 0]
        self._length = float(np.sqrt(met.mean())) if len(met) else 1.0

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, width) of histories (rows, items) of raw event values.

        A history without likes has the zero vector.
        """
        vectors = np.zeros((histories.row_count, self._items.shape[1]), np.float32)

        def fold(row: int, _thread: int) -> None:
            columns, values = histories.row(row)
            vectors[row] = self._fold(columns, values)

        for_each_chunk(fold, histories.row_count, resolve_threads(threads))
        return vectors

    def _fold(self, columns: npt.NDArray[np.int32], values: FloatArray) -> FloatArray:
        params, dim = self._params, self._params.dim
        labels = (values >= 0).astype(np.float32)
        if params.loss not in ("squared", "logistic"):
            columns, labels = columns[labels > 0], labels[labels > 0]
        vector = np.zeros(self._items.shape[1], np.float32)
        if not labels.any():
            return vector
        liked = self._items[columns]
        free = ~np.isin(self._negatives, columns)
        negatives, corrections = self._items[self._negatives[free]], self._corrections[free]
        start = liked[labels > 0, :dim].mean(axis=0)
        length = float(np.linalg.norm(start)) or 1.0
        vector[:dim] = start * ((1.0 if params.unit else self._length) / length)
        moving = np.ones(len(vector), np.float32)
        vector[dim], moving[dim], moving[dim + 1] = not params.unit, 0.0, params.user_bias
        first, second = np.zeros_like(vector), np.zeros_like(vector)
        scale = RATE * max(float(np.linalg.norm(vector[:dim])), 1e-6) / np.sqrt(dim)
        for step in range(1, STEPS + 1):
            gradient = self._gradient(vector, liked, labels, negatives, corrections) * moving
            first = _DECAY * first + (1 - _DECAY) * gradient
            second = _SQUARE_DECAY * second + (1 - _SQUARE_DECAY) * gradient * gradient
            left = np.sqrt(second / (1 - _SQUARE_DECAY**step)) + np.float32(1e-12)
            rate = scale * (1 - (step - 1) / STEPS)
            vector = _float(vector - rate * first / (1 - _DECAY**step) / left)
            if params.unit:
                vector /= max(float(np.linalg.norm(vector)), 1e-12)
        return vector

    def _gradient(
        self,
        vector: FloatArray,
        liked: FloatArray,
        labels: FloatArray,
        negatives: FloatArray,
        corrections: FloatArray,
    ) -> FloatArray:
        """Return the mean over the pairs of each one's derivative by the user's vector."""
        params = self._params
        s, t = liked @ vector, negatives @ vector
        if self._kept < len(t):
            hardest = np.argsort(-t, kind="stable")[: self._kept]
            negatives, corrections, t = negatives[hardest], corrections[hardest], t[hardest]
        share = params.negative_weight / max(1, len(t))
        if params.loss == "squared":
            own, others = 2 * (s - labels), 2 * share * t
        elif params.loss == "logistic":
            own, others = _sigmoid(s) - labels, share * _sigmoid(t)
        elif params.loss == "bpr":
            slopes = share * _sigmoid(t[None, :] - s[:, None])
            own, others = -slopes.sum(axis=1), slopes.mean(axis=0)
        elif params.loss == "softmax":
            logits, mine = t / params.temperature - corrections, s / params.temperature
            most = max(float(logits.max(initial=-np.inf)), float(mine.max()))
            powers, own_powers = np.exp(logits - most), np.exp(mine - most)
            totals = powers.sum() + own_powers
            own = (own_powers / totals - 1) / params.temperature
            others = powers * float((1 / totals).mean()) / params.temperature
        else:
            own, others = -np.ones_like(s), share * (t > params.margin)
        gradient = _float(own @ liked / len(s) + others @ negatives)
        if params.unit:
            gradient = gradient - vector * (gradient @ vector)
        return gradient + params.regularization * vector


def _float(values: npt.NDArray[np.floating]) -> FloatArray:
    return values.astype(np.float32)


def _sigmoid(x: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(x))
    sigmoid: FloatArray = np.where(x >= 0, 1, small) / (1 + small)
    return sigmoid
