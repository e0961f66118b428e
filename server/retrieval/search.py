"""The four ways to find the best eligible rows; each returns rows by falling score, ties by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.interactions import FloatArray, IntArray, Interactions
from shortlist.core.scoring import score_rows
from shortlist.server.index import ApproximateIndex
from shortlist.server.retrieval.plan import Method, Plan
from shortlist.server.retrieval.query import SearchMode, SearchReport
from shortlist.server.retrieval.serving_model import ServingModel, Space

NO_ROWS: IntArray = np.empty(0, dtype=np.int32)
NO_SCORES: FloatArray = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """The best rows and how they were found."""

    rows: IntArray  # (n,)
    scores: FloatArray  # (n,) falling
    report: SearchReport


def search(model: ServingModel, plan: Plan, vector: FloatArray | None, count: int) -> Found:
    """Return the best min(count, eligible) rows of the plan; vector None: by popularity."""
    if plan.allowed is not None:
        return _gather(model, plan, plan.allowed, vector, count)
    if vector is None or model.space is None:
        return _ranked(model, plan, count)
    if plan.method is Method.INDEX and model.space.index is not None:
        found = _index(model.space, model.space.index, plan, vector, count)
        if len(found.rows) == min(count, plan.eligible_count):
            return found  # else the graph reached too little of the catalog: scan it
    return _scan(model.space, plan, vector, count)


def _gather(
    model: ServingModel, plan: Plan, allowed: IntArray, vector: FloatArray | None, count: int
) -> Found:
    if vector is None or model.space is None:
        scores = model.item_scores[allowed]
    else:
        scores = score_rows(model.space.item_vectors, vector, allowed)
    rows, scores = _best(allowed, scores, count)
    return Found(rows, scores, SearchReport(SearchMode.EXACT, plan.eligible_count, len(allowed)))


def _ranked(model: ServingModel, plan: Plan, count: int) -> Found:
    """Walk the ranking only as far as exclusions can push the last candidate."""
    rows = model.popular_rows[: count + len(plan.excluded)]
    rows = rows[~np.isin(rows, plan.excluded)][:count]
    report = SearchReport(SearchMode.EXACT, plan.eligible_count, plan.eligible_count)
    return Found(rows, model.item_scores[rows], report)


def _scan(space: Space, plan: Plan, vector: FloatArray, count: int) -> Found:
    best = min(count, plan.eligible_count)
    if best == 0:
        return Found(NO_ROWS, NO_SCORES, SearchReport(SearchMode.EXACT, 0, 0))
    top = space.scan.top(vector[np.newaxis], best, excluded=_as_one_row(plan.excluded, space))
    found = int(top.counts[0])
    report = SearchReport(SearchMode.EXACT, plan.eligible_count, plan.eligible_count)
    return Found(top.rows[0, :found], top.scores[0, :found], report)


def _index(
    space: Space, index: ApproximateIndex, plan: Plan, vector: FloatArray, count: int
) -> Found:
    rows, _ = index.search(vector, count + len(plan.excluded))
    returned = len(rows)
    rows = np.sort(rows[~np.isin(rows, plan.excluded)]).astype(np.int32)
    # The index may store rounded vectors: the scores of the reply come from the float32 ones.
    rows, scores = _best(rows, score_rows(space.item_vectors, vector, rows), count)
    return Found(rows, scores, SearchReport(SearchMode.APPROXIMATE, plan.eligible_count, returned))


def _as_one_row(excluded: IntArray, space: Space) -> Interactions | None:
    """Return the excluded rows in the shape a batch of queries has: one row of columns a query."""
    if not len(excluded):
        return None
    starts = np.array([0, len(excluded)], dtype=np.int64)
    values = np.empty(len(excluded), dtype=np.float32)  # not read
    return Interactions(starts, excluded, values, len(space.item_vectors))


def _best(rows: IntArray, scores: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return the best `count` of ascending rows, ties by row."""
    order = np.argsort(-scores, kind="stable")[:count]
    return rows[order], scores[order]
