"""A graph over the items (usearch).

Graphs over inner products have a ceiling of recall: items with long vectors swallow every edge. So
the items get one more coordinate that gives all of them the same length, sqrt(L^2 - |v|^2), and the
queries a zero there: then the nearest by distance is the best by inner product (Bachrach et al.,
RecSys 2014). Items enter by falling length, which matters most: on Gowalla (WALS, dim 64, 8 epochs,
w0 0.1; connectivity 32, expansions 256 to add and 128 to search) recall@100 was 0.97 so, 0.82 in
the order of ids and 0.76 by rising length.

Vectors of fewer bits are compared by their angle, which ranks vectors of one length alike: squared
distances of bf16 are differences of large numbers (with lengths spread a hundred times, recall@100
was 0.28 by distance and 0.84 by angle, where f32 found as much).
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

import numpy as np
from usearch.compiled import MetricKind
from usearch.index import Index

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.parallel import resolve_threads
from shortlist.core.scan.best_rows import best_rows
from shortlist.core.scan.scoring import score_rows
from shortlist.server.domain.index import GraphOptions
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.index.approximate import NO_ROWS, Near

BLOCK_ITEMS = 512
VIEWS_MAX = 64  # each takes 8 bytes an item
METRICS: Final = {"f32": MetricKind.L2sq, "bf16": MetricKind.Cos, "i8": MetricKind.Cos}  # by dtype

_AS_MADE = GraphOptions()


class GraphIndex:
    """A graph's file, mapped once and read-only; threads may share it.

    usearch makes the searches of one Index wait for each other (two threads with one took 1.8 s for
    what they did in 0.8 s with one each), so every search that runs has a view of its own: opened
    when one is needed, kept for the next, never more than cores.
    """

    def __init__(
        self, path: Path, item_vectors: FloatArray, expansion: int, views_max: int = 0
    ) -> None:
        """Map the file; expansion: candidates kept while searching.

        views_max: searches at once, others wait; 0: one a core, at most VIEWS_MAX. Raises
        ArtifactCorrupt where the file is no graph over item_vectors (n, dim).
        """
        self._path, self._vectors, self._expansion = path, item_vectors, expansion
        # A mapping of our own rather than one a view: the file may be deleted meanwhile, and no
        # view holds a descriptor.
        self._bytes = _mapped(path)
        self._turns = BoundedSemaphore(views_max or min(resolve_threads(0), VIEWS_MAX))
        self._free: list[Index] = []
        with self._view() as view:
            # Few bits rank roughly: all candidates are scored again, not only as many as wanted.
            self._wanted_min = 0 if view.dtype.name == "F32" else expansion

    def search(self, vector: FloatArray, count: int, excluded: IntArray = NO_ROWS) -> Near:
        """Return up to `count` rows: the graph is asked for as many more as are excluded."""
        wanted = min(max(count + len(excluded), self._wanted_min), len(self._vectors))
        with self._view() as view:
            keys = view.search(np.append(vector, np.float32(0)), wanted, threads=1).keys
        allowed = np.sort(keys[~np.isin(keys, excluded)]).astype(np.int32)
        # The graph works with distances: the scores come from the vectors themselves.
        rows, scores = best_rows(allowed, score_rows(self._vectors, vector, allowed), count)
        return Near(rows, scores, len(keys))

    @contextmanager
    def _view(self) -> Iterator[Index]:
        """Lend a view that nobody else searches."""
        with self._turns:
            try:
                view = self._free.pop()
            except IndexError:
                view = self._opened()
            try:
                yield view
            finally:
                self._free.append(view)

    def _opened(self) -> Index:
        try:
            view = Index.restore(self._bytes, view=True, enable_key_lookups=False)
        except (ValueError, RuntimeError) as problem:
            raise ArtifactCorrupt(f"{self._path}: {problem}", file=self._path) from problem
        item_count, dim = self._vectors.shape
        fits = view is not None and (len(view), view.ndim) == (item_count, dim + 1)
        if view is None or not fits or METRICS.get(view.dtype.name.lower()) != view.metric_kind:
            raise ArtifactCorrupt(f"{self._path} is no index of this model", file=self._path)
        # A restored index forgets it; usearch hides from type checkers that it can be set.
        view.expansion_search = self._expansion  # type: ignore[misc]
        return view


def build_graph(
    path: Path,
    item_vectors: FloatArray,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    options: GraphOptions = _AS_MADE,
    threads: int = 1,
) -> int:
    """Write the graph of item_vectors (n, dim), n >= 2; return how many threads built it.

    on_progress gets (items added, items), and what it raises ends the work. The same vectors give
    the same file: one thread adds, because the order of insertion shapes the graph, unless
    options.parallel_build lets all `threads`.
    """
    index = Index(
        ndim=item_vectors.shape[1] + 1,
        metric=METRICS[options.dtype],
        dtype=options.dtype,
        connectivity=options.connectivity,
        expansion_add=options.expansion_add,
        expansion_search=options.expansion_add,
        multi=False,
    )
    squares = np.einsum("nd,nd->n", item_vectors, item_vectors, dtype=np.float64)
    order = np.argsort(-squares, kind="stable")
    filling = np.sqrt(squares.max() - squares).astype(np.float32)
    build_threads = threads if options.parallel_build else 1
    for first in range(0, len(order), BLOCK_ITEMS):
        rows = order[first : first + BLOCK_ITEMS]
        block = np.concatenate([item_vectors[rows], filling[rows, np.newaxis]], axis=1)
        index.add(rows, block, copy=True, threads=build_threads)
        on_progress(first + len(rows), len(order))
    index.save(str(path))
    return build_threads


def _mapped(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as problem:  # missing or empty
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem
