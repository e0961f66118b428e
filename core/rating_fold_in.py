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
    return _floats(vectors, np.ones(len(vectors)), biases)


def extended_items(factors: RatingFactors) -> FloatArray:
    """Return (items, dim + 2): vector, mean + bias, 1."""
    offsets = factors.means + factors.item_bias
    return _floats(factors.items, offsets, np.ones(len(factors.items)))


def _floats(vectors: Doubles, *columns: Doubles) -> FloatArray:
    with np.errstate(over="ignore"):  # whoever takes them refuses what is not finite
        return np.column_stack([vectors, *columns]).astype(np.float32)
