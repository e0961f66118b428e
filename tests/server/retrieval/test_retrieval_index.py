"""Approximate retrieval: honest about itself, never outside what is eligible, close to exact."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan, score_rows
from shortlist.server.domain.query import (
    Diversity,
    EmbeddingQuery,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.index.approximate import ApproximateIndex
from shortlist.server.index.graph import GraphIndex, build_graph
from shortlist.server.index.lists import ListIndex
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.serving_model import ServingModel
from tests.server.small_models import item_id, seen_ids, small_model, user_id

ITEMS, DIM = 3000, 16


@pytest.fixture(scope="module", params=["usearch", "lists"])
def model(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> ServingModel:
    """A model with real-valued vectors and an index over them."""
    rng = np.random.default_rng(5)
    base = small_model(seed=5, item_count=ITEMS, user_count=50, dim=DIM)
    assert base.space is not None
    items = rng.normal(size=(ITEMS, DIM)).astype(np.float32)
    users = rng.normal(size=(50, DIM)).astype(np.float32)
    index: ApproximateIndex
    if request.param == "usearch":
        path = tmp_path_factory.mktemp("index") / "index.usearch"
        build_graph(path, items)
        index = GraphIndex(path, items, expansion=512)
    else:  # most of its lists: vectors of random directions have no near ones
        index = ListIndex(items, build_inverted_file(items, quantize(items)), probes=80)
    space = replace(
        base.space,
        item_vectors=items,
        user_vectors=users,
        scan=ItemScan(items),
        index=index,
    )
    return replace(base, space=space)


def approximate(query: RetrieveQuery) -> RetrieveQuery:
    return replace(query, mode=SearchMode.APPROXIMATE)


def test_the_index_finds_nearly_what_the_scan_finds(model: ServingModel) -> None:
    found_count = 0
    for row in range(50):
        query = RetrieveQuery(UserQuery(user_id(row)))
        exact, fast = retrieve(model, query), retrieve(model, approximate(query))
        assert exact.search.mode is SearchMode.EXACT, "AUTO scans a catalog of this size"
        assert fast.search.mode is SearchMode.APPROXIMATE
        assert len(fast.item_ids) == 100
        assert fast.search.scored_items >= 100
        assert fast.search.eligible_items == exact.search.eligible_items
        assert not seen_ids(model, row) & set(fast.item_ids)
        found_count += len(set(exact.item_ids) & set(fast.item_ids))
    assert found_count / 5000 >= 0.97


def test_scores_of_the_index_are_the_model_s_own(model: ServingModel) -> None:
    """The graph's own distances are rounded; a score must mean the same in both modes."""
    assert model.space is not None
    query = RetrieveQuery(UserQuery(user_id(3)), count=20)
    found = retrieve(model, approximate(query))
    rows = model.items.find(found.item_ids).rows
    expected = score_rows(model.space.item_vectors, model.space.user_vectors[3], rows)
    assert found.scores == expected.tolist()
    pairs = [(-score, name) for score, name in zip(found.scores, found.item_ids, strict=True)]
    assert pairs == sorted(pairs)


def test_exclusions_reach_the_index_too(model: ServingModel) -> None:
    first = approximate(RetrieveQuery(UserQuery(user_id(3)), count=50))
    best = retrieve(model, first).item_ids
    second = retrieve(model, replace(first, exclude_item_ids=tuple(best[:30])))
    assert second.search.mode is SearchMode.APPROXIMATE
    assert not set(best[:30]) & set(second.item_ids)
    assert second.item_ids[:20] == best[30:]
    assert len(second.item_ids) == 50


def test_a_limit_a_value_is_filled_through_the_index_too(model: ServingModel) -> None:
    """One item in a hundred has a city of its own kind, so the ranking is walked far down."""
    cities = pa.table({"city": [f"c{row}" if row % 100 == 0 else "all" for row in range(ITEMS)]})
    there = replace(model, attributes=ItemAttributes(cities, ITEMS))
    query = approximate(RetrieveQuery(UserQuery(user_id(3)), count=30, include_seen=True))
    found = retrieve(there, replace(query, diversity=Diversity("city", 1)))
    rows = model.items.find(found.item_ids).rows
    assert len(rows) == 30
    assert (rows % 100 > 0).sum() == 1
    near = retrieve(there, replace(query, diversity=Diversity("city", 10_000)))
    assert near.search.mode is SearchMode.APPROXIMATE
    assert near.item_ids == retrieve(there, query).item_ids
    damped = retrieve(there, replace(query, popularity_damping=0.5))
    assert damped.search.mode is SearchMode.EXACT


def test_restrictions_force_the_exact_way_and_the_report_says_so(model: ServingModel) -> None:
    query = approximate(RetrieveQuery(EmbeddingQuery(np.ones(DIM, np.float32))))
    for exact in (
        replace(query, candidate_item_ids=tuple(item_id(row) for row in range(500))),
        replace(query, count=2000),
        replace(query, exclude_item_ids=tuple(item_id(row) for row in range(2000))),
        replace(query, mode=SearchMode.EXACT),
    ):
        found = retrieve(model, exact)
        assert found.search.mode is SearchMode.EXACT
        assert len(found.item_ids) == min(exact.count, found.search.eligible_items)


@pytest.mark.parametrize(
    ("pays", "mode"), [(True, "APPROXIMATE"), (False, "EXACT"), (None, "EXACT")]
)
def test_auto_follows_what_was_measured(model: ServingModel, pays: bool | None, mode: str) -> None:
    """Without measurement a catalog of this size is scanned."""
    assert model.space is not None
    measured = replace(model, space=replace(model.space, index_pays=pays))
    found = retrieve(measured, RetrieveQuery(UserQuery(user_id(3))))
    assert found.search.mode is SearchMode[mode]


@pytest.mark.parametrize("mode", [SearchMode.AUTO, SearchMode.APPROXIMATE])
def test_an_index_that_was_asked_for_answers_unless_too_much_is_excluded(
    model: ServingModel, mode: SearchMode
) -> None:
    """Also for most of the catalog, where an index nobody asked for gives way to a scan."""
    assert model.space is not None
    asked = replace(model, space=replace(model.space, index_pays=True, index_asked=True))
    vector = EmbeddingQuery(np.ones(DIM, np.float32))
    query = RetrieveQuery(vector, mode=mode)
    half = tuple(item_id(row) for row in range(ITEMS // 2))
    for one, expected in (
        (query, SearchMode.APPROXIMATE),
        (replace(query, exclude_item_ids=half), SearchMode.APPROXIMATE),
        (replace(query, exclude_item_ids=(*half, item_id(ITEMS - 1))), SearchMode.EXACT),
        (replace(query, candidate_item_ids=half), SearchMode.EXACT),
        (replace(query, mode=SearchMode.EXACT), SearchMode.EXACT),
    ):
        found = retrieve(asked, one)
        assert found.search.mode is expected
        assert not set(one.exclude_item_ids) & set(found.item_ids)
    unasked = replace(asked, space=replace(model.space, index_pays=True))
    much = replace(query, count=ITEMS // 2 + 1)
    assert retrieve(unasked, much).search.mode is SearchMode.EXACT


def test_no_result_is_missing_where_the_lists_hold_too_few(model: ServingModel) -> None:
    assert model.space is not None
    vectors = model.space.item_vectors
    few = ListIndex(vectors, build_inverted_file(vectors, quantize(vectors)), probes=1)
    starved = replace(model, space=replace(model.space, index=few))
    query = approximate(RetrieveQuery(UserQuery(user_id(3)), count=100))
    found = retrieve(starved, query)
    assert found.search.mode is SearchMode.EXACT
    assert len(found.item_ids) == 100
