"""User-based neighbours: what users alike have, for users known and new."""

from __future__ import annotations

import numpy as np

from shortlist.core.counts.neighbours import RowWeights
from shortlist.core.counts.params import Weighting
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, transposed
from shortlist.core.scan.best_rows import best_rows


class UserNeighbours:
    """Scores items by the users whose weighted rows are most similar (Herlocker et al. 1999).

    Immutable; used by many threads. Keeps a second copy of the matrix, by item and weighted.
    """

    def __init__(
        self, interactions: Interactions, count: int, weighting: Weighting, threads: int = 1
    ) -> None:
        """Take users x items by reference; `count` users are asked."""
        self._interactions, self._count = interactions, count
        self._weights = RowWeights(interactions, weighting)
        self._by_item = transposed(self._weights.of(interactions), threads)

    def scores(self, history: IntArray, values: FloatArray) -> FloatArray:
        """Return, for every item, the sum of similarity * value over the nearest users, (items,).

        history (n,): rows of items, ascending; values (n,) as in the training data.
        """
        starts = np.array([0, len(history)], np.int64)
        item_count = self._interactions.column_count
        asked = self._weights.of(Interactions(starts, history, values, item_count))
        similarities = np.zeros(self._interactions.row_count)
        for item, weight in zip(asked.columns, asked.values, strict=True):
            users, weights = self._by_item.row(int(item))
            similarities[users] += float(weight) * weights.astype(np.float64)
        able = np.flatnonzero(similarities > 0).astype(np.int32)
        nearest, closeness = best_rows(able, similarities[able].astype(np.float32), self._count)
        totals = np.zeros(item_count)
        for user, similarity in zip(nearest, closeness, strict=True):
            items, liked = self._interactions.row(int(user))
            totals[items] += float(similarity) * liked.astype(np.float64)
        return totals.astype(np.float32)
