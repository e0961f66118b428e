"""The two ways to rank a catalog for many users at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from shortlist.core.data.bitmaps import Bitmap, rows_of_bitmap
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.parallel import for_each_chunk
from shortlist.core.scan.best_rows import best_rows
from shortlist.core.scan.scoring import ItemScan, TopRows


@dataclass(frozen=True, slots=True)
class VectorMethod:
    """Ranks items by their inner product with a vector for each user."""

    name: str
    item_vectors: FloatArray  # (items, dim)
    query_vectors: Callable[[IntArray], FloatArray]  # (n,) user rows -> (n, dim)
    predicts_values: bool = False
    _scan: ItemScan = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_scan", ItemScan(self.item_vectors))

    def top(
        self,
        users: IntArray,
        count: int,
        *,
        eligible: Bitmap | None,
        excluded: Interactions,
        threads: int,
    ) -> TopRows:
        """Return the best items of each of the users; excluded has a row for each of them."""
        queries = np.ascontiguousarray(self.query_vectors(users))
        return self._scan.top(queries, count, eligible=eligible, excluded=excluded, threads=threads)


@dataclass(frozen=True, slots=True)
class ScoreMethod:
    """Ranks items by a score for each user and item."""

    name: str
    scores: Callable[[int], FloatArray]  # user row -> (items,)

    def top(
        self,
        users: IntArray,
        count: int,
        *,
        eligible: Bitmap | None,
        excluded: Interactions,
        threads: int,
    ) -> TopRows:
        """Return the best items of each of the users; excluded has a row for each of them."""
        able = np.arange(excluded.column_count, dtype=np.int32)
        if eligible is not None:
            able = rows_of_bitmap(eligible)
        counts = np.zeros(len(users), np.int64)
        best = np.zeros((len(users), count), np.int32)
        values = np.zeros((len(users), count), np.float32)

        def rank(place: int, _thread: int) -> None:
            scores = self.scores(int(users[place]))
            scores[excluded.row(place)[0]] = -np.inf
            rows, best_scores = best_rows(able, scores[able], count)
            counts[place] = int(np.isfinite(best_scores).sum())
            best[place, : len(rows)] = rows
            values[place, : len(rows)] = best_scores

        for_each_chunk(rank, len(users), threads)
        return TopRows(counts, best, values)
