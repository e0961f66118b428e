"""Rankings and what is relevant, from plain lists and sets."""

from collections.abc import Sequence, Set

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.scan.scoring import TopRows


def top_of(lists: Sequence[Sequence[int]], width: int | None = None) -> TopRows:
    """Return the lists as TopRows; what lies behind a list is row 0, which must not count."""
    width = max(map(len, lists), default=0) if width is None else width
    rows = np.zeros((len(lists), width), np.int32)
    for q, found in enumerate(lists):
        rows[q, : len(found)] = found
    counts = np.array([len(found) for found in lists], np.int64)
    return TopRows(counts, rows, np.zeros(rows.shape, np.float32))


def relevant_of(sets: Sequence[Set[int]], item_count: int) -> Interactions:
    starts = np.cumsum([0, *map(len, sets)]).astype(np.int64)
    columns = np.array([row for rows in sets for row in sorted(rows)], np.int32)
    return Interactions(starts, columns, np.ones(len(columns), np.float32), item_count)
