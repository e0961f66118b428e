"""Measures a model's rankings of its whole catalog, beside popularity on the same users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from shortlist.core.bitmaps import Bitmap, pack_bitmap
from shortlist.core.decile_recall import DecileRecall, recall_by_decile
from shortlist.core.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.metrics import RankingMetrics, evaluate_ranking
from shortlist.core.scoring import ItemScan, TopRows
from shortlist.server.algorithms.registry import Params, algorithm_of
from shortlist.server.artifacts.artifact import Artifact, ModelContents
from shortlist.server.training.holdout import HeldOut, entries_where, pair_keys
from shortlist.server.training.spec import (
    Evaluation,
    Metric,
    RankingEvaluation,
)

USERS_AT_ONCE = 2048
ENTRIES_MAX = 1 << 26  # of all rankings together: half a gigabyte
SEED = 20261


@dataclass(frozen=True, slots=True)
class Method:
    """A way to rank: items by their inner product with a vector for each query."""

    name: str
    item_vectors: FloatArray  # (items, dim)
    query_vectors: Callable[[IntArray], FloatArray]  # (n,) query rows -> (n, dim)


@dataclass(frozen=True, slots=True)
class Group:
    """Queries of one kind, what each has already, and what each is to find."""

    name: str  # known or unseen
    had: Interactions  # rows x items, never to be returned
    relevant: Interactions  # rows x items, none of them in `had`


@dataclass(frozen=True, slots=True)
class Measured:
    """One method on one group of users, with the metrics of each user."""

    method: str
    group: str
    metrics: RankingMetrics
    decile_recalls: tuple[DecileRecall, ...]


def evaluate(
    model: ModelContents | Artifact,
    params: Params,
    test: HeldOut,
    *,
    split: str,
    cutoffs: tuple[int, ...],
    threads: int,
) -> Evaluation:
    """Measure a model and the popularity baseline on known and unseen users; see measure."""
    found = measure(model, params, test, cutoffs=cutoffs, threads=threads)
    return Evaluation(split, tuple(map(summarised, found)))


def measure(
    model: ModelContents | Artifact,
    params: Params,
    test: HeldOut,
    *,
    cutoffs: tuple[int, ...],
    threads: int,
) -> list[Measured]:
    """Return how the model, then popularity, ranks for known users, then for unseen ones.

    A user's training items are never returned, and no dislike is worth finding. A group without
    anything to find has no entry. More users than fit are sampled, the same ones every time.
    """
    known = Group("known", model.seen, _relevant(test.known, model.seen, model.item_counts))
    relevant = _relevant(test.targets, test.histories, model.item_counts)
    unseen = Group("unseen", test.histories, relevant)
    trained = model.item_counts > 0
    eligible = None if trained.all() else pack_bitmap(trained)
    measured = []
    for group in (known, unseen):
        rows = _measured_rows(group.relevant, cutoffs[-1])
        if not len(rows):
            continue
        for method in _methods(model, params, group, threads):
            ranked = _ranked(
                *(method, group, rows), count=cutoffs[-1], eligible=eligible, threads=threads
            )
            relevant = select_rows(group.relevant, rows)
            metrics = evaluate_ranking(ranked, relevant, cutoffs, model.item_counts)
            deciles = recall_by_decile(ranked, relevant, cutoffs, model.item_counts)
            measured.append(Measured(method.name, group.name, metrics, deciles))
    return measured


def summarised(measured: Measured) -> RankingEvaluation:
    """Return the means; a standard error that one user does not have counts as 0."""
    metrics = tuple(
        Metric(row.metric, row.cutoff, _finite(row.value), _finite(row.standard_error))
        for row in measured.metrics.rows()
    )
    users = measured.metrics.query_count
    return RankingEvaluation(
        measured.method, measured.group, users, metrics, measured.decile_recalls
    )


def _methods(
    model: ModelContents | Artifact,
    params: Params,
    group: Group,
    threads: int,
) -> Iterator[Method]:
    """Yield the model, where it has vectors, and the popularity baseline."""
    users, vectors, algorithm = model.user_vectors, model.item_vectors, algorithm_of(params)
    if vectors is not None and users is not None:
        if group.name == "known":
            yield Method(algorithm.name, vectors, lambda rows: users[rows])
        else:
            encoder = algorithm.encoder(params, vectors, model.item_counts)
            yield Method(
                algorithm.name,
                vectors,
                lambda rows: encoder.solve(select_rows(group.had, rows), threads),
            )
    # One dimension, the same query for all: the same exact scan, with the same exclusions and ties.
    one = np.ascontiguousarray(model.item_scores.reshape(-1, 1))
    yield Method("popularity", one, lambda rows: np.ones((len(rows), 1), np.float32))


def _ranked(
    method: Method,
    group: Group,
    rows: IntArray,
    *,
    count: int,
    eligible: Bitmap | None,
    threads: int,
) -> TopRows:
    """Return the best `count` items of each of the rows, in chunks of users."""
    scan = ItemScan(method.item_vectors)
    width = min(count, scan.item_count)
    counts = np.zeros(len(rows), np.int64)
    best = np.zeros((len(rows), width), np.int32)
    scores = np.zeros((len(rows), width), np.float32)
    for first in range(0, len(rows), USERS_AT_ONCE):
        chunk = slice(first, first + USERS_AT_ONCE)
        queries = np.ascontiguousarray(method.query_vectors(rows[chunk]))
        had = select_rows(group.had, rows[chunk])
        top = scan.top(queries, width, eligible=eligible, excluded=had, threads=threads)
        counts[chunk] = top.counts
        best[chunk, : top.rows.shape[1]] = top.rows
        scores[chunk, : top.rows.shape[1]] = top.scores
    return TopRows(counts, best, scores)


def _relevant(held_out: Interactions, had: Interactions, item_counts: np.ndarray) -> Interactions:
    """Return what is worth finding: liked, of an item the model knows, and not had already."""
    worth = (held_out.values >= 0) & (item_counts[held_out.columns] > 0)
    worth &= ~np.isin(pair_keys(held_out), pair_keys(had), assume_unique=True)
    return entries_where(held_out, worth)


def _measured_rows(relevant: Interactions, count: int) -> IntArray:
    """Return the rows with something to find, ascending; a sample where there are too many."""
    rows = np.flatnonzero(np.diff(relevant.row_starts) > 0)
    rows_max = max(1, ENTRIES_MAX // min(count, max(1, relevant.column_count)))
    if len(rows) > rows_max:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, rows_max, replace=False))
    return rows.astype(np.int32)


def _finite(number: float) -> float:
    return number if np.isfinite(number) else 0.0
