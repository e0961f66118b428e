"""Requests that combine everything that one can ask, drawn at random."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import strategies as st

from shortlist.server.domain.query import (
    NO_DIVERSITY,
    Diversity,
    EmbeddingQuery,
    ItemsQuery,
    Query,
    Restrictions,
    RetrieveQuery,
    UserQuery,
)
from shortlist.server.filters.places import Box, Radius
from shortlist.server.filters.times import Freshness, Window
from tests.server.retrieval.combined_items import HOUR_MS, ITEMS, NOW, USERS
from tests.server.small_models import item_id, user_id

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
