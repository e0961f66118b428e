"""Measures a model's rankings of its whole catalog, beside popularity on the same users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shortlist.core.counts.segments import SegmentScores
from shortlist.core.data.bitmaps import Bitmap, pack_bitmap
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.metrics.decile_recall import DecileRecall, recall_by_decile
from shortlist.core.metrics.metrics import RankingMetrics, evaluate_ranking
from shortlist.core.metrics.value_errors import ValueErrors, value_errors
from shortlist.core.scan.scoring import TopRows
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.domain.algorithms import Algorithm
from shortlist.server.domain.evaluation import Evaluation, Metric, RankingEvaluation
from shortlist.server.encoders.encoder import Askers, Scorer
from shortlist.server.encoders.registry import open_encoder
from shortlist.server.evaluation.holdout import HeldOut, entries_where, pair_keys
from shortlist.server.evaluation.methods import ScoreMethod, VectorMethod

USERS_AT_ONCE = 2048
ENTRIES_MAX = 1 << 26  # of all rankings together: half a gigabyte
SEED = 20261


@dataclass(frozen=True, slots=True)
class Group:
    """Queries of one kind, what each has already, and what each is to find."""

    name: str  # known or unseen
    had: Interactions  # rows x items, never to be returned
    held_out: Interactions  # rows x items of the model
    relevant: Interactions  # those worth finding, none of them in `had`
    segments: Interactions | None  # rows x segments of the model, where known
    features: Interactions | None  # rows x features of the model, where known


@dataclass(frozen=True, slots=True)
class Measured:
    """One method on one group of users, with the metrics of each user."""

    method: str
    group: str
    metrics: RankingMetrics
    decile_recalls: tuple[DecileRecall, ...]
    errors: ValueErrors | None  # of models that predict values


def evaluate(
    model: ModelContents,
    algorithm: Algorithm[Any],
    test: HeldOut,
    *,
    split: str,
    cutoffs: tuple[int, ...],
    threads: int,
) -> Evaluation:
    """Measure a model and the popularity baseline on known and unseen users; see measure."""
    measured = measure(model, algorithm, test, cutoffs=cutoffs, threads=threads)
    return Evaluation(split, tuple(map(summarised, measured)))


def measure(
    model: ModelContents,
    algorithm: Algorithm[Any],
    test: HeldOut,
    *,
    cutoffs: tuple[int, ...],
    threads: int,
) -> list[Measured]:
    """Return how the model, then popularity, ranks for known users, then for unseen ones.

    A user's training items are never returned, and no dislike is worth finding. A group without
    anything to find has no entry. More users than fit are sampled, the same ones every time.
    """
    placed = (model.item_counts > 0) | (model.item_schema is not None)
    of_known = None if model.segments is None else model.segments.users
    known = group_of("known", model.seen, test.known, placed, of_known)
    unseen = group_of("unseen", test.histories, test.targets, placed, test.segments, test.features)
    eligible = None if placed.all() else pack_bitmap(placed)
    measured = []
    for group in (known, unseen):
        rows = _measured_rows(group.relevant, cutoffs[-1])
        if not len(rows):
            continue
        for method in _methods(model, algorithm, group, threads):
            ranked = _ranked(
                method, group, rows, count=cutoffs[-1], eligible=eligible, threads=threads
            )
            relevant = select_rows(group.relevant, rows)
            metrics = evaluate_ranking(ranked, relevant, cutoffs, model.item_counts)
            deciles = recall_by_decile(ranked, relevant, cutoffs, model.item_counts)
            errors = None
            if isinstance(method, VectorMethod) and method.predicts_values:
                errors = _value_errors(method, select_rows(group.held_out, rows), rows)
            measured.append(Measured(method.name, group.name, metrics, deciles, errors))
    return measured


def summarised(measured: Measured) -> RankingEvaluation:
    """Return the means; a standard error that one user does not have counts as 0."""
    metrics = [
        Metric(row.metric, row.cutoff, _finite(row.value), _finite(row.standard_error))
        for row in measured.metrics.rows()
    ]
    if measured.errors is not None:
        errors = measured.errors
        metrics.append(Metric("rmse", 0, errors.rmse, errors.rmse_standard_error))
        metrics.append(Metric("mae", 0, errors.mae, errors.mae_standard_error))
    users = measured.metrics.query_count
    return RankingEvaluation(
        measured.method, measured.group, users, tuple(metrics), measured.decile_recalls
    )


def _methods(
    model: ModelContents,
    algorithm: Algorithm[Any],
    group: Group,
    threads: int,
) -> Iterator[VectorMethod | ScoreMethod]:
    """Yield the model, where it is personal, and the popularity baseline."""
    users, vectors = model.user_vectors, model.item_vectors
    encoder = open_encoder(model.encoder, model)
    if isinstance(encoder, Scorer):
        scorer = encoder
        yield ScoreMethod(
            algorithm.name, lambda row: scorer.scores(_askers(group, np.array([row])))[0]
        )
    elif encoder is not None and vectors is not None and users is not None:
        encode = encoder.encode

        def vectors_of(rows: IntArray) -> FloatArray:
            if group.name == "known":
                return users[rows]
            return encode(_askers(group, rows), threads)

        yield VectorMethod(algorithm.name, vectors, vectors_of, algorithm.predicts_values)
    # One dimension, the same query for all: the same exact scan, with the same exclusions and ties.
    popularity = np.ascontiguousarray(model.item_scores.reshape(-1, 1))
    yield VectorMethod("popularity", popularity, lambda rows: np.ones((len(rows), 1), np.float32))
    if group.segments is not None and model.segment_scores is not None:
        yield _popularity_by_segment(model.segment_scores, model.item_scores, group.segments)


def _askers(group: Group, rows: IntArray) -> Askers:
    """Return users of a group as queries would tell of them."""
    features = None if group.features is None else select_rows(group.features, rows)
    return Askers(select_rows(group.had, rows), features)


def _popularity_by_segment(
    segment_scores: Interactions, item_scores: FloatArray, segments: Interactions
) -> ScoreMethod:
    """Rank by what is popular in the user's segment; a user without one as for everybody."""
    of_segment = SegmentScores(segment_scores, item_scores)

    def scores(row: int) -> FloatArray:
        segment = segments.row(row)[0]
        return of_segment.of(int(segment[0])) if len(segment) else item_scores.copy()

    return ScoreMethod("popularity_by_segment", scores)


def _ranked(
    method: VectorMethod | ScoreMethod,
    group: Group,
    rows: IntArray,
    *,
    count: int,
    eligible: Bitmap | None,
    threads: int,
) -> TopRows:
    """Return the best `count` items of each of the rows, in chunks of users."""
    width = min(count, group.had.column_count)
    counts = np.zeros(len(rows), np.int64)
    best = np.zeros((len(rows), width), np.int32)
    scores = np.zeros((len(rows), width), np.float32)
    for first in range(0, len(rows), USERS_AT_ONCE):
        chunk = slice(first, first + USERS_AT_ONCE)
        had = select_rows(group.had, rows[chunk])
        top = method.top(rows[chunk], width, eligible=eligible, excluded=had, threads=threads)
        counts[chunk] = top.counts
        best[chunk, : top.rows.shape[1]] = top.rows
        scores[chunk, : top.rows.shape[1]] = top.scores
    return TopRows(counts, best, scores)


def group_of(
    name: str,
    had: Interactions,
    held_out: Interactions,
    placed: np.ndarray,
    segments: Interactions | None = None,
    features: Interactions | None = None,
) -> Group:
    """Worth finding is what was liked, of an item the model can place, and not had already."""
    held_out = entries_where(held_out, placed[held_out.columns])
    worth = ~np.isin(pair_keys(held_out), pair_keys(had), assume_unique=True)
    relevant = entries_where(held_out, worth & (held_out.values >= 0))
    return Group(name, had, held_out, relevant, segments, features)


def _value_errors(method: VectorMethod, held_out: Interactions, rows: IntArray) -> ValueErrors:
    """Return how far the predicted values of the held-out pairs are off."""
    return value_errors(held_out, method.query_vectors(rows), method.item_vectors)


def _measured_rows(relevant: Interactions, count: int) -> IntArray:
    """Return the rows with something to find, ascending; a sample where there are too many."""
    rows = np.flatnonzero(np.diff(relevant.row_starts) > 0)
    rows_max = max(1, ENTRIES_MAX // min(count, max(1, relevant.column_count)))
    if len(rows) > rows_max:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, rows_max, replace=False))
    return rows.astype(np.int32)


def _finite(number: float) -> float:
    return number if np.isfinite(number) else 0.0
