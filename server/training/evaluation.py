"""Measures a model's rankings of its whole catalog, beside popularity on the same users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from shortlist.core.bitmaps import Bitmap, pack_bitmap
from shortlist.core.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.metrics import RankingMetrics, evaluate_ranking
from shortlist.core.scoring import ItemScan, TopRows
from shortlist.core.value_errors import value_errors
from shortlist.server.algorithms.registry import Params, algorithm_of
from shortlist.server.artifacts.artifact import Artifact, ModelContents
from shortlist.server.training.holdout import HeldOut, entries_where
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
    predicts_values: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Queries of one kind, what each has already, and what each is to find."""

    name: str  # known or unseen
    had: Interactions  # rows x items, never to be returned
    held_out: Interactions  # rows x items of the model
    relevant: Interactions  # those worth finding, none of them in `had`


def evaluate(
    model: ModelContents | Artifact,
    params: Params,
    test: HeldOut,
    *,
    split: str,
    cutoffs: tuple[int, ...],
    threads: int,
) -> Evaluation:
    """Measure a model and the popularity baseline on known and unseen users.

    A user's training items are never returned, and no dislike is worth finding. A group without
    anything to find has no entry. More users than fit are sampled, the same ones every time.
    """
    known = _group("known", model.seen, test.known, model.item_counts)
    unseen = _group("unseen", test.histories, test.targets, model.item_counts)
    trained = model.item_counts > 0
    eligible = None if trained.all() else pack_bitmap(trained)
    rankings = []
    for group in (known, unseen):
        rows = _measured_rows(group.relevant, cutoffs[-1])
        if not len(rows):
            continue
        for method in _methods(model, params, group, threads):
            ranked = _ranked(
                *(method, group, rows), count=cutoffs[-1], eligible=eligible, threads=threads
            )
            relevant = select_rows(group.relevant, rows)
            metrics = _numbers(evaluate_ranking(ranked, relevant, cutoffs, model.item_counts))
            if method.predicts_values:
                metrics += _value_errors(method, select_rows(group.held_out, rows), rows)
            rankings.append(RankingEvaluation(method.name, group.name, len(rows), metrics))
    return Evaluation(split, tuple(rankings))


def _methods(
    model: ModelContents | Artifact,
    params: Params,
    group: Group,
    threads: int,
) -> Iterator[Method]:
    """Yield the model, where it has vectors, and the popularity baseline."""
    users, vectors, algorithm = model.user_vectors, model.item_vectors, algorithm_of(params)
    if vectors is not None and users is not None:
        encoder = algorithm.encoder(params, vectors, model.item_counts)

        def vectors_of(rows: IntArray) -> FloatArray:
            if group.name == "known":
                return users[rows]
            return encoder.solve(select_rows(group.had, rows), threads)

        yield Method(algorithm.name, vectors, vectors_of, algorithm.predicts_values)
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


def _group(name: str, had: Interactions, held_out: Interactions, item_counts: np.ndarray) -> Group:
    """Worth finding is what was liked, of an item the model knows, and not had already."""
    held_out = entries_where(held_out, item_counts[held_out.columns] > 0)
    worth = ~np.isin(_pair_keys(held_out), _pair_keys(had), assume_unique=True)
    relevant = entries_where(held_out, worth & (held_out.values >= 0))
    return Group(name, had, held_out, relevant)


def _value_errors(method: Method, held_out: Interactions, rows: IntArray) -> tuple[Metric, ...]:
    """Return how far the predicted values of the held-out pairs are off."""
    found = value_errors(held_out, method.query_vectors(rows), method.item_vectors)
    return (
        Metric("rmse", 0, found.rmse, found.rmse_standard_error),
        Metric("mae", 0, found.mae, found.mae_standard_error),
    )


def _pair_keys(interactions: Interactions) -> np.ndarray:
    rows = np.repeat(np.arange(interactions.row_count), np.diff(interactions.row_starts))
    return rows * np.int64(interactions.column_count) + interactions.columns


def _measured_rows(relevant: Interactions, count: int) -> IntArray:
    """Return the rows with something to find, ascending; a sample where there are too many."""
    rows = np.flatnonzero(np.diff(relevant.row_starts) > 0)
    rows_max = max(1, ENTRIES_MAX // min(count, max(1, relevant.column_count)))
    if len(rows) > rows_max:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, rows_max, replace=False))
    return rows.astype(np.int32)


def _numbers(metrics: RankingMetrics) -> tuple[Metric, ...]:
    """Return every number; a standard error that one user does not have counts as 0."""
    return tuple(
        Metric(row.metric, row.cutoff, _finite(row.value), _finite(row.standard_error))
        for row in metrics.rows()
    )


def _finite(number: float) -> float:
    return number if np.isfinite(number) else 0.0
