"""The approximate index of a model: a graph over its items (usearch), tuned when it is built.

Graphs over inner products have a ceiling of recall: items with long vectors swallow every edge. So
the items get one more coordinate that gives all of them the same length, sqrt(L^2 - |v|^2), and the
queries a zero there: then the nearest by distance is the best by inner product (Bachrach et al.,
RecSys 2014). Items enter by falling length, which matters most: on Gowalla (WALS, dim 64, 8 epochs,
w0 0.1; connectivity 32, expansions 256 to add and 128 to search) recall@100 was 0.97 so, 0.82 in
the order of ids and 0.76 by rising length.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from usearch.index import Index

from shortlist.core.interactions import FloatArray, IntArray, LongArray
from shortlist.core.scoring import ItemScan
from shortlist.server.artifacts.manifest import IndexReport
from shortlist.server.errors import ArtifactCorrupt

ITEMS_MIN = 2
CONNECTIVITY = 32
EXPANSION_ADD = 128  # twice that doubles the time to build for 0.1 % of recall
# Tried in this order until one finds enough; the last one stays where none does.
EXPANSIONS_SEARCH = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
RECALL_WANTED = 0.98
NEAREST = 100
QUERIES_MEASURED = 500
BLOCK_ITEMS = 4096
SEED = 20260

METRIC, DTYPE = "l2sq", "f32"


class ApproximateIndex:
    """A read-only view of an index file, for one process; threads may share it and take turns."""

    def __init__(self, path: Path, report: IndexReport) -> None:
        """Map the file. Raises ArtifactCorrupt where it is no such index."""
        try:
            index = Index.restore(str(path), view=True)
        except (ValueError, RuntimeError) as problem:
            raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem
        if index is None or index.dtype.name.lower() != DTYPE or not len(index):
            raise ArtifactCorrupt(f"{path} is no index of this server", file=path)
        # A restored index forgets it; usearch hides from type checkers that it can be set.
        index.expansion_search = report.expansion_search  # type: ignore[misc]
        self._index = index
        self._length_squared = float(np.square(np.asarray(index[0]), dtype=np.float64).sum())
        self._lock = threading.Lock()  # searches of one index exclude each other anyway

    def __len__(self) -> int:
        return len(self._index)

    def search(self, query: FloatArray, count: int) -> tuple[LongArray, FloatArray]:
        """Return (rows, inner products) of up to `count` items near query (dim,), best first."""
        asked = np.append(query, np.float32(0))
        with self._lock:
            found = self._index.search(asked, min(count, len(self._index)), threads=1)
        rows = found.keys.astype(np.int64)
        query_squared = float(np.square(query, dtype=np.float64).sum())
        scores = (self._length_squared + query_squared - found.distances.astype(np.float64)) / 2
        return rows, scores.astype(np.float32)


def build_index(
    path: Path,
    item_vectors: FloatArray,
    user_vectors: FloatArray,
    *,
    threads: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> IndexReport:
    """Write the index of item_vectors (n, dim) and measure it on user_vectors (m, dim).

    The search effort is the smallest that finds RECALL_WANTED of the exact best 100. on_progress
    gets (items added, items), and what it raises ends the work. Fewer than two items: no file, and
    a report of kind "none". The same vectors give the same file: items are added by one thread,
    because the order of insertion shapes the graph; `threads` serve the measurement.
    """
    if len(item_vectors) < ITEMS_MIN:
        return IndexReport()
    started = time.perf_counter()
    index = Index(
        ndim=item_vectors.shape[1] + 1,
        metric=METRIC,
        dtype=DTYPE,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSIONS_SEARCH[0],
        multi=False,
    )
    _add_longest_first(index, item_vectors, on_progress)
    index.save(str(path))
    build_seconds = time.perf_counter() - started
    recall, expansion, queries = _tune(index, item_vectors, user_vectors, threads)
    return IndexReport(
        *("usearch", recall, queries, CONNECTIVITY, EXPANSION_ADD, expansion, build_seconds)
    )


def _add_longest_first(
    index: Index, vectors: FloatArray, on_progress: Callable[[int, int], None]
) -> None:
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    order = np.argsort(-squares, kind="stable")
    filling = np.sqrt(squares.max() - squares).astype(np.float32)
    for first in range(0, len(order), BLOCK_ITEMS):
        rows = order[first : first + BLOCK_ITEMS]
        block = np.concatenate([vectors[rows], filling[rows, np.newaxis]], axis=1)
        index.add(rows, block, copy=True, threads=1)
        on_progress(first + len(rows), len(order))


def _tune(
    index: Index, item_vectors: FloatArray, user_vectors: FloatArray, threads: int
) -> tuple[float, int, int]:
    """Return (recall, expansion, queries) of the smallest expansion that finds enough."""
    queries = _sampled(user_vectors)
    if not len(queries):
        return 0.0, EXPANSIONS_SEARCH[0], 0
    exact = ItemScan(item_vectors, trusted=True).top(queries, NEAREST, threads=threads)
    recall, expansion = 0.0, EXPANSIONS_SEARCH[0]
    for expansion in EXPANSIONS_SEARCH:
        index.expansion_search = expansion  # type: ignore[misc] # as above
        recall = _recall(index, queries, exact.rows)
        if recall >= RECALL_WANTED:
            break
    return recall, expansion, len(queries)


def _recall(index: Index, queries: FloatArray, rows: IntArray) -> float:
    """Return the share of the exact best rows (queries, k) that the index finds."""
    asked = np.concatenate([queries, np.zeros((len(queries), 1), np.float32)], axis=1)
    found_count = 0
    for query, exact in zip(asked, rows, strict=True):
        found = index.search(query, len(exact), threads=1)
        found_count += len(np.intersect1d(found.keys, exact))
    return found_count / rows.size


def _sampled(user_vectors: FloatArray) -> FloatArray:
    """Return up to QUERIES_MEASURED users' vectors that can rank anything."""
    able = np.flatnonzero(user_vectors.any(axis=1))
    if len(able) > QUERIES_MEASURED:
        able = np.sort(np.random.default_rng(SEED).choice(able, QUERIES_MEASURED, replace=False))
    return np.ascontiguousarray(user_vectors[able])
