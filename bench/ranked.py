"""One metric of rankings by inner product, over the users with something to find."""

import numpy as np

from shortlist.core.data.bitmaps import Bitmap
from shortlist.core.data.interactions import FloatArray, Interactions, select_rows
from shortlist.core.metrics.metrics import evaluate_ranking
from shortlist.core.scan.scoring import ItemScan

THREADS = 2


def mean_of(
    metric: str,
    cutoff: int,
    users: FloatArray,
    items: FloatArray,
    wanted: Interactions,
    had: Interactions | None,
    eligible: Bitmap | None = None,
) -> float:
    """Return the mean at a cut-off; what users had, a row for each of them, is not asked for."""
    rows = np.flatnonzero(np.diff(wanted.row_starts) > 0).astype(np.int32)
    ranked = ItemScan(np.ascontiguousarray(items)).top(
        np.ascontiguousarray(users[rows]), cutoff,
        eligible=eligible, excluded=had and select_rows(had, rows), threads=THREADS,
    )  # fmt: skip
    return evaluate_ranking(ranked, select_rows(wanted, rows), (cutoff,)).mean(metric, cutoff)
