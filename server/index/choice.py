"""Builds a model's indexes, measures them beside exact search, and keeps the better one.

Recall depends on the vectors and the time on the machine, so both are measured, on stored users,
where the model is made. The choice follows the clock: two trainings of the same data make the same
vectors and lists to the bit, and may still choose differently where methods are close.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.scan.inverted_file import InvertedFile, build_inverted_file
from shortlist.core.scan.quantization import Quantized, quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.artifacts.artifact import INDEX
from shortlist.server.artifacts.code_files import write_codes, write_lists
from shortlist.server.artifacts.manifest import EXACT, GRAPH, LISTS, IndexReport, SearchTrial
from shortlist.server.index.approximate import ApproximateIndex
from shortlist.server.index.graph import CONNECTIVITY, EXPANSION_ADD, GraphIndex, build_graph
from shortlist.server.index.lists import ListIndex

ITEMS_MIN = 2
# Less than this much of a query is no gain: a request costs more than that beside the search. So
# exact stays the way of AUTO unless the index saves as much (an exact answer needs no trust), and a
# graph is built only where the lists leave as much to save, or find too little.
GAIN_MIN_US = 100.0
# Larger catalogs get no graph: one thread builds it, as the order shapes it, for many minutes.
GRAPH_ITEMS_MAX = 250_000
# Tried in this order until one finds enough.
EXPANSIONS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
PROBES = (
    *(4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128),
    *(160, 192, 224, 256, 384, 512, 768, 1024),
)
NEAREST = 100
QUERIES_MEASURED = 500
SEED = 20260

OnProgress = Callable[[int, int], None]


class _Measured(NamedTuple):
    """The stored users that methods are measured on."""

    queries: FloatArray  # (q, dim)
    exact: IntArray  # (q, k) the best rows of each


def build_index(
    folder: Path,
    item_vectors: FloatArray,
    user_vectors: FloatArray,
    *,
    target_recall: float = 0.98,
    threads: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> IndexReport:
    """Write int8 codes and an index of item_vectors (n, dim) into `folder`; say what was measured.

    The index is an inverted file, or a graph where that is clearly faster, at the least effort that
    finds `target_recall` of the exact best 100 of up to 500 users (m, dim); where neither does, the
    one that finds most. Fewer than two items, or a target of 1: no index.
    on_progress gets (part done, parts), and what it raises ends the work.
    """
    quantized = quantize(item_vectors)
    write_codes(folder, quantized)
    if len(item_vectors) < ITEMS_MIN or target_recall >= 1:
        return IndexReport(target_recall=target_recall, chosen=EXACT)
    started = time.perf_counter()
    file = build_inverted_file(
        *(item_vectors, quantized), threads=threads, on_progress=_part(on_progress, 0, 0.3)
    )
    measured = _measured(item_vectors, user_vectors, threads)
    trials = _scan_trials(item_vectors, quantized, file, measured, target_recall)
    if _graph_may_pay(len(item_vectors), trials[-1], target_recall):
        build_graph(folder / INDEX, item_vectors, _part(on_progress, 0.3, 0.6))
        trials += _graph_trials(folder / INDEX, item_vectors, measured, target_recall)
    build_seconds = time.perf_counter() - started
    kept = _kept(trials, target_recall)
    if kept.method != GRAPH:
        (folder / INDEX).unlink(missing_ok=True)
        write_lists(folder, file)
    chosen = _chosen(trials, kept, target_recall) if len(measured.queries) else ""
    on_progress(1, 1)
    lists = kept.method == LISTS
    return IndexReport(
        kind=kept.method,
        recall_at_100=kept.recall_at_100,
        query_count=len(measured.queries),
        connectivity=0 if lists else CONNECTIVITY,
        expansion_add=0 if lists else EXPANSION_ADD,
        expansion_search=0 if lists else kept.effort,
        build_seconds=build_seconds,
        list_count=file.list_count if lists else 0,
        probes=kept.effort if lists else 0,
        target_recall=target_recall,
        chosen=chosen,
        trials=tuple(trials),
    )


def _scan_trials(
    item_vectors: FloatArray,
    quantized: Quantized,
    file: InvertedFile,
    measured: _Measured,
    target_recall: float,
) -> list[SearchTrial]:
    """Measure exact search, then the lists at rising effort until they find enough."""
    scan = ItemScan(item_vectors, quantized, trusted=True)
    trials = [_trial(EXACT, 0, lambda query: scan.top(query[None], NEAREST).rows[0], measured)]
    for probes in _efforts(file):
        index = ListIndex(item_vectors, file, probes)
        trials.append(_index_trial(LISTS, probes, index, measured))
        if trials[-1].recall_at_100 >= target_recall or not len(measured.queries):
            break
    return trials


def _graph_may_pay(item_count: int, lists: SearchTrial, target_recall: float) -> bool:
    """Say whether a graph could do what the lists cannot, or save enough of their time."""
    if item_count > GRAPH_ITEMS_MAX:
        return False
    return lists.recall_at_100 < target_recall or lists.microseconds >= GAIN_MIN_US


def _graph_trials(
    path: Path, item_vectors: FloatArray, measured: _Measured, target_recall: float
) -> list[SearchTrial]:
    """Measure the graph at rising effort until it finds enough."""
    trials = []
    for expansion in EXPANSIONS:
        index = GraphIndex(path, item_vectors, expansion)
        trials.append(_index_trial(GRAPH, expansion, index, measured))
        if trials[-1].recall_at_100 >= target_recall or not len(measured.queries):
            break
    return trials


def _efforts(file: InvertedFile) -> list[int]:
    return [probes for probes in PROBES if probes < file.list_count] + [file.list_count]


def _trial(
    method: str, effort: int, rows_of: Callable[[FloatArray], IntArray], measured: _Measured
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


def _index_trial(
    method: str, effort: int, index: ApproximateIndex, measured: _Measured
) -> SearchTrial:
    return _trial(method, effort, lambda query: index.search(query, NEAREST).rows, measured)


def _kept(trials: list[SearchTrial], target_recall: float) -> SearchTrial:
    """Return the trial of the index to keep: enough recall, then lists unless the graph pays."""
    indexes = [trial for trial in trials if trial.method != EXACT]
    enough = [trial for trial in indexes if trial.recall_at_100 >= target_recall]
    if not enough:
        return max(indexes, key=lambda trial: trial.recall_at_100)
    first, last = enough[0], enough[-1]
    return last if first.microseconds - last.microseconds >= GAIN_MIN_US else first


def _chosen(trials: list[SearchTrial], kept: SearchTrial, target_recall: float) -> str:
    """Return the method of searches that leave the choice to the server."""
    saved = trials[0].microseconds - kept.microseconds
    return kept.method if kept.recall_at_100 >= target_recall and saved >= GAIN_MIN_US else EXACT


def _measured(item_vectors: FloatArray, user_vectors: FloatArray, threads: int) -> _Measured:
    """Sample users whose vectors can rank anything, and find their best items."""
    able = np.flatnonzero(user_vectors.any(axis=1))
    if len(able) > QUERIES_MEASURED:
        able = np.sort(np.random.default_rng(SEED).choice(able, QUERIES_MEASURED, replace=False))
    queries = np.ascontiguousarray(user_vectors[able])
    exact = ItemScan(item_vectors, trusted=True).top(queries, NEAREST, threads=threads)
    return _Measured(queries, exact.rows)


def _part(on_progress: OnProgress, start: float, share: float) -> OnProgress:
    """Report the progress of one step as a part of the whole, in thousandths."""
    return lambda done, total: on_progress(round(1000 * (start + share * done / total)), 1000)
