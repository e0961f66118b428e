"""Recall of rare and of popular items apart: what an average over all items hides.

Items that training saw are sorted by how often (equal counts by row) and cut into ten parts of
equal size; decile 1 holds the rarest, decile 10 the most popular. Of one query, recall in a decile
at cut-off k is the share of its relevant items there that are among its first k candidates;
queries with nothing relevant in a decile are left out of its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shortlist.core.errors import SettingInvalid
from shortlist.core.metrics.hits import Hits

if TYPE_CHECKING:
    from shortlist.core.data.interactions import IntArray, Interactions, LongArray
    from shortlist.core.scan.scoring import TopRows

DECILES = 10
QUERIES_AT_ONCE = 8192  # bounds the temporary memory


@dataclass(frozen=True, slots=True)
class DecileRecall:
    """Recall in one decile at one cut-off."""

    decile: int  # 1: the rarest tenth of the items; 10: the most popular
    cutoff: int
    query_count: int  # queries with something relevant in the decile
    mean: float  # over those; 0 without any
    standard_error: float  # of the mean; 0 below two queries


def popularity_deciles(item_counts: IntArray | LongArray) -> IntArray:
    """Return the decile 1..10 of each item (items,), 0 where it was never seen."""
    order = np.argsort(item_counts, kind="stable")
    order = order[item_counts[order] > 0]
    deciles = np.zeros(len(item_counts), np.int32)
    deciles[order] = 1 + np.arange(len(order)) * DECILES // max(len(order), 1)
    return deciles


def recall_by_decile(
    ranked: TopRows, relevant: Interactions, cutoffs: Sequence[int], item_counts: LongArray
) -> tuple[DecileRecall, ...]:
    """Return recall in every decile at every cut-off, cut-off by cut-off, rare ones first."""
    if len(item_counts) != relevant.column_count:
        raise SettingInvalid("item_counts", len(item_counts), f"{relevant.column_count} items")
    cutoffs = tuple(sorted(cutoffs))
    deciles = popularity_deciles(item_counts)
    hits = Hits(ranked, relevant)
    sums = np.zeros((3, len(cutoffs), DECILES + 1))  # of recalls, their squares, queries
    for first in range(0, relevant.row_count if cutoffs else 0, QUERIES_AT_ONCE):
        queries = np.arange(first, min(first + QUERIES_AT_ONCE, relevant.row_count))
        starts = relevant.row_starts[queries[0] : queries[-1] + 2]
        wanted = _per_decile(
            np.repeat(queries - first, np.diff(starts)),
            deciles[relevant.columns[starts[0] : starts[-1]]],
            len(queries),
        )
        places = hits.at(queries, cutoffs[-1])
        found_queries, found_places = np.nonzero(places.hits)
        found_deciles = deciles[places.rows[found_queries, found_places]]
        for at, cutoff in enumerate(cutoffs):
            near = found_places < cutoff
            met = _per_decile(found_queries[near], found_deciles[near], len(queries))
            recalls = met / np.maximum(wanted, 1)
            sums[:, at] += recalls.sum(axis=0), (recalls**2).sum(axis=0), (wanted > 0).sum(axis=0)
    return tuple(
        _decile_recall(decile, cutoff, *sums[:, at, decile].tolist())
        for at, cutoff in enumerate(cutoffs)
        for decile in range(1, DECILES + 1)
    )


def _per_decile(queries: LongArray, deciles: IntArray, query_count: int) -> LongArray:
    """Return how many of the (query, decile) pairs are of each kind, (queries, deciles from 0)."""
    kinds = queries * (DECILES + 1) + deciles
    counts = np.bincount(kinds, minlength=query_count * (DECILES + 1))
    return counts.reshape(query_count, DECILES + 1)


def _decile_recall(
    decile: int, cutoff: int, total: float, squares: float, queries: float
) -> DecileRecall:
    count = int(queries)
    mean = total / max(count, 1)
    variance = max(squares - count * mean**2, 0.0) / max(count - 1, 1)
    error = float(np.sqrt(variance / count)) if count > 1 else 0.0
    return DecileRecall(decile, cutoff, count, mean, error)
