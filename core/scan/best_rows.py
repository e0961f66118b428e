"""The best of rows whose scores are there already."""

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray

_PARTITION_PAYS = 4  # times as many rows as are wanted: sort only what can be among them


def best_rows(rows: IntArray, scores: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return up to `count` of ascending rows (n,) by falling score (n,), ties by row."""
    if count > 0 and _PARTITION_PAYS * count < len(rows):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        able = np.flatnonzero(scores >= least)
        rows, scores = rows[able], scores[able]
    order = np.argsort(-scores, kind="stable")[:count]
    return rows[order], scores[order]
