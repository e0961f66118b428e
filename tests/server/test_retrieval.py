"""Retrieve and Embed over small models: semantics by example, then properties by oracle."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.server.errors import EmbeddingDimension, QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.query import (
    EmbeddingQuery,
    ItemsQuery,
    Origin,
    Query,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.retrieval.serving_model import ServingModel
from tests.oracles.retrieval import best_items, items_vector
from tests.server.small_models import item_id, popularity_model, seen_ids, small_model, user_id

MODEL = small_model(seed=3, item_count=30)
SPACE = MODEL.space
assert SPACE is not None


def all_ids(model: ServingModel) -> list[str]:
    return model.items.ids(np.arange(model.item_count, dtype=np.int32))


def history(*rows: int) -> UserQuery:
    return UserQuery("", tuple(item_id(row) for row in rows), (1.0,) * len(rows))


def vector_of(model: ServingModel, query: Query) -> np.ndarray:
    values = embed(model, [query])[0].values
    assert values is not None
    return values


# ---- how a query becomes a vector ------------------------------------------------------------


def test_a_known_user_gets_the_stored_vector() -> None:
    embedded = embed(MODEL, [UserQuery(user_id(2))])[0]
    assert embedded.origin is Origin.STORED
    np.testing.assert_array_equal(embedded.values, SPACE.user_vectors[2])


def test_a_history_alone_is_folded_in_and_names_what_is_unknown() -> None:
    query = UserQuery("", ("i001", "never", "i002", "never"), (1.0,) * 4)
    embedded = embed(MODEL, [query])[0]
    assert embedded.origin is Origin.FOLDED_IN
    assert embedded.missing_ids == ["never"]
    np.testing.assert_array_equal(embedded.values, vector_of(MODEL, history(1, 2)))


def test_the_order_of_a_history_changes_nothing_and_its_last_value_counts() -> None:
    twice = UserQuery("", ("i001", "i002", "i001"), (5.0, 1.0, 3.0))
    once = UserQuery("", ("i002", "i001"), (1.0, 3.0))
    np.testing.assert_array_equal(vector_of(MODEL, twice), vector_of(MODEL, once))


def test_a_history_is_added_to_the_stored_events_and_its_values_win() -> None:
    """Both known: one fold-in of the union, not one of the two alone."""
    row = next(r for r in range(5) if len(seen_ids(MODEL, r)) >= 2)
    stored = sorted(seen_ids(MODEL, row))
    fresh = next(one for one in all_ids(MODEL) if one not in stored)
    both = UserQuery(user_id(row), (fresh, stored[0]), (2.0, 4.0))
    values = dict.fromkeys(stored, 1.0) | {fresh: 2.0, stored[0]: 4.0}
    whole = UserQuery("", tuple(values), tuple(values.values()))
    embedded = embed(MODEL, [both])[0]
    assert embedded.origin is Origin.FOLDED_IN
    np.testing.assert_array_equal(embedded.values, vector_of(MODEL, whole))


def test_a_known_user_with_an_unknown_history_keeps_the_stored_vector() -> None:
    embedded = embed(MODEL, [UserQuery(user_id(1), ("never",), (1.0,))])[0]
    assert (embedded.origin, embedded.missing_ids) == (Origin.STORED, ["never"])


def test_nothing_known_is_popularity_without_a_vector() -> None:
    queries = [
        UserQuery("nobody"),
        UserQuery("", ("never",), (1.0,)),
        ItemsQuery(("never",), ("i001",)),
    ]
    missing = [["nobody"], ["never"], ["never"]]
    for one, names in zip(embed(MODEL, queries), missing, strict=True):
        assert (one.origin, one.values, one.missing_ids) == (Origin.POPULARITY, None, names)


def test_related_items_point_where_the_positives_do_and_away_from_the_negatives() -> None:
    query = ItemsQuery(("i004", "i007", "i004"), ("i009",))
    expected = items_vector(SPACE.item_vectors.astype(np.float64), [4, 7], [9])
    np.testing.assert_allclose(vector_of(MODEL, query), expected, rtol=1e-6, atol=1e-7)


def test_a_vector_of_the_wrong_length_names_its_place() -> None:
    wrong = EmbeddingQuery(np.ones(3, np.float32))
    with pytest.raises(EmbeddingDimension) as failure:
        embed(MODEL, [history(1), wrong])
    assert failure.value.field == "queries[1].embedding.values"
    with pytest.raises(EmbeddingDimension) as failure:
        retrieve(MODEL, RetrieveQuery(wrong))
    assert failure.value.field == "query.embedding.values"


# ---- popularity ------------------------------------------------------------------------------


def test_an_unknown_user_gets_popular_items_by_the_same_rules() -> None:
    scores = MODEL.item_scores.astype(np.float64)
    query = RetrieveQuery(UserQuery("nobody"), count=7, exclude_item_ids=("i003", "i005"))
    expected, _ = best_items(all_ids(MODEL), scores, count=7, excluded=("i003", "i005"))
    found = retrieve(MODEL, query)
    assert (found.item_ids, found.origin) == (expected, Origin.POPULARITY)
    chosen = replace(query, candidate_item_ids=("i001", "i003", "i002"))
    assert set(retrieve(MODEL, chosen).item_ids) == {"i001", "i002"}


@pytest.mark.parametrize(
    "query", [UserQuery("nobody"), UserQuery("", ("never",), (1.0,)), ItemsQuery(("never",))]
)
def test_who_wants_personal_candidates_only_is_told_that_nothing_is_known(query: Query) -> None:
    with pytest.raises(UserUnknown):
        retrieve(MODEL, RetrieveQuery(query, require_personalized=True))


def test_a_popularity_model_answers_users_and_refuses_vectors() -> None:
    model = popularity_model(seed=3, item_count=30)
    for query in (UserQuery(user_id(1)), history(4)):
        found = retrieve(model, RetrieveQuery(query, count=30))
        assert found.origin is Origin.POPULARITY
        assert embed(model, [query])[0].values is None
    assert not seen_ids(model, 1) & set(
        retrieve(model, RetrieveQuery(UserQuery(user_id(1)))).item_ids
    )
    assert "i004" not in retrieve(model, RetrieveQuery(history(4), count=30)).item_ids
    for refused in (ItemsQuery(("i001",)), EmbeddingQuery(np.ones(4, np.float32))):
        with pytest.raises(QueryKindUnsupported):
            retrieve(model, RetrieveQuery(refused))


# ---- what may be returned --------------------------------------------------------------------


def test_seen_items_stay_away_unless_asked_for() -> None:
    row = next(r for r in range(5) if seen_ids(MODEL, r))
    query = RetrieveQuery(UserQuery(user_id(row), ("i011",), (1.0,)), count=30)
    hidden = seen_ids(MODEL, row) | {"i011"}
    assert set(retrieve(MODEL, query).item_ids) == set(all_ids(MODEL)) - hidden
    assert set(retrieve(MODEL, replace(query, include_seen=True)).item_ids) == set(all_ids(MODEL))
    related = RetrieveQuery(ItemsQuery(("i001",), ("i002",)), count=30)
    assert set(retrieve(MODEL, related).item_ids) == set(all_ids(MODEL)) - {"i001", "i002"}


def test_unknown_candidates_are_named_and_exclusions_are_not() -> None:
    query = RetrieveQuery(
        UserQuery("", ("x", "i001"), (1.0, 1.0)),
        candidate_item_ids=("z", "i002", "x", "i002"),
        exclude_item_ids=("y",),
    )
    found = retrieve(MODEL, query)
    assert found.item_ids == ["i002"]
    assert found.missing_ids == ["x", "z"]
    assert (found.search.eligible_items, found.search.scored_items) == (1, 1)


def test_everything_excluded_is_an_empty_answer() -> None:
    found = retrieve(MODEL, RetrieveQuery(history(1), exclude_item_ids=tuple(all_ids(MODEL))))
    assert (found.item_ids, found.scores, found.search.eligible_items) == ([], [], 0)
    none_left = RetrieveQuery(history(1), candidate_item_ids=("i001",))
    assert retrieve(MODEL, none_left).item_ids == []


def test_approximate_without_an_index_is_exact_and_says_so() -> None:
    found = retrieve(MODEL, RetrieveQuery(history(1), mode=SearchMode.APPROXIMATE))
    assert found.search.mode is SearchMode.EXACT


# ---- properties ------------------------------------------------------------------------------

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
        mode=draw(st.sampled_from(list(SearchMode))),
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
