"""What every approximate index does."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray

NO_ROWS: Final[IntArray] = np.empty(0, dtype=np.int32)


class Near(NamedTuple):
    """What an index found; it may have missed items, but the scores are the items' own."""

    rows: IntArray  # (n,) best first, equal scores by row
    scores: FloatArray  # (n,) the bits of the exact scan
    scored_count: int  # items whose score was estimated or computed


class ApproximateIndex(Protocol):
    """An index over the items of one model, read-only; threads may share it."""

    def search(self, vector: FloatArray, count: int, excluded: IntArray = NO_ROWS) -> Near:
        """Return up to `count` rows near vector (dim,), none of the excluded (ascending)."""
        ...
