"""The ways to find the best eligible rows; each returns rows by falling score, ties by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shortlist.core.data.bitmaps import has_rows
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, LongArray
from shortlist.core.scan.best_rows import best_rows
from shortlist.core.scan.scoring import score_rows
from shortlist.server.domain.query import SearchMode, SearchReport
from shortlist.server.filters.times import faded, fading_weights
from shortlist.server.retrieval.encode import Encoded
from shortlist.server.retrieval.plan import Method, Plan, searched_rows
from shortlist.server.serving.serving_model import ServingModel, Space

_NO_ROWS: IntArray = np.empty(0, dtype=np.int32)
_NO_SCORES: FloatArray = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """The best rows and how they were found."""

    rows: IntArray  # (n,)
    scores: FloatArray  # (n,) falling, unless chosen for variety or from several interests
    report: SearchReport
    sources: LongArray | None = None  # (n,) which interest each comes from, where there are some

    def first(self, count: int) -> Found:
        """Return the first `count` rows."""
        return self.at(np.arange(min(count, len(self.rows))))

    def at(self, places: LongArray) -> Found:
        """Return the rows at these places, in this order."""
        sources = None if self.sources is None else self.sources[places]
        return Found(self.rows[places], self.scores[places], self.report, sources)

    def at_least(self, score: float | None) -> Found:
        """Return the rows that score so much; None: all."""
        return self if score is None else self.at(np.flatnonzero(self.scores >= score))


_NOTHING = Found(_NO_ROWS, _NO_SCORES, SearchReport(SearchMode.EXACT, 0, 0))


@dataclass(frozen=True, slots=True)
class ScanQuery:
    """One of the queries that share a pass over the items."""

    plan: Plan
    vector: FloatArray  # (dim,)
    count: int


def search(model: ServingModel, plan: Plan, encoded: Encoded, count: int) -> Found:
    """Return the best min(count, eligible) rows of the plan; nothing known: by popularity."""
    *attempts, last = plan.methods_for(count)
    for method in attempts:
        found = _found_by(method, model, plan, encoded, count)
        if len(found.rows) == min(count, plan.eligible_count):
            return found
    return _found_by(last, model, plan, encoded, count)


def _found_by(
    method: Method, model: ServingModel, plan: Plan, encoded: Encoded, count: int
) -> Found:
    match method:
        case Method.NOTHING:
            return _NOTHING
        case Method.LISTED:
            return _listed(plan, count)
        case Method.RANKED:
            return _ranked(model, plan, count)
        case Method.GATHER:
            return _gather(model, plan, searched_rows(plan, model.item_count), encoded, count)
        case Method.FADED:
            return _faded(model, plan, encoded, count)
        case Method.SCAN:
            query = ScanQuery(plan, _vector_of(encoded), count)
            return scan_each(_space_of(model), [query])[0]
        case Method.INDEX:
            return _index(model, plan, encoded, count)


def search_each(
    model: ServingModel, plan: Plan, encoded: Sequence[Encoded], count: int
) -> list[Found]:
    """Do what `search` does for each; those that scan share a pass over the items."""
    if plan.methods_for(count) == (Method.SCAN,):
        queries = [ScanQuery(plan, _vector_of(each), count) for each in encoded]
        return scan_each(_space_of(model), queries)
    return [search(model, plan, each, count) for each in encoded]


def _listed(plan: Plan, count: int) -> Found:
    """Return what may be returned of a list that was made earlier."""
    stored = plan.listed
    assert stored is not None  # or the method would be another
    kept = ~np.isin(stored.rows, plan.excluded)
    if plan.allowed is not None:
        kept &= np.isin(stored.rows, plan.allowed)
    elif plan.eligible is not None:
        kept &= has_rows(plan.eligible, stored.rows)
    places = np.flatnonzero(kept)[:count]
    report = SearchReport(SearchMode.PRECOMPUTED, plan.eligible_count, 0)
    return Found(stored.rows[places], stored.scores[places], report)


def _gather(
    model: ServingModel, plan: Plan, allowed: IntArray, encoded: Encoded, count: int
) -> Found:
    if encoded.item_scores is not None:
        scores = encoded.item_scores[allowed]
    elif encoded.vector is None or model.space is None:
        scores = model.item_scores[allowed]
    else:
        scores = score_rows(model.space.item_vectors, encoded.vector, allowed)
    if plan.fading is not None:
        freshness, times, now_ms = plan.fading
        scores = faded(freshness, scores, times[allowed], now_ms)
    rows, scores = best_rows(allowed, scores, count)
    return Found(rows, scores, SearchReport(SearchMode.EXACT, plan.eligible_count, len(allowed)))


def _faded(model: ServingModel, plan: Plan, encoded: Encoded, count: int) -> Found:
    """Return the best faded rows where int8 estimates can name them, else nothing.

    A positive score fades by a factor, which the estimates take in. Others lose by their magnitude
    instead, so where the last candidate does not score above 0 all have to be read.
    """
    assert plan.fading is not None  # or the method would be another
    space = _space_of(model)
    vector = _vector_of(encoded)
    rows = space.scan.candidates(
        vector,
        count,
        fading_weights(*plan.fading),
        eligible=plan.eligible,
        excluded=_excluded_rows(space, [ScanQuery(plan, vector, count)]),
    )
    if rows is None or len(rows) < count:
        return _NOTHING
    faded_rows = _gather(model, plan, rows, encoded, count)
    if faded_rows.scores[-1] <= 0:
        return _NOTHING
    report = SearchReport(SearchMode.EXACT, plan.eligible_count, plan.eligible_count)
    return replace(faded_rows, report=report)


def _ranked(model: ServingModel, plan: Plan, count: int) -> Found:
    """Walk the ranking only as far as what is not eligible can push the last candidate."""
    rows = model.popular_rows[: count + model.item_count - plan.eligible_count]
    if plan.eligible is not None:
        rows = rows[has_rows(plan.eligible, rows)]
    rows = rows[~np.isin(rows, plan.excluded)][:count]
    report = SearchReport(SearchMode.EXACT, plan.eligible_count, plan.eligible_count)
    return Found(rows, model.item_scores[rows], report)


def scan_each(space: Space, queries: Sequence[ScanQuery]) -> list[Found]:
    """Score the items for each query in one pass; all have the same eligible items."""
    widest = min(max(query.count for query in queries), len(space.item_vectors))
    vectors = np.stack([query.vector for query in queries])
    top = space.scan.top(
        vectors,
        widest,
        eligible=queries[0].plan.eligible,
        excluded=_excluded_rows(space, queries),
    )
    results = []
    for i, query in enumerate(queries):
        count = min(int(top.counts[i]), query.count)
        eligible = query.plan.eligible_count
        report = SearchReport(SearchMode.EXACT, eligible, eligible)
        results.append(Found(top.rows[i, :count], top.scores[i, :count], report))
    return results


def _index(model: ServingModel, plan: Plan, encoded: Encoded, count: int) -> Found:
    index = _space_of(model).index
    assert index is not None  # or the method would be another
    near = index.search(_vector_of(encoded), count, plan.excluded)
    report = SearchReport(SearchMode.APPROXIMATE, plan.eligible_count, near.scored_count)
    return Found(near.rows, near.scores, report)


def _space_of(model: ServingModel) -> Space:
    assert model.space is not None  # or the method would be another
    return model.space


def _vector_of(encoded: Encoded) -> FloatArray:
    assert encoded.vector is not None  # or the method would be another
    return encoded.vector


def _excluded_rows(space: Space, queries: Sequence[ScanQuery]) -> Interactions | None:
    """Return the excluded rows in the shape the scan wants: a row of columns a query."""
    excluded = [query.plan.excluded for query in queries]
    starts = np.zeros(len(excluded) + 1, dtype=np.int64)
    np.cumsum([len(rows) for rows in excluded], out=starts[1:])
    if not starts[-1]:
        return None
    values = np.empty(starts[-1], dtype=np.float32)  # not read
    return Interactions(starts, np.concatenate(excluded), values, len(space.item_vectors))
