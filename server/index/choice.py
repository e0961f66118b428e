"""Builds the index that was asked for, or measures them beside exact search and keeps the better.

Recall depends on the vectors and the time on the machine, so both are measured, on stored users,
where the model is made. The choice follows the clock: two trainings of the same data make the same
vectors and lists to the bit, and may still choose differently where methods are close.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shortlist.core.data.interactions import FloatArray
from shortlist.core.scan.inverted_file import InvertedFile, build_inverted_file
from shortlist.core.scan.quantization import Quantized, quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.artifacts.artifact import INDEX
from shortlist.server.artifacts.code_files import write_codes, write_lists
from shortlist.server.artifacts.manifest import IndexReport, SearchTrial
from shortlist.server.domain.index import AUTO, EXACT, GRAPH, LISTS, GraphOptions, IndexSpec
from shortlist.server.index.graph import GraphIndex, build_graph
from shortlist.server.index.lists import ListIndex
from shortlist.server.index.measured import NEAREST, Measured, measure, measure_rising, sample_users

ITEMS_MIN = 2
# Less than this much of a query is no gain: a request costs more than that beside the search. So
# exact stays the way of AUTO unless the index saves as much (an exact answer needs no trust), and a
# graph is built only where the lists leave as much to save, find too little, or all vectors have
# one length.
GAIN_MIN_US = 100.0
# Larger catalogs get no graph unasked: one thread builds it, as the order shapes it, for minutes.
GRAPH_ITEMS_MAX = 250_000
# Where lists do already, a graph may take so much of the seconds that the training took until then.
GRAPH_TIME_SHARE = 0.25
ONE_LENGTH_TOLERANCE = 1e-3  # of the squared lengths, so that float32 may round them
# Tried in this order until one finds enough.
EXPANSIONS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
PROBES = (
    *(4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128),
    *(160, 192, 224, 256, 384, 512, 768, 1024),
)

NO_USERS = "no stored user to measure with"

OnProgress = Callable[[int, int], None]
_MEASURED = IndexSpec()


class _NoGraph(Exception):
    """Why no graph is built, or not to its end."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be indexed."""

    folder: Path
    item_vectors: FloatArray  # (n, dim)
    quantized: Quantized
    measured: Measured
    asked: IndexSpec
    target_recall: float
    threads: int
    on_progress: OnProgress


def build_index(
    folder: Path,
    item_vectors: FloatArray,
    user_vectors: FloatArray,
    *,
    asked: IndexSpec = _MEASURED,
    target_recall: float = 0.98,
    trained_seconds: float = math.inf,
    threads: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> IndexReport:
    """Write int8 codes and an index of item_vectors (n, dim) into `folder`; say what was measured.

    The index is the one that was asked for; with auto an inverted file, or a graph where that is
    clearly better. It makes the least effort that finds `target_recall` of the exact best 100 of up
    to 500 users (m, dim); where neither does, auto takes the one that finds most. Fewer than two
    items, or with auto a target of 1: no index. trained_seconds: what the training took so far.
    on_progress gets (part done, parts), and what it raises ends the work.
    """
    quantized = quantize(item_vectors)
    write_codes(folder, quantized)
    if why := _why_none(asked, len(item_vectors), target_recall):
        left_out = tuple(SearchTrial(method, skipped=why) for method in (EXACT, LISTS, GRAPH))
        asked_for = asked.kind == EXACT
        return IndexReport(
            target_recall=target_recall, chosen=EXACT, trials=left_out, asked=asked_for
        )
    started = time.perf_counter()
    measured = sample_users(item_vectors, user_vectors, threads)
    work = _Work(
        folder, item_vectors, quantized, measured, asked, target_recall, threads, on_progress
    )
    file, list_trials = _lists(work)
    build_threads, graph_trials = _graph(work, list_trials[-1], trained_seconds)
    trials = [_exact(work), *list_trials, *graph_trials]
    kept = _kept(trials, target_recall)
    if kept.method != GRAPH:
        (folder / INDEX).unlink(missing_ok=True)
    if kept.method == LISTS and file is not None:
        write_lists(folder, file)
    report = _report(work, trials, kept, file, build_threads)
    on_progress(1, 1)
    return replace(report, build_seconds=time.perf_counter() - started)


def has_one_length(vectors: FloatArray) -> bool:
    """Return whether all vectors (n, dim) but zeros, which score nothing, have the same length."""
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    there = squares[squares > 0]
    return bool(len(there) and there.max() * (1 - ONE_LENGTH_TOLERANCE) <= there.min())


def _why_none(asked: IndexSpec, item_count: int, target_recall: float) -> str:
    """Return why no index is built; empty: one is."""
    if asked.kind == EXACT:
        return "exact was asked for"
    if item_count < ITEMS_MIN:
        return f"{item_count} items: an index takes {ITEMS_MIN}"
    return "target_recall is 1" if target_recall >= 1 else ""


def _exact(work: _Work) -> SearchTrial:
    scan = ItemScan(work.item_vectors, work.quantized, trusted=True)
    return measure(EXACT, 0, lambda query: scan.top(query[None], NEAREST).rows[0], work.measured)


def _lists(work: _Work) -> tuple[InvertedFile | None, list[SearchTrial]]:
    """Build and measure an inverted file, unless another index was asked for."""
    if work.asked.kind == GRAPH:
        return None, [SearchTrial(LISTS, skipped=f"{GRAPH} was asked for")]
    vectors = work.item_vectors
    file = build_inverted_file(
        vectors,
        work.quantized,
        threads=work.threads,
        on_progress=_part(work.on_progress, 0, 0.3),
    )
    indexes = ((probes, ListIndex(vectors, file, probes)) for probes in _efforts(file))
    return file, measure_rising(LISTS, indexes, work.measured, work.target_recall)


def _graph(
    work: _Work, lists: SearchTrial, trained_seconds: float
) -> tuple[int, list[SearchTrial]]:
    """Build and measure a graph where it was asked for or may pay; return its threads too."""
    path, vectors = work.folder / INDEX, work.item_vectors
    try:
        seconds = _graph_seconds(work, lists, trained_seconds)
        on_progress = _within(seconds, _part(work.on_progress, 0.3, 0.6))
        options = work.asked.graph or GraphOptions()
        threads = build_graph(path, vectors, on_progress, options, work.threads)
    except _NoGraph as why:
        return 0, [SearchTrial(GRAPH, skipped=str(why))]
    indexes = ((expansion, GraphIndex(path, vectors, expansion)) for expansion in EXPANSIONS)
    return threads, measure_rising(GRAPH, indexes, work.measured, work.target_recall)


def _graph_seconds(work: _Work, lists: SearchTrial, trained_seconds: float) -> float:
    """Return how many seconds a graph may take to build. Raises _NoGraph where none is wanted."""
    count = len(work.item_vectors)
    if work.asked.kind == GRAPH:
        return math.inf
    if work.asked.kind != AUTO:
        raise _NoGraph(f"{work.asked.kind} was asked for")
    if not len(work.measured.queries):
        raise _NoGraph(NO_USERS)
    if count > GRAPH_ITEMS_MAX:
        raise _NoGraph(f"{count:,} items, over {GRAPH_ITEMS_MAX:,}")
    if lists.recall_at_100 < work.target_recall or lists.microseconds >= GAIN_MIN_US:
        return math.inf
    if has_one_length(work.item_vectors):
        return GRAPH_TIME_SHARE * trained_seconds
    raise _NoGraph(f"{LISTS} find enough in less than {GAIN_MIN_US:g} us")


def _within(seconds: float, on_progress: OnProgress) -> OnProgress:
    """End the work with _NoGraph as soon as it is clear that it takes longer."""
    started = time.perf_counter()

    def told(done: int, total: int) -> None:
        # Later items take longer than earlier ones, so this promises rather too little time.
        needed = (time.perf_counter() - started) * total / done
        if needed > seconds:
            share = f"over {GRAPH_TIME_SHARE:g} of the training's time"
            raise _NoGraph(f"would take {needed:.1f} s to build, {share}, {seconds:.1f} s")
        on_progress(done, total)

    return told


def _efforts(file: InvertedFile) -> list[int]:
    return [probes for probes in PROBES if probes < file.list_count] + [file.list_count]


def _kept(trials: list[SearchTrial], target_recall: float) -> SearchTrial:
    """Return the trial of the index to keep: enough recall, then lists unless the graph pays."""
    indexes = [one for one in trials if one.method != EXACT and not one.skipped]
    enough = [trial for trial in indexes if trial.recall_at_100 >= target_recall]
    if not enough:
        return max(indexes, key=lambda trial: trial.recall_at_100)
    exact, first, last = trials[0], enough[0], enough[-1]
    if _saves(last, first) or (_saves(last, exact) and not _saves(first, exact)):
        return last
    return first


def _saves(trial: SearchTrial, other: SearchTrial) -> bool:
    return other.microseconds - trial.microseconds >= GAIN_MIN_US


def _chosen(work: _Work, trials: list[SearchTrial], kept: SearchTrial) -> str:
    """Return the method of searches that leave the choice to the server."""
    if work.asked.kind != AUTO:
        return work.asked.kind
    if not len(work.measured.queries):
        return ""
    finds = kept.recall_at_100 >= work.target_recall
    return kept.method if finds and _saves(kept, trials[0]) else EXACT


def _report(
    work: _Work,
    trials: list[SearchTrial],
    kept: SearchTrial,
    file: InvertedFile | None,
    build_threads: int,
) -> IndexReport:
    known = len(work.measured.queries)
    if not known:  # efforts were taken, not measured
        trials = [replace(one, effort=0, skipped=one.skipped or NO_USERS) for one in trials]
    report = IndexReport(
        kind=kept.method,
        recall_at_100=kept.recall_at_100,
        query_count=known,
        target_recall=work.target_recall,
        chosen=_chosen(work, trials, kept),
        trials=tuple(trials),
        asked=work.asked.kind != AUTO,
    )
    if kept.method == LISTS and file is not None:
        return replace(report, list_count=file.list_count, probes=kept.effort)
    options = work.asked.graph or GraphOptions()
    return replace(
        report,
        connectivity=options.connectivity,
        expansion_add=options.expansion_add,
        expansion_search=kept.effort,
        dtype=options.dtype,
        build_threads=build_threads,
    )


def _part(on_progress: OnProgress, start: float, share: float) -> OnProgress:
    """Report the progress of one step as a part of the whole, in thousandths."""
    return lambda done, total: on_progress(round(1000 * (start + share * done / total)), 1000)
