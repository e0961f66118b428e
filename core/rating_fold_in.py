"""Ratings as inner products, and users that training never saw.

Vectors are extended so that one inner product is the prediction: an item's is (v, mean + c, 1), a
user's (u, 1, b).
"""

import numpy as np

from shortlist.core.interactions import FloatArray, Interactions
from shortlist.core.ratings import Doubles, RatingFactors, RatingParams, solve_rows


class RatingFoldIn:
    """Solves for vector and bias of a history; immutable, used by many threads."""

    def __init__(self, items: FloatArray, params: RatingParams) -> None:
        """Take extended item vectors (items, dim + 2)."""
        self._fixed = items[:, : params.dim].astype(np.float64)
        self._offsets = items[:, params.dim].astype(np.float64)
        self._params = params

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return extended vectors (rows, dim + 2) of histories (rows, items) of ratings."""
        found = solve_rows(histories, self._fixed, self._offsets, self._params, bias=True)
        return extended_users(*found)


def extended_users(vectors: Doubles, biases: Doubles) -> FloatArray:
    """Return (users, dim + 2): vector, 1, bias."""
    ones = np.ones(len(vectors))
    return np.column_stack([vectors, ones, biases]).astype(np.float32)


def extended_items(factors: RatingFactors) -> FloatArray:
    """Return (items, dim + 2): vector, mean + bias, 1."""
    offsets, ones = factors.means + factors.item_bias, np.ones(len(factors.items))
    return np.column_stack([factors.items, offsets, ones]).astype(np.float32)
