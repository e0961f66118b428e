"""Retrieval under restrictions against brute force: float64 scores and a plain Python filter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.server.domain.query import EmbeddingQuery, Query, RetrieveQuery, UserQuery
from shortlist.server.domain.restrictions import Box, Freshness, Radius, Restrictions, Window
from shortlist.server.errors import FieldInvalid, FilterUnknownField
from shortlist.server.filters.parse import parse_filter
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel
from tests.oracles.filters import allows, distance_m
from tests.server.small_models import item_id, popularity_model, small_model

ITEMS = 90
NOW = datetime.now(UTC).replace(microsecond=0)
CITIES = {"Rome": (41.9, 12.5), "Suva": (-18.1, 178.4), "Apia": (-13.8, -171.8)}


def attributes(seed: int) -> pa.Table:
    """Return items in three cities, some unknown, published over ten days."""
    rng = np.random.default_rng(seed)
    named: list[Any] = [*CITIES, None]
    cities = [rng.choice(named) for _ in range(ITEMS)]
    places = [CITIES.get(city, (None, None)) for city in cities]
    ages = [timedelta(hours=int(rng.integers(1, 240))) for _ in range(ITEMS)]
    times = [None if rng.random() < 0.1 else NOW - age for age in ages]
    return pa.table(
        {
            "city": pa.array(cities, pa.string()),
            "year": pa.array(rng.integers(1990, 2000, ITEMS)),
            "tags": pa.array([["a", "b", "c"][: rng.integers(0, 4)] for _ in range(ITEMS)]),
            "latitude": pa.array([place[0] for place in places], pa.float64()),
            "longitude": pa.array([place[1] for place in places], pa.float64()),
            "published": pa.array(times, pa.timestamp("ms", "UTC")),
        }
    )


MODELS = [small_model(seed, ITEMS, attributes=attributes(seed)) for seed in range(3)]
ROWS = [model.attributes._table.to_pylist() for model in MODELS]

RESTRICTIONS = st.builds(
    Restrictions,
    filter=st.sampled_from(
        ["", 'city = "Rome"', "year >= 1995 AND tags:a", "NOT tags:b", "year > 3000", "year > 0"]
    ),
    within=st.sampled_from([None, Radius(-18, 179, 1_500_000), Radius(42, 12, 100_000)]),
    box=st.sampled_from([None, Box(-30, 170, 0, -170), Box(-90, -180, 90, 180)]),
    window=st.sampled_from(
        [
            None,
            Window(age_max_ms=100 * 3_600_000 + 1_800_000),
            Window(
                after_ms=int((NOW - timedelta(days=5)).timestamp() * 1000), attribute="published"
            ),
        ]
    ),
)


def passes(row: dict[str, Any], asked: Restrictions) -> bool:
    """Say in plain Python whether an item is allowed."""
    place, when = (row["latitude"], row["longitude"]), row["published"]
    if asked.filter and not allows(parse_filter(asked.filter), row):
        return False
    if asked.within is not None:
        centre = asked.within.latitude, asked.within.longitude
        if place[0] is None or distance_m(centre, place) > asked.within.metres:
            return False
    if asked.box is not None:
        box, inside = asked.box, place[0] is not None
        inside = inside and box.south <= place[0] <= box.north
        if not (
            inside and (place[1] - box.west) % 360 <= (box.east - box.west - 1e-9) % 360 + 1e-9
        ):
            return False
    if asked.window is not None:
        if when is None:
            return False
        if asked.window.after_ms and when.timestamp() * 1000 < asked.window.after_ms:
            return False
        age_ms = (NOW - when).total_seconds() * 1000
        if asked.window.age_max_ms and age_ms > asked.window.age_max_ms:
            return False
    return True


def expected(number: int, vector: np.ndarray, asked: RetrieveQuery) -> list[tuple[str, float]]:
    """Return what brute force returns: (id, score), best first, ties by id."""
    model = MODELS[number]
    assert model.space is not None
    vectors = model.space.item_vectors.astype(np.float64)
    rows: Sequence[int] = range(ITEMS)
    if asked.candidate_item_ids:
        rows = [row for row in rows if item_id(row) in asked.candidate_item_ids]
    allowed = [
        row
        for row in rows
        if passes(ROWS[number][row], asked.restrictions)
        and item_id(row) not in asked.exclude_item_ids
    ]
    scored = [(item_id(row), float(vectors[row] @ vector)) for row in allowed]
    if asked.min_score is not None:
        scored = [one for one in scored if one[1] >= asked.min_score]
    return sorted(scored, key=lambda one: (-one[1], one[0]))[: asked.count]


@settings(deadline=None)
@given(
    st.integers(0, 2),
    st.lists(st.integers(-2, 2), min_size=4, max_size=4),
    RESTRICTIONS,
    st.integers(1, 120),
    st.lists(st.integers(0, ITEMS - 1), max_size=10),
    st.lists(st.integers(0, ITEMS - 1), max_size=40),
    st.sampled_from([None, 0.0, 3.0]),
)
def test_exactly_what_brute_force_returns(
    number: int,
    vector: list[int],
    restrictions: Restrictions,
    count: int,
    excluded: list[int],
    candidates: list[int],
    min_score: float | None,
) -> None:
    query = RetrieveQuery(
        EmbeddingQuery(np.array(vector, np.float32)),
        count=count,
        restrictions=restrictions,
        exclude_item_ids=tuple(map(item_id, excluded)),
        candidate_item_ids=tuple(map(item_id, candidates)),
        min_score=min_score,
    )
    found = retrieve(MODELS[number], query)
    pairs = list(zip(found.item_ids, found.scores, strict=True))
    assert pairs == expected(number, np.array(vector, np.float64), query)
    everything = RetrieveQuery(
        query.query,
        count=ITEMS,
        restrictions=restrictions,
        exclude_item_ids=query.exclude_item_ids,
        candidate_item_ids=query.candidate_item_ids,
    )
    eligible = expected(number, np.array(vector, np.float64), everything)
    assert found.search.eligible_items == len(eligible)
    batched = retrieve_each(lambda *_: MODELS[number], [query, everything, query])
    assert batched == [found, retrieve(MODELS[number], everything), found]


@pytest.mark.parametrize("make", [lambda: MODELS[0], None], ids=["stranger", "popularity model"])
def test_popular_items_are_restricted_too(make: Callable[[], ServingModel] | None) -> None:
    model = make() if make else popularity_model(0, ITEMS, attributes=attributes(0))
    asked = Restrictions(filter="year >= 1995 AND city:*")
    found = retrieve(model, RetrieveQuery(UserQuery("nobody"), count=200, restrictions=asked))
    allowed = [row for row in range(ITEMS) if passes(ROWS[0][row], asked)]
    order = sorted(allowed, key=lambda row: (-model.item_scores[row], row))
    assert found.item_ids == [item_id(row) for row in order]
    assert found.search.eligible_items == len(allowed)


@pytest.mark.parametrize("query", [UserQuery("u001"), UserQuery("nobody")])
def test_fading_scores_every_eligible_item(query: Query) -> None:
    """The best after fading come back, also those that were far from the best before."""
    model = MODELS[1]
    freshness = Freshness(half_life_ms=36_000_000, weight=0.8)
    plain = retrieve(model, RetrieveQuery(query, count=ITEMS))
    times = {
        item_id(row): None if (when := ROWS[1][row]["published"]) is None else when.timestamp()
        for row in range(ITEMS)
    }
    before = time.time()
    found = retrieve(model, RetrieveQuery(query, count=5, freshness=freshness))
    scores = {}
    for item, score in zip(plain.item_ids, plain.scores, strict=True):
        when = times[item]
        lost = 1.0 if when is None else 1 - 2 ** -((before - when) / 36_000)
        scores[item] = score - 0.8 * abs(score) * lost
    order = sorted(scores, key=lambda item: (-scores[item], item))
    best = [scores[item] for item in order[:5]]
    np.testing.assert_allclose(found.scores, best, rtol=1e-3)
    assert {item for item, score in scores.items() if score > best[-1] + 1e-2} <= set(
        found.item_ids
    )
    low = retrieve(model, RetrieveQuery(query, count=90, freshness=freshness, min_score=best[2]))
    assert 1 <= len(low.item_ids) <= 4


def test_what_the_items_do_not_have_is_named() -> None:
    bare = small_model(0, ITEMS)
    user = UserQuery("u001")
    for asked, field in (
        (Restrictions(filter="a = 1"), "filter"),
        (Restrictions(within=Radius(0, 0, 1)), "within.latitude_attribute"),
        (Restrictions(box=Box(0, 0, 1, 1)), "box.latitude_attribute"),
        (Restrictions(window=Window(after_ms=1)), "window.attribute"),
    ):
        with pytest.raises(FilterUnknownField) as failure:
            retrieve(bare, RetrieveQuery(user, restrictions=asked))
        assert failure.value.field == field
    for asked, field in (
        (Restrictions(within=Radius(0, 0, 1, "city")), "within.latitude_attribute"),
        (Restrictions(window=Window("city", after_ms=1)), "window.attribute"),
    ):
        with pytest.raises(FieldInvalid, match="'city' is string") as wrong:
            retrieve(MODELS[0], RetrieveQuery(user, restrictions=asked))
        assert wrong.value.field == field


def test_whole_numbers_are_times_by_their_size() -> None:
    seconds = pa.table({"when": pa.array([1_700_000_000 + i for i in range(ITEMS)])})
    model = small_model(0, ITEMS, attributes=seconds)
    window = Window("when", after_ms=1_700_000_010_000, before_ms=1_700_000_013_000)
    query = RetrieveQuery(UserQuery("nobody"), restrictions=Restrictions(window=window))
    assert sorted(retrieve(model, query).item_ids) == [item_id(row) for row in (10, 11, 12)]


def test_equal_restrictions_of_a_batch_are_one_set_at_one_moment() -> None:
    """So that its entries share a scan; another model has its own set."""
    eligibility = Eligibility()
    asked = [Restrictions(window=Window(age_max_ms=36_000_000), filter="year > 0") for _ in "ab"]
    first, again = (eligibility.items(MODELS[0].attributes, one) for one in asked)
    assert again is first is not None
    other = eligibility.items(MODELS[1].attributes, asked[0])
    assert other is not None
    assert not np.array_equal(first, other)


def test_a_batch_fades_as_each_alone() -> None:
    times = pa.table({"when": pa.array([1_000_000 + row for row in range(ITEMS)])})
    model = small_model(3, ITEMS, attributes=times)
    ageless = Freshness(half_life_ms=1, attribute="when")  # all have faded whole, at any moment
    queries = [
        RetrieveQuery(UserQuery(user), count=count, freshness=ageless, exclude_item_ids=excluded)
        for user, count in (("u001", 3), ("nobody", 90), ("u002", 20))
        for excluded in ((), ("i003", "i004"))
    ]
    assert retrieve_each(lambda *_: model, queries) == [retrieve(model, one) for one in queries]
