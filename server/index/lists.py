"""The inverted file of core/scan/inverted_file.py as an index of a model."""

from __future__ import annotations

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.scan.inverted_file import InvertedFile, ListScan
from shortlist.server.index.approximate import NO_ROWS, Near

COUNT_MEASURED = 100  # the effort is measured for so many candidates; more take more lists


class ListIndex:
    """The lists of a model's items and how many of them a search scans."""

    def __init__(self, item_vectors: FloatArray, file: InvertedFile, probes: int) -> None:
        """Take item_vectors (n, dim) and their lists; probes: lists for 100 candidates."""
        self._scan = ListScan(item_vectors, file)
        self._item_count = len(item_vectors)
        self._probes = probes

    def search(self, vector: FloatArray, count: int, excluded: IntArray = NO_ROWS) -> Near:
        """Return up to `count` rows; what is excluded lies among the best, so it counts too."""
        wanted = max(count + len(excluded), COUNT_MEASURED)
        top, scored = self._scan.top(
            vector[None],
            count,
            probes=-(-self._probes * wanted // COUNT_MEASURED),
            excluded=self._one_row(excluded) if len(excluded) else None,
        )
        found = int(top.counts[0])
        return Near(top.rows[0, :found], top.scores[0, :found], int(scored[0]))

    def _one_row(self, excluded: IntArray) -> Interactions:
        starts = np.array([0, len(excluded)], dtype=np.int64)
        values = np.empty(len(excluded), dtype=np.float32)  # not read
        return Interactions(starts, excluded, values, self._item_count)
