"""Retrieve and Embed against the float64 oracle, on models, queries and restrictions at random."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.server.domain.query import (
    EmbeddingQuery,
    ItemsQuery,
    Query,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.errors import EmbeddingDimension
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.serving_model import ServingModel
from tests.oracles.retrieval import best_items
from tests.server.small_models import all_ids, item_id, seen_ids, small_model, user_id

MODELS = {count: small_model(seed=count, item_count=count) for count in (1, 2, 9, 40)}


@st.composite
def questions(draw: st.DrawFn) -> tuple[ServingModel, RetrieveQuery]:
    model = MODELS[draw(st.sampled_from(sorted(MODELS)))]
    rows = st.integers(0, model.item_count + 1)  # the last two are unknown ids
    ids = st.lists(rows.map(item_id), max_size=6)
    some = ids.filter(bool)
    values = st.floats(-3, 3).map(float)
    kind = draw(st.sampled_from(("user", "history", "both", "items", "embedding")))
    query: Query
    if kind == "items":
        query = ItemsQuery(tuple(draw(some)), tuple(draw(ids)))
    elif kind == "embedding":
        numbers = draw(st.lists(st.integers(-2, 2), min_size=4, max_size=4))
        query = EmbeddingQuery(np.array(numbers, np.float32))
    else:
        name = "" if kind == "history" else draw(st.sampled_from([user_id(r) for r in range(6)]))
        events = () if kind == "user" else tuple(draw(some))
        query = UserQuery(name, events, tuple(draw(values) for _ in events))
    return model, RetrieveQuery(
        query,
        count=draw(st.integers(1, 50)),
        exclude_item_ids=tuple(draw(ids)),
        include_seen=draw(st.booleans()),
        candidate_item_ids=tuple(draw(st.one_of(st.just([]), some))),
        min_score=draw(st.one_of(st.none(), st.integers(-4, 4).map(float))),
        mode=draw(st.sampled_from((SearchMode.AUTO, SearchMode.EXACT, SearchMode.APPROXIMATE))),
    )


def had_ids(model: ServingModel, query: Query) -> set[str]:
    """Return what the asker has had already, worked out from the query alone."""
    if isinstance(query, ItemsQuery):
        return set(query.item_ids) | set(query.negative_item_ids)
    if isinstance(query, EmbeddingQuery):
        return set()
    row = model.users.row(query.user_id) if query.user_id else None
    return set(query.history_item_ids) | (set() if row is None else seen_ids(model, row))


@settings(max_examples=300, deadline=None)
@given(questions())
def test_retrieve_agrees_with_the_oracle(question: tuple[ServingModel, RetrieveQuery]) -> None:
    """Length, order, ties, exclusions: everything the contract promises, in one comparison."""
    model, query = question
    found = retrieve(model, query)
    embedded = embed(model, [query.query])[0]
    assert model.space is not None
    if embedded.values is None:
        scores = model.item_scores.astype(np.float64)
    else:
        scores = model.space.item_vectors.astype(np.float64) @ embedded.values.astype(np.float64)
    excluded = set(query.exclude_item_ids)
    if not query.include_seen:
        excluded |= had_ids(model, query.query)
    _, expected = best_items(
        all_ids(model),
        scores,
        count=query.count,
        excluded=excluded,
        candidates=query.candidate_item_ids,
    )
    if query.min_score is None:
        assert len(found.item_ids) == min(query.count, found.search.eligible_items)
        np.testing.assert_allclose(found.scores, expected, rtol=1e-5, atol=1e-5)
    else:
        assert all(score >= query.min_score for score in found.scores)
        enough = [one for one in expected if one >= query.min_score + 1e-4]
        assert len(found.scores) >= len(enough)
    assert len(set(found.item_ids)) == len(found.item_ids)
    assert not excluded & set(found.item_ids)
    if query.candidate_item_ids:
        assert set(found.item_ids) <= set(query.candidate_item_ids)
    pairs = [(-score, name) for score, name in zip(found.scores, found.item_ids, strict=True)]
    assert pairs == sorted(pairs)


@settings(max_examples=200, deadline=None)
@given(questions())
def test_retrieving_a_query_equals_retrieving_its_embedding(
    question: tuple[ServingModel, RetrieveQuery],
) -> None:
    """What Embed returns is what Retrieve searches with, bit for bit."""
    model, query = question
    values = embed(model, [query.query])[0].values
    if values is None:
        return
    direct = retrieve(model, replace(query, include_seen=True))
    again = retrieve(model, replace(query, include_seen=True, query=EmbeddingQuery(values)))
    assert (direct.item_ids, direct.scores) == (again.item_ids, again.scores)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_exact_ties_are_ordered_by_id(seed: int, count: int) -> None:
    """Whole-number vectors make true ties, also across the cut at `count`."""
    model = MODELS[40]
    numbers = np.random.default_rng(seed).integers(-2, 3, size=4).astype(np.float32)
    found = retrieve(model, RetrieveQuery(EmbeddingQuery(numbers), count=count))
    assert model.space is not None
    scores = model.space.item_vectors.astype(np.float64) @ numbers.astype(np.float64)
    assert (found.item_ids, found.scores) == best_items(all_ids(model), scores, count=count)


@settings(max_examples=100, deadline=None)
@given(st.lists(questions(), max_size=6), st.booleans())
def test_a_batch_answers_each_entry_as_if_it_were_alone(
    asked: list[tuple[ServingModel, RetrieveQuery]], broken: bool
) -> None:
    """Sharing a pass over the items changes no bit, and one bad entry no other."""
    models = {(str(count), "live"): model for count, model in MODELS.items()}
    names = {id(model): name for (name, _), model in models.items()}
    entries: list[RetrieveQuery | Exception] = [
        replace(query, catalog=names[id(model)]) for model, query in asked
    ]
    if broken:
        entries.append(ZeroDivisionError())
        entries.append(RetrieveQuery(EmbeddingQuery(np.ones(3, np.float32)), catalog="9"))
        entries.append(RetrieveQuery(UserQuery("u001"), catalog="none"))
    outcomes = retrieve_each(lambda catalog, name: models[catalog, name], entries)
    assert len(outcomes) == len(entries)
    for (model, query), outcome in zip(asked, outcomes, strict=False):
        assert outcome == retrieve(model, query)
    if broken:
        kinds = [type(one) for one in outcomes[-3:]]
        assert kinds == [ZeroDivisionError, EmbeddingDimension, KeyError]
