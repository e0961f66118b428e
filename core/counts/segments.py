"""What is popular inside segments of users, such as countries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import (
    Events,
    FloatArray,
    IntArray,
    Interactions,
    build_interactions,
)
from shortlist.core.data.vocabulary import Vocabulary

SEGMENTS_MAX = 10_000
# A segment's events are joined by this many that fall on items as everybody's do: a segment of
# which little is known ranks as all users together, and items it never met keep that order.
PRIOR_EVENTS = 10.0


@dataclass(frozen=True, slots=True)
class UserSegments:
    """Which segment each user belongs to."""

    ids: Vocabulary
    users: Interactions  # users x segments: one entry a user, none where nothing is known


def main_segments(counts: Interactions) -> Interactions:
    """Return the largest entry of each row of users x segments; of equal ones the first."""
    lengths = np.diff(counts.row_starts)
    rows = np.repeat(np.arange(counts.row_count), lengths)
    order = np.lexsort((counts.columns, -counts.values, rows))
    first = order[counts.row_starts[:-1][lengths > 0]]
    starts = np.concatenate([[0], np.cumsum(lengths > 0)]).astype(np.int64)
    return Interactions(starts, counts.columns[first], counts.values[first], counts.column_count)


def segment_popularity(
    rows: npt.NDArray[np.integer],
    items: IntArray,
    weights: FloatArray,
    users: Interactions,
    item_count: int,
) -> Interactions:
    """Sum weights of (user row, item) pairs (n,) by the user's segment: segments x items.

    users: as in UserSegments. Users without a segment count in none.
    """
    has_one = np.diff(users.row_starts) > 0
    segment_of = np.zeros(users.row_count, np.int32)
    segment_of[has_one] = users.columns
    counted = has_one[rows] & (weights > 0)
    pairs = Events(segment_of[rows[counted]], items[counted], weights[counted])
    return build_interactions(pairs, users.column_count, item_count, "sum")


class SegmentScores:
    """Scores every item for a segment; immutable, used by many threads."""

    def __init__(self, scores: Interactions, item_scores: FloatArray) -> None:
        """Take segments x items by reference, and the popularity of items with all users."""
        self._scores = scores
        total = float(item_scores.sum(dtype=np.float64))
        self._prior = item_scores * np.float32(PRIOR_EVENTS / total if total > 0 else 0)

    def of(self, segment: int) -> FloatArray:
        """Return the score of every item, (items,)."""
        items, scores = self._scores.row(segment)
        totals: FloatArray = self._prior.copy()
        totals[items] += scores
        return totals
