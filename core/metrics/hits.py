"""Which of the ranked items of each query are relevant, block of queries by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from shortlist.core.data.interactions import IntArray, Interactions, LongArray
    from shortlist.core.scan.scoring import TopRows

BoolArray: TypeAlias = npt.NDArray[np.bool_]


class Places(NamedTuple):
    """The first places of some queries' rankings, best first."""

    rows: IntArray  # (queries, places); 0 where nothing was given
    given: BoolArray  # (queries, places) which places hold a result
    hits: BoolArray  # (queries, places) which results are relevant


class Hits:
    """Rankings held against what is relevant (the columns of a query's row)."""

    def __init__(self, ranked: TopRows, relevant: Interactions) -> None:
        self._ranked = ranked
        self._column_count = np.int64(relevant.column_count)
        rows = np.repeat(np.arange(relevant.row_count), np.diff(relevant.row_starts))
        self._keys = np.append(rows * self._column_count + relevant.columns, -1)  # but -1 ascending

    def at(self, queries: LongArray, depth: int) -> Places:
        """Return places 1..depth of the queries."""
        width = min(depth, self._ranked.rows.shape[1])
        rows = np.zeros((len(queries), depth), np.int32)
        rows[:, :width] = self._ranked.rows[queries, :width]
        given = np.arange(depth) < np.minimum(self._ranked.counts[queries], width)[:, None]
        rows[~given] = 0  # what lies behind the results means nothing
        wanted = queries[:, None] * self._column_count + rows
        hits = given & (self._keys[np.searchsorted(self._keys[:-1], wanted)] == wanted)
        return Places(rows, given, hits)
