"""Ratings as inner products, and users that training never saw.

Vectors are extended so that one inner product is the prediction: an item's is (v, mean + c, 1), a
user's (u, 1, b).
"""

import numpy as np

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.ratings.params import RatingParams
from shortlist.core.ratings.rating_rows import Doubles, solve_rows
from shortlist.core.ratings.ratings import RatingFactors, ridges_of


class RatingFoldIn:
    """Solves for vector and bias of a history; immutable, used by many threads."""

    def __init__(self, items: FloatArray, params: RatingParams) -> None:
        """Take extended item vectors (items, dim + 2)."""
        self._fixed = np.ascontiguousarray(items[:, : params.dim], np.float64)
        self._offsets = items[:, params.dim].astype(np.float64)
        self._params = params

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return extended vectors (rows, dim + 2) of histories (rows, items) of ratings."""
        ridges = ridges_of(np.diff(histories.row_starts), self._params)
        side, ridge = (self._fixed, self._offsets, ridges), self._params.bias_regularization
        return extended_users(*solve_rows(histories, *side, bias_ridge=ridge, threads=threads))


def extended_users(vectors: Doubles, biases: Doubles) -> FloatArray:
    """Return (users, dim + 2): vector, 1, bias."""
    return _floats(vectors, np.ones(len(vectors)), biases)


def extended_items(factors: RatingFactors) -> FloatArray:
    """Return (items, dim + 2): vector, mean + bias, 1."""
    offsets = factors.means + factors.item_bias
    return _floats(factors.items, offsets, np.ones(len(factors.items)))


def _floats(vectors: Doubles, *columns: Doubles) -> FloatArray:
    with np.errstate(over="ignore"):  # whoever takes them refuses what is not finite
        return np.column_stack([vectors, *columns]).astype(np.float32)
