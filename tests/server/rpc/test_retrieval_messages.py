"""Decoding: every field of a query and a retrieval is checked, and a mistake names its place."""

import math

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from shortlist.server.domain.query import (
    Diversity,
    ItemsQuery,
    Restrictions,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.errors import BatchTooLarge, FieldInvalid
from shortlist.server.features.given import GivenValue
from shortlist.server.filters.places import Box, Radius
from shortlist.server.filters.times import Freshness, Window
from shortlist.server.rpc.retrieval_messages import (
    embed_query_from_proto,
    entry_error_to_proto,
    retrieve_queries_from_proto,
    retrieve_query_from_proto,
)
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r

USER = q.Query(user=q.UserQuery(user_id="u"))
LONG = "x" * 513
DAY = Duration(seconds=86_400)


def radius(**fields: object) -> r.GeoRadius:
    return r.GeoRadius(**{"latitude": 0, "longitude": 0, "radius_m": 1, **fields})  # type: ignore[arg-type]


def user(**fields: object) -> q.Query:
    return q.Query(user=q.UserQuery(**fields))  # type: ignore[arg-type]


def test_the_smallest_request_has_the_defaults_of_the_contract() -> None:
    assert retrieve_query_from_proto(r.RetrieveRequest(query=USER)) == RetrieveQuery(UserQuery("u"))


def test_every_field_arrives() -> None:
    request = r.RetrieveRequest(
        catalog="pins",
        model="blue",
        query=q.Query(items=q.ItemsQuery(item_ids=["a"], negative_item_ids=["b"])),
        count=7,
        exclude_item_ids=["c"],
        include_seen=True,
        candidate_item_ids=["d"],
        mode=r.SEARCH_MODE_PRECOMPUTED,
        export_id="weekly",
        min_score=0.0,
        require_personalized=True,
        diversity=r.Diversity(attribute="city", max_per_value=2, mmr_strength=0.5),
        popularity_damping=0.25,
        interests=1,
        explain=True,
        contributions_max=5,
        filter="a = 1",
        within=r.GeoRadius(
            latitude=0, longitude=-180, radius_m=1, latitude_attribute="x", longitude_attribute="y"
        ),
        box=r.GeoBox(
            south=-90,
            west=180,
            north=0,
            east=0,
            latitude_attribute="x",
            longitude_attribute="y",
        ),
        window=r.TimeWindow(
            attribute="z",
            after=Timestamp(seconds=-1, nanos=1),
            before=Timestamp(seconds=2),
            age_max=Duration(seconds=3),
        ),
        freshness=r.Freshness(attribute="z", half_life=Duration(nanos=1), weight=0.0),
    )
    unset = {field.name for field in request.DESCRIPTOR.fields} - {
        field.name for field, _ in request.ListFields()
    }
    assert unset == set()
    assert retrieve_query_from_proto(request) == RetrieveQuery(
        query=ItemsQuery(("a",), ("b",)),
        catalog="pins",
        model="blue",
        count=7,
        exclude_item_ids=("c",),
        include_seen=True,
        candidate_item_ids=("d",),
        mode=SearchMode.PRECOMPUTED,
        export_id="weekly",
        min_score=0.0,
        require_personalized=True,
        diversity=Diversity("city", 2, 0.5),
        popularity_damping=0.25,
        interests=1,
        contributions_max=5,
        restrictions=Restrictions(
            filter="a = 1",
            within=Radius(0, -180, 1, "x", "y"),
            box=Box(-90, 180, 0, 0, "x", "y"),
            window=Window("z", after_ms=-1000, before_ms=2000, age_max_ms=3000),
        ),
        freshness=Freshness(1, 0.0, "z"),
    )


def test_an_event_without_a_value_counts_one_and_zero_is_a_value() -> None:
    events = [q.Event(item_id="a"), q.Event(item_id="b", value=0.0), q.Event(item_id="c", value=-2)]
    query = retrieve_query_from_proto(r.RetrieveRequest(query=user(history=events))).query
    assert query == UserQuery("", ("a", "b", "c"), (1.0, 0.0, -2.0))


def test_features_keep_their_kinds() -> None:
    features = {
        "age": q.FeatureValue(number=0.0),
        "city": q.FeatureValue(text=""),
        "new": q.FeatureValue(flag=False),
        "tags": q.FeatureValue(texts=q.TextList(texts=["a", "b"])),
    }
    query = retrieve_query_from_proto(r.RetrieveRequest(query=user(features=features))).query
    given: dict[str, GivenValue] = {"age": 0.0, "city": "", "new": False, "tags": ("a", "b")}
    assert query == UserQuery(features=given)


BAD_RETRIEVALS = [
    ({}, "query"),
    ({"query": q.Query()}, "query"),
    ({"query": user()}, "query.user"),
    ({"query": user(segment=LONG)}, "query.user.segment"),
    ({"query": user(user_id=LONG)}, "query.user.user_id"),
    ({"query": user(features={"a": q.FeatureValue()})}, "query.user.features['a']"),
    (
        {"query": user(features={"a": q.FeatureValue(number=math.inf)})},
        "query.user.features['a']",
    ),
    (
        {"query": user(features={"a": q.FeatureValue(text="x" * 4097)})},
        "query.user.features['a']",
    ),
    (
        {"query": user(features={"a": q.FeatureValue(texts=q.TextList(texts=["x"] * 1001))})},
        "query.user.features['a']",
    ),
    ({"query": user(features={"a" * 513: q.FeatureValue(number=1)})}, "query.user.features"),
    (
        {"query": user(features={str(i): q.FeatureValue(number=1) for i in range(101)})},
        "query.user.features",
    ),
    ({"query": user(history=[q.Event(item_id="a"), q.Event()])}, "query.user.history[1].item_id"),
    ({"query": user(history=[q.Event(item_id=LONG)])}, "query.user.history[0].item_id"),
    (
        {"query": user(history=[q.Event(item_id="a", value=math.nan)])},
        "query.user.history[0].value",
    ),
    ({"query": user(history=[q.Event(item_id="a")] * 10_001)}, "query.user.history"),
    ({"query": q.Query(items=q.ItemsQuery())}, "query.items.item_ids"),
    ({"query": q.Query(items=q.ItemsQuery(item_ids=["a", ""]))}, "query.items.item_ids[1]"),
    ({"query": q.Query(items=q.ItemsQuery(item_ids=["a"] * 1001))}, "query.items.item_ids"),
    (
        {"query": q.Query(items=q.ItemsQuery(item_ids=["a"], negative_item_ids=[""]))},
        "query.items.negative_item_ids[0]",
    ),
    ({"query": q.Query(embedding=q.Embedding())}, "query.embedding.values"),
    (
        {"query": q.Query(embedding=q.Embedding(values=[1, math.inf]))},
        "query.embedding.values[1]",
    ),
    ({"query": q.Query(embedding=q.Embedding(values=[1e30]))}, "query.embedding.values[0]"),
    ({"query": USER, "count": -1}, "count"),
    ({"query": USER, "count": 10_001}, "count"),
    ({"query": USER, "catalog": "No"}, "catalog"),
    ({"query": USER, "catalog": "x" * 65}, "catalog"),
    ({"query": USER, "model": "a b"}, "model"),
    ({"query": USER, "model": ".."}, "model"),
    ({"query": USER, "model": "live\n"}, "model"),
    ({"query": USER, "exclude_item_ids": ["a", LONG]}, "exclude_item_ids[1]"),
    ({"query": USER, "exclude_item_ids": ["a"] * 100_001}, "exclude_item_ids"),
    ({"query": USER, "candidate_item_ids": ["", "a"]}, "candidate_item_ids[0]"),
    ({"query": USER, "candidate_item_ids": ["a"] * 100_001}, "candidate_item_ids"),
    ({"query": USER, "mode": 9}, "mode"),
    ({"query": USER, "min_score": math.nan}, "min_score"),
    ({"query": USER, "diversity": r.Diversity(attribute="a")}, "diversity.max_per_value"),
    ({"query": USER, "diversity": r.Diversity(max_per_value=1)}, "diversity.max_per_value"),
    (
        {"query": USER, "diversity": r.Diversity(attribute="a", max_per_value=-1)},
        "diversity.max_per_value",
    ),
    ({"query": USER, "diversity": r.Diversity(attribute="a" * 513)}, "diversity.attribute"),
    ({"query": USER, "diversity": r.Diversity(mmr_strength=1.5)}, "diversity.mmr_strength"),
    ({"query": USER, "diversity": r.Diversity(mmr_strength=math.nan)}, "diversity.mmr_strength"),
    ({"query": USER, "diversity": r.Diversity(mmr_strength=0.5), "count": 1001}, "count"),
    ({"query": USER, "popularity_damping": -0.1}, "popularity_damping"),
    ({"query": USER, "popularity_damping": math.inf}, "popularity_damping"),
    ({"query": USER, "export_id": "a"}, "export_id"),
    ({"query": USER, "export_id": "a/b", "mode": 3}, "export_id"),
    ({"query": USER, "interests": 9}, "interests"),
    ({"query": q.Query(items=q.ItemsQuery(item_ids=["a"])), "interests": 2}, "interests"),
    ({"query": USER, "contributions_max": 3}, "contributions_max"),
    ({"query": USER, "within": r.GeoRadius(longitude=0, radius_m=1)}, "within.latitude"),
    ({"query": USER, "within": radius(latitude=90.5)}, "within.latitude"),
    ({"query": USER, "within": radius(longitude=math.nan)}, "within.longitude"),
    ({"query": USER, "within": radius(radius_m=0)}, "within.radius_m"),
    ({"query": USER, "within": radius(radius_m=3e7)}, "within.radius_m"),
    ({"query": USER, "within": radius(latitude_attribute=LONG)}, "within.latitude_attribute"),
    ({"query": USER, "box": r.GeoBox(south=0, west=0, north=0)}, "box.east"),
    ({"query": USER, "box": r.GeoBox(south=1, west=0, north=0, east=0)}, "box.south"),
    ({"query": USER, "window": r.TimeWindow(attribute="a")}, "window"),
    ({"query": USER, "window": r.TimeWindow(after=Timestamp(seconds=10**12))}, "window.after"),
    ({"query": USER, "window": r.TimeWindow(age_max=Duration(seconds=-1))}, "window.age_max"),
    (
        {"query": USER, "window": r.TimeWindow(after=Timestamp(seconds=9), before=Timestamp())},
        "window.after",
    ),
    ({"query": USER, "freshness": r.Freshness()}, "freshness.half_life"),
    ({"query": USER, "freshness": r.Freshness(half_life=Duration())}, "freshness.half_life"),
    ({"query": USER, "freshness": r.Freshness(half_life=DAY, weight=1.5)}, "freshness.weight"),
    ({"query": USER, "explain": True, "contributions_max": 21}, "contributions_max"),
    ({"query": USER, "explain": True, "count": 1001}, "count"),
]


@pytest.mark.parametrize(
    ("fields", "path"), BAD_RETRIEVALS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_bad_field_of_a_retrieval_is_named(fields: dict[str, object], path: str) -> None:
    """The path is what a caller has to look at; the text says the limit and what was found."""
    with pytest.raises(FieldInvalid) as failure:
        retrieve_query_from_proto(r.RetrieveRequest(**fields))  # type: ignore[arg-type]
    assert failure.value.field == path
    assert failure.value.metadata["field"] == path


def test_a_too_long_id_is_measured_in_bytes() -> None:
    """512 bytes may be 128 characters, and 513 bytes may be 257."""
    assert retrieve_query_from_proto(r.RetrieveRequest(query=user(user_id="x" * 512)))
    assert retrieve_query_from_proto(r.RetrieveRequest(query=user(user_id="\U0001f600" * 128)))
    with pytest.raises(FieldInvalid, match="516 bytes"):
        retrieve_query_from_proto(r.RetrieveRequest(query=user(user_id="\U0001f600" * 129)))


def test_the_mistake_in_one_query_of_many_is_placed() -> None:
    request = r.EmbedRequest(queries=[USER, user(history=[q.Event(item_id="")])])
    with pytest.raises(FieldInvalid) as failure:
        embed_query_from_proto(request)
    assert failure.value.field == "queries[1].user.history[0].item_id"


def test_a_batch_has_at_least_one_entry_and_at_most_a_thousand() -> None:
    for empty in (
        lambda: embed_query_from_proto(r.EmbedRequest()),
        lambda: retrieve_queries_from_proto(r.BatchRetrieveRequest()),
    ):
        with pytest.raises(FieldInvalid):
            empty()
    many = r.BatchRetrieveRequest(requests=[r.RetrieveRequest(query=USER)] * 1001)
    with pytest.raises(BatchTooLarge, match="1001"):
        retrieve_queries_from_proto(many)
    with pytest.raises(BatchTooLarge, match="1001"):
        embed_query_from_proto(r.EmbedRequest(queries=[USER] * 1001))


@pytest.mark.parametrize(
    ("entry", "most"),
    [
        (r.RetrieveRequest(query=USER, count=10_000), 200),
        (r.RetrieveRequest(query=USER, count=1_000, explain=True, contributions_max=19), 100),
    ],
)
def test_a_batch_asks_for_no_more_than_a_reply_should_carry(
    entry: r.RetrieveRequest, most: int
) -> None:
    bad = r.RetrieveRequest(query=USER, count=-1)
    whole = retrieve_queries_from_proto(r.BatchRetrieveRequest(requests=[entry] * most + [bad]))
    assert len(whole) == most + 1
    with pytest.raises(BatchTooLarge, match="at most 2000000") as failure:
        retrieve_queries_from_proto(r.BatchRetrieveRequest(requests=[entry] * (most + 1)))
    assert failure.value.metadata["field"] == "requests"


def test_an_entry_error_has_the_path_from_the_batch_on() -> None:
    entry = entry_error_to_proto(FieldInvalid("count", "-1 is not in 0..10000", found=-1), 3)
    assert entry.error.code == 3
    assert entry.error.reason == "FIELD_INVALID"
    assert dict(entry.error.metadata) == {"field": "requests[3].count", "found": "-1"}
    assert entry.error.message.startswith("requests[3].count: ")


def test_an_embedding_is_float32() -> None:
    request = r.RetrieveRequest(query=q.Query(embedding=q.Embedding(values=[0.1, 2])))
    query = retrieve_query_from_proto(request).query
    np.testing.assert_array_equal(query.values, np.array([0.1, 2], np.float32))  # type: ignore[union-attr]
