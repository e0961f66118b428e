"""Everything a request can ask at once, on every kind of model, against plain Python.

The other tests take one feature at a time; here requests combine them all, and the oracle knows
each rule only as the contract words it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.domain.exporting import ExportKind, ExportSpec
from shortlist.server.domain.query import (
    NO_DIVERSITY,
    Candidates,
    Diversity,
    EmbeddingQuery,
    ItemsQuery,
    Origin,
    Query,
    Restrictions,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.exporting.parts import write_parts
from shortlist.server.filters.places import Box, Radius
from shortlist.server.filters.times import Freshness, Window
from shortlist.server.index.lists import ListIndex
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.precomputed import StoredExports
from shortlist.server.serving.serving_model import ServingModel
from tests.oracles.diversity import first_per_value, marginal_worth
from tests.oracles.requests import Predicate, World, eligible_places, scores_of
from tests.server.small_models import all_ids, item_id, popularity_model, small_model, user_id

ITEMS, USERS, LISTED = 60, 6, 25
HOUR_MS = 3_600_000
NOW = datetime.now(UTC).replace(microsecond=0)
PLACES = [(41.9, 12.5), (-18.1, 178.4), (-13.8, -171.8), (89.99, 20.0), (None, None)]
CITIES = ["Roma", "Suva", None, "Köln", "roma"]


def row_of(row: int) -> dict[str, Any]:
    """Return an item's attributes: no two columns go together."""
    latitude, longitude = PLACES[row % 5]
    return {
        "city": CITIES[row * 7 % 11 % 5],
        "year": None if row % 13 == 0 else 1990 + row % 7,
        "tags": None if row % 9 == 0 else ["a", "b", "c"][: row % 4],
        "free": [True, False, None][row * 5 % 3],
        "latitude": latitude,
        "longitude": longitude,
        "published": None if row % 8 == 0 else NOW - timedelta(hours=row * 11 % 61),
    }


ROWS = [row_of(row) for row in range(ITEMS)]
TABLE = pa.Table.from_pylist(
    ROWS,
    pa.schema(
        {
            "city": pa.string(),
            "year": pa.int16(),
            "tags": pa.list_(pa.string()),
            "free": pa.bool_(),
            "latitude": pa.float64(),
            "longitude": pa.float64(),
            "published": pa.timestamp("ms", "UTC"),
        }
    ),
)
COUNTED = {
    "city": [{row["city"]} - {None} for row in ROWS],
    "tags": [set(row["tags"] or []) for row in ROWS],
    "year": [{row["year"]} - {None} for row in ROWS],
}
# A filter, and what it means.
FILTERS: list[tuple[str, Predicate]] = [
    ("", lambda row: True),
    ('city = "Roma"', lambda row: row["city"] == "Roma"),
    ("city:ROM", lambda row: "rom" in (row["city"] or "").lower()),
    ("NOT city = Roma", lambda row: row["city"] != "Roma"),
    ("city != Roma", lambda row: row["city"] not in (None, "Roma")),
    (
        "year >= 1993 OR free = true AND tags:a",  # OR binds closer than AND
        lambda row: (
            ((row["year"] or 0) >= 1993 or row["free"] is True) and "a" in (row["tags"] or [])
        ),
    ),
    ("-tags:b AND year:*", lambda row: "b" not in (row["tags"] or []) and row["year"] is not None),
    (
        "year IN (1990, 1992.0) OR NOT free:*",
        lambda row: row["year"] in (1990, 1992) or row["free"] is None,
    ),
    ("year > 3000", lambda row: False),
]


def with_index(model: ServingModel) -> ServingModel:
    """Return the model with lists that AUTO asks; all of them, so nothing is missed."""
    assert model.space is not None
    vectors = model.space.item_vectors
    file = build_inverted_file(vectors, quantize(vectors))
    index = ListIndex(vectors, file, file.list_count)
    return replace(model, space=replace(model.space, index=index, index_pays=True))


def with_exports(model: ServingModel, folder: Path) -> ServingModel:
    """Return the model with the first candidates of every user and of every item stored."""
    kinds: tuple[ExportKind, ...] = ("users", "items")
    for kind in kinds:
        (folder / kind).mkdir()
        list(write_parts(model, ExportSpec("small", kind, LISTED), folder / kind, 1))
        claim = {"model_id": "small", "kind": kind, "count": LISTED}
        (folder / kind / "_export.json").write_text(json.dumps(claim))
    return replace(model, exports=StoredExports(folder, "small", 0, USERS, ITEMS))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ServingModel]:
    plain = small_model(3, ITEMS, USERS, attributes=TABLE)
    everything = with_exports(with_index(plain), tmp_path_factory.mktemp("exports"))
    popular = popularity_model(3, ITEMS, USERS, attributes=TABLE)
    return {"plain": plain, "everything": everything, "popular": popular}


IDS = st.integers(0, ITEMS + 1).map(item_id)  # the last two are unknown
SOME = st.lists(IDS, min_size=1, max_size=6).map(tuple)
MANY = st.lists(IDS, max_size=40).map(tuple)
USER_IDS = st.integers(0, USERS).map(user_id)  # the last is unknown


@st.composite
def user_queries(draw: st.DrawFn) -> Query:
    events = draw(perhaps(SOME))
    values = tuple(draw(st.sampled_from([1.0, 2.0, -1.0])) for _ in events)
    return UserQuery(draw(USER_IDS) if not events or draw(st.booleans()) else "", events, values)


VECTORS = st.lists(st.integers(-2, 2), min_size=4, max_size=4)
QUERIES = st.one_of(
    user_queries(),
    st.builds(ItemsQuery, SOME, st.one_of(st.just(()), SOME)),
    st.builds(EmbeddingQuery, VECTORS.map(lambda values: np.array(values, np.float32))),
)


LISTED_QUERIES = st.one_of(USER_IDS.map(UserQuery), IDS.map(lambda one: ItemsQuery((one,))))
MADE_HERE = (Origin.ITEMS, Origin.FOLDED_IN)  # vectors that are exactly the sum of their parts
SHORT_CUTS = (SearchMode.APPROXIMATE, SearchMode.PRECOMPUTED)


def mostly(usual: object, *others: object) -> st.SearchStrategy:
    """Four of five times the first: so that a request asks for two or three things, not for ten."""
    return st.sampled_from([usual] * 4 * len(others) + list(others))


def perhaps(ids: st.SearchStrategy) -> st.SearchStrategy:
    return st.sampled_from([True, False]).flatmap(lambda some: ids if some else st.just(()))


REQUESTS = st.builds(
    RetrieveQuery,
    query=QUERIES,
    count=st.sampled_from([1, 2, 5, 10, 20, 59, 60, 1000]),
    exclude_item_ids=perhaps(MANY),
    include_seen=mostly(False, True),
    candidate_item_ids=perhaps(MANY),
    min_score=mostly(None, -3.0, 0.0, 1.0, 1.25),
    restrictions=st.builds(
        Restrictions,
        within=mostly(None, Radius(-18, 179, 1_500_000), Radius(-90, 0, 2e7), Radius(90, 0, 5000)),
        box=mostly(None, Box(-30, 170, 0, -170), Box(-90, -180, 90, 180), Box(40, 12.5, 42, 12.5)),
        window=mostly(
            None,
            Window(age_max_ms=24 * HOUR_MS + HOUR_MS // 2),
            Window("published", after_ms=int((NOW - timedelta(hours=40)).timestamp() * 1000)),
            Window(before_ms=int((NOW - timedelta(hours=11)).timestamp() * 1000)),
        ),
    ),
    freshness=mostly(None, Freshness(7 * HOUR_MS), Freshness(29 * HOUR_MS, 0.6, "published")),
    diversity=mostly(
        NO_DIVERSITY,
        Diversity("city", 2),
        Diversity("tags", 3),
        Diversity("year", 1, 0.3),
        Diversity(mmr_strength=0.7),
    ),
    popularity_damping=mostly(0.0, 0.5, 1.0),
    interests=mostly(0, 3),
    contributions_max=st.sampled_from([0, 0, 1, 20]),
)


def world_of(model: ServingModel, hidden: HiddenItems) -> World:
    vectors = None if model.space is None else model.space.item_vectors.astype(np.float64)
    seen = {
        user_id(user): {item_id(row) for row in model.seen.row(user)[0].tolist()}
        for user in range(USERS)
    }
    return World(
        *(all_ids(model), ROWS, vectors, model.item_scores.tolist(), seen),
        *(frozenset(hidden.hidden), frozenset(hidden.deleted), time.time() * 1000),
    )


def answerable(model: ServingModel, query: RetrieveQuery) -> RetrieveQuery:
    """Return the request without what such a model or query refuses, as other tests hold."""
    if not isinstance(query.query, UserQuery):
        query = replace(query, interests=0)
    if model.space is not None:
        return query
    asker = query.query if isinstance(query.query, UserQuery) else UserQuery(user_id(1))
    variety = replace(query.diversity, mmr_strength=0.0)
    plain = replace(query, query=asker, diversity=variety, popularity_damping=0.0, interests=0)
    return replace(plain, contributions_max=0)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("plain", SearchMode.EXACT),
        ("everything", SearchMode.AUTO),
        ("everything", SearchMode.APPROXIMATE),
        ("everything", SearchMode.PRECOMPUTED),
        ("popular", SearchMode.AUTO),
    ],
)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_request_that_asks_for_everything_at_once(
    models: dict[str, ServingModel], name: str, mode: SearchMode, data: st.DataObject
) -> None:
    """Exact or not, restricted or not, alone or in a batch: what the oracle returns."""
    model = models[name]
    text, passes = data.draw(mostly(*FILTERS))
    query = replace(answerable(model, data.draw(REQUESTS)), mode=mode)
    query = replace(query, restrictions=replace(query.restrictions, filter=text))
    if mode in SHORT_CUTS and data.draw(st.booleans()):  # what a short cut can answer
        query = replace(query, freshness=None, popularity_damping=0.0, interests=0)
        if mode is SearchMode.PRECOMPUTED:
            query = replace(query, query=data.draw(LISTED_QUERIES))
        else:
            query, passes = replace(query, restrictions=Restrictions()), FILTERS[0][1]
            query = replace(query, candidate_item_ids=())
    hidden = (
        HiddenItems()
        .hide(data.draw(st.one_of(perhaps(SOME), MANY)))
        .delete(data.draw(perhaps(SOME)))
    )
    found = retrieve(model, query, lambda _: hidden)
    (batched,) = retrieve_each(lambda *_: model, [query], lambda _: hidden)
    assert isinstance(batched, Candidates)
    assert batched.item_ids == found.item_ids
    np.testing.assert_allclose(batched.scores, found.scores, rtol=1e-3)  # ages go on
    check(model, world_of(model, hidden), query, passes, found)


def check(
    model: ServingModel,
    world: World,
    query: RetrieveQuery,
    passes: Predicate,
    found: Candidates,
) -> None:
    eligible = eligible_places(world, query, passes)
    assert found.search.eligible_items == len(eligible)
    places = [world.ids.index(name) for name in found.item_ids]
    assert len(set(places)) == len(places) <= query.count
    assert set(places) <= set(eligible)
    if query.min_score is not None:
        assert min(found.scores, default=query.min_score) >= query.min_score
    check_limit(query, places)
    check_missing(world, query, found)
    check_report(model, world, query, found)
    leaves_a_rest = query.freshness is not None or world.hidden or world.deleted
    for score, reason in zip(found.scores, found.reasons, strict=False):
        assert len(reason.amounts) <= query.contributions_max
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score, abs=1e-4)
        assert not set(reason.item_ids) & (world.hidden | world.deleted)
        if found.origin in MADE_HERE and query.contributions_max == 20 and not leaves_a_rest:
            assert reason.remainder == pytest.approx(0, abs=1e-3)
    assert len(found.reasons) == (len(places) if query.contributions_max else 0)
    if found.interests:
        assert len(found.interest_of) == len(places)
        if query.min_score is None and not query.diversity.max_per_value:
            assert len(places) == min(query.count, len(eligible))
        return
    check_ranking(model, world, query, eligible, found, places)


def check_limit(query: RetrieveQuery, places: list[int]) -> None:
    if query.diversity.max_per_value:
        values = COUNTED[query.diversity.attribute]
        counts = Counter(value for place in places for value in values[place])
        assert max(counts.values(), default=0) <= query.diversity.max_per_value


def check_missing(world: World, query: RetrieveQuery, found: Candidates) -> None:
    known, asked = set(world.ids), query.query
    named: list[str] = []
    if isinstance(asked, ItemsQuery):
        named = [*asked.item_ids, *asked.negative_item_ids]
    elif isinstance(asked, UserQuery):
        named = list(asked.history_item_ids)
    expected = {name for name in named if name not in known}
    if isinstance(asked, UserQuery) and asked.user_id and asked.user_id not in world.seen:
        expected.add(asked.user_id)
    deleted = world.deleted & set(query.candidate_item_ids)
    unknown = set(query.candidate_item_ids) - known
    assert set(found.missing_ids) == expected | unknown | (deleted & known)
    assert len(found.missing_ids) == len(set(found.missing_ids))


def check_report(
    model: ServingModel, world: World, query: RetrieveQuery, found: Candidates
) -> None:
    restricted = query.restrictions != Restrictions() or query.candidate_item_ids
    shaped = query.freshness is not None or query.popularity_damping
    if found.search.mode is SearchMode.APPROXIMATE:
        assert model.space is not None
        assert model.space.index is not None
        assert query.mode in (SearchMode.AUTO, SearchMode.APPROXIMATE)
        assert not restricted
        assert not shaped
    if found.search.mode is SearchMode.PRECOMPUTED:
        assert query.mode is SearchMode.PRECOMPUTED
        assert not shaped
        assert found.search.scored_items == 0


def check_ranking(
    model: ServingModel,
    world: World,
    query: RetrieveQuery,
    eligible: list[int],
    found: Candidates,
    places: list[int],
) -> None:
    """The same scores as the oracle's best; the same items where sums are exact."""
    vector = None if model.space is None else embed(model, [query.query])[0].values
    scores = scores_of(world, query, None if vector is None else vector.astype(np.float64))
    found_scores = [scores[place] for place in places]
    np.testing.assert_allclose(found.scores, found_scores, rtol=1e-3, atol=1e-4)
    whole = vector is None or not (vector % 1).any()
    exact = whole and not query.popularity_damping and query.freshness is None
    ranked = sorted(eligible, key=lambda place: (-scores[place], place))
    if query.min_score is not None:
        slack = 0 if exact else 1e-3
        ranked = [place for place in ranked if scores[place] >= query.min_score + slack]
    if query.diversity.max_per_value:
        if not exact:
            return  # a greedy walk over near ties may end anywhere
        values = COUNTED[query.diversity.attribute]
        kept = first_per_value(
            [values[place] for place in ranked], query.diversity.max_per_value, ITEMS
        )
        ranked = [ranked[place] for place in kept]
    if query.diversity.mmr_strength:
        if exact:
            check_relevance(world, query, [scores[place] for place in ranked], ranked, places)
        return
    expected = ranked[: query.count]
    if exact:
        assert places == expected
    else:
        assert len(places) >= len(expected)
        best = [scores[place] for place in expected]
        np.testing.assert_allclose(
            sorted(found_scores)[::-1][: len(best)], best, rtol=1e-3, atol=1e-4
        )
        assert found.scores == sorted(found.scores, reverse=True)


def check_relevance(
    world: World, query: RetrieveQuery, scores: list[float], pool: list[int], places: list[int]
) -> None:
    """Each next one is worth as much as any other of the pool, which here holds everything."""
    assert len(places) == min(query.count, len(pool))
    if world.vectors is None or not pool:
        return
    vectors, strength = world.vectors[pool], float(np.float32(query.diversity.mmr_strength))
    chosen: list[int] = []
    for place in places[:8]:
        left = [one for one in range(len(pool)) if one not in chosen]
        worths = {one: marginal_worth(scores, vectors, strength, chosen, one) for one in left}
        one = pool.index(place)
        assert worths[one] >= max(worths.values()) - 1e-6
        chosen.append(one)
