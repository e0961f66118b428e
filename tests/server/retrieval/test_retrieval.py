"""Retrieve and Embed over small models: the semantics of the contract, one example each."""

from dataclasses import replace

import numpy as np
import pytest

from shortlist.server.domain.query import (
    EmbeddingQuery,
    ItemsQuery,
    Origin,
    Query,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.errors import EmbeddingDimension, QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.serving_model import ServingModel
from tests.oracles.retrieval import best_items, items_vector
from tests.server.small_models import (
    all_ids,
    item_id,
    popularity_model,
    seen_ids,
    small_model,
    space_of,
    user_id,
)

MODEL = small_model(seed=3, item_count=30)
SPACE = space_of(MODEL)


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
    queries: list[Query] = [
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
