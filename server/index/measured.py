"""Measures ways to search beside exact search, on stored users, one at a time on one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.artifacts.manifest import SearchTrial
from shortlist.server.index.approximate import ApproximateIndex

NEAREST = 100
QUERIES_MEASURED = 500
SEED = 20260


class Measured(NamedTuple):
    """The stored users that methods are measured on."""

    queries: FloatArray  # (q, dim)
    exact: IntArray  # (q, k) the best rows of each


def sample_users(item_vectors: FloatArray, user_vectors: FloatArray, threads: int) -> Measured:
    """Sample users whose vectors can rank anything, and find their best items."""
    able = np.flatnonzero(user_vectors.any(axis=1))
    if len(able) > QUERIES_MEASURED:
        able = np.sort(np.random.default_rng(SEED).choice(able, QUERIES_MEASURED, replace=False))
    queries = np.ascontiguousarray(user_vectors[able])
    exact = ItemScan(item_vectors, trusted=True).top(queries, NEAREST, threads=threads)
    return Measured(queries, exact.rows)


def measure(
    method: str, effort: int, rows_of: Callable[[FloatArray], IntArray], measured: Measured
) -> SearchTrial:
    """Search for every user, one after another, and return recall and the median time."""
    found_count, times = 0, []
    for query, exact in zip(*measured, strict=True):
        started = time.perf_counter()
        rows = rows_of(query)
        times.append(time.perf_counter() - started)
        found_count += len(np.intersect1d(rows, exact))
    recall = found_count / measured.exact.size if times else 0.0
    return SearchTrial(method, effort, recall, statistics.median(times) * 1e6 if times else 0.0)


def measure_rising(
    method: str,
    indexes: Iterable[tuple[int, ApproximateIndex]],
    measured: Measured,
    target_recall: float,
) -> list[SearchTrial]:
    """Measure (effort, index) at rising effort until one finds enough; without users, the first."""
    trials = []
    for effort, index in indexes:
        trials.append(measure(method, effort, _search(index), measured))
        if trials[-1].recall_at_100 >= target_recall or not len(measured.queries):
            break
    return trials


def _search(index: ApproximateIndex) -> Callable[[FloatArray], IntArray]:
    return lambda query: index.search(query, NEAREST).rows
