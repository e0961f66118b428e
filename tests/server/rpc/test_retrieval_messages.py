"""Decoding: every field of a query and a retrieval is checked, and a mistake names its place."""

import numpy as np
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from shortlist.server.domain.query import (
    Diversity,
    GivenValue,
    ItemsQuery,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.domain.restrictions import Box, Freshness, Radius, Restrictions, Window
from shortlist.server.rpc.retrieval_messages import retrieve_query_from_proto
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r

USER = q.Query(user=q.UserQuery(user_id="u"))
DAY = Duration(seconds=86_400)


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


def test_a_history_stays_in_the_order_sent_with_its_repeats_and_times() -> None:
    """Also where the times say another order: what order means is the encoder's to know."""
    sent = [("b", 9), ("a", -1), ("b", 3), ("b", 9)]
    events = [
        q.Event(item_id=name, value=i, time=Timestamp(seconds=seconds, nanos=1_999_999))
        for i, (name, seconds) in enumerate(sent)
    ]
    query = retrieve_query_from_proto(r.RetrieveRequest(query=user(history=events))).query
    times = (9001, -999, 3001, 9001)
    expected = UserQuery("", ("b", "a", "b", "b"), (0.0, 1.0, 2.0, 3.0), history_times=times)
    assert query == expected
    bare = [q.Event(item_id=name) for name, _ in sent]
    query = retrieve_query_from_proto(r.RetrieveRequest(query=user(history=bare))).query
    assert query == UserQuery("", ("b", "a", "b", "b"), (1.0,) * 4)


def test_the_first_and_the_last_moment_are_times() -> None:
    ends = [
        Timestamp(seconds=-62_135_596_800),
        Timestamp(seconds=253_402_300_799, nanos=999_999_999),
    ]
    events = [q.Event(item_id="a", time=time) for time in ends]
    query = retrieve_query_from_proto(r.RetrieveRequest(query=user(history=events))).query
    assert isinstance(query, UserQuery)
    assert query.history_times == (-62_135_596_800_000, 253_402_300_799_999)


def timed(*times: Timestamp | None) -> q.Query:
    return user(history=[q.Event(item_id="a", time=time) for time in times])


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


def test_an_embedding_is_float32() -> None:
    request = r.RetrieveRequest(query=q.Query(embedding=q.Embedding(values=[0.1, 2])))
    query = retrieve_query_from_proto(request).query
    np.testing.assert_array_equal(query.values, np.array([0.1, 2], np.float32))  # type: ignore[union-attr]
