"""A request with fields of a newer contract is refused, wherever they are; no other ever is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from shortlist.server.config import with_overrides
from shortlist.server.errors import FieldUnknown
from shortlist.server.rpc.unknown_fields import refuse_unknown_fields
from shortlist.v1 import (
    catalog_service_pb2,
    model_service_pb2,
    retrieval_service_pb2,
    server_service_pb2,
)
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for

METHODS = [
    method
    for file in (
        catalog_service_pb2,
        model_service_pb2,
        retrieval_service_pb2,
        server_service_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
# Every message that a retrieval may hold, by the path to it.
PARTS: dict[str, Callable[[r.RetrieveRequest], Message]] = {
    "request": lambda request: request,
    "query": lambda request: request.query,
    "query.user": lambda request: request.query.user,
    "query.user.history[0]": lambda request: request.query.user.history[0],
    "query.user.history[2]": lambda request: request.query.user.history[2],
    "query.user.history[1].time": lambda request: request.query.user.history[1].time,
    "query.user.features['age']": lambda request: request.query.user.features["age"],
    "query.user.features['tags'].texts": lambda request: request.query.user.features["tags"].texts,
    "within": lambda request: request.within,
    "box": lambda request: request.box,
    "window": lambda request: request.window,
    "window.after": lambda request: request.window.after,
    "window.age_max": lambda request: request.window.age_max,
    "freshness": lambda request: request.freshness,
    "freshness.half_life": lambda request: request.freshness.half_life,
    "diversity": lambda request: request.diversity,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    settings = settings_for(tmp_path_factory.mktemp("served"))
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as connection:
        yield connection


def retrieval() -> r.RetrieveRequest:
    """Return a request with everything in it."""
    features = {
        "age": q.FeatureValue(number=3.0),
        "tags": q.FeatureValue(texts=q.TextList(texts=["a"])),
    }
    history = [q.Event(item_id=name, value=1.0, time=Timestamp(seconds=1)) for name in "abc"]
    return r.RetrieveRequest(
        query=q.Query(user=q.UserQuery(history=history, features=features)),
        within=r.GeoRadius(latitude=1, longitude=2, radius_m=3),
        box=r.GeoBox(south=0, west=0, north=0, east=0),
        window=r.TimeWindow(after=Timestamp(seconds=1), age_max=Duration(seconds=1)),
        freshness=r.Freshness(half_life=Duration(seconds=1)),
        diversity=r.Diversity(attribute="x"),
    )


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def unknown(number: int, kind: str = "number") -> bytes:
    """Return a field that no message of ours has, as it is on the wire."""
    tag = number << 3
    return {
        "number": varint(tag) + b"\x01",
        "eight bytes": varint(tag | 1) + bytes(8),
        "text": varint(tag | 2) + b"\x03new",
        "nothing": varint(tag | 2) + b"\x00",
        "four bytes": varint(tag | 5) + bytes(4),
    }[kind]


def refused(call: Callable[[], object]) -> FieldUnknown:
    with pytest.raises(FieldUnknown) as failure:
        call()
    return failure.value


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_refuses_what_it_does_not_know(served: Connection, method: Any) -> None:
    """Before it does anything; an interceptor holds it, so a new method cannot forget it."""
    channel: Any = served.channel
    streaming = method.server_streaming
    make = channel.unary_stream if streaming else channel.unary_unary
    call = make(f"/{method.containing_service.full_name}/{method.name}")
    with pytest.raises(grpc.RpcError) as failure:
        list(call(unknown(3000))) if streaming else call(unknown(3000))
    found = refusal_of(failure.value)
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "FIELD_UNKNOWN")
    assert found.fields == ["request"]
    kind = method.input_type.full_name
    assert found.metadata == {"field": "request", "message_type": kind, "field_numbers": "3000"}
    assert "3000" in found.message
    assert kind in found.message


@given(
    path=st.sampled_from(sorted(PARTS)),
    numbers=st.sets(st.integers(100, 18_999), min_size=1, max_size=3),
    kind=st.sampled_from(["number", "eight bytes", "text", "nothing", "four bytes"]),
    place=st.integers(0, 3),
)
def test_an_unknown_field_is_found_at_any_depth(
    path: str, numbers: set[int], kind: str, place: int
) -> None:
    request = retrieval()
    for number in numbers:
        PARTS[path](request).MergeFromString(unknown(number, kind))
    found = refused(lambda: refuse_unknown_fields(parsed(request), encoded(request)))
    listed = ", ".join(map(str, sorted(numbers)))
    assert found.metadata["field"] == path
    assert found.metadata["field_numbers"] == listed
    batch = r.BatchRetrieveRequest(requests=[retrieval()] * place + [request])
    found = refused(lambda: refuse_unknown_fields(parsed(batch), encoded(batch)))
    below = "" if path == "request" else f".{path}"
    assert found.metadata["field"] == f"requests[{place}]{below}"
    assert found.metadata["field_numbers"] == listed


def encoded(message: Message) -> bytes:
    return message.SerializeToString()


def parsed(message: Message) -> Message:
    return type(message).FromString(encoded(message))


def test_known_fields_are_known_however_they_are_written() -> None:
    """Sizes are compared after decoding, so that another encoder's habits are no unknown fields."""
    repeated = b"".join(encoded(r.RetrieveRequest(count=count)) for count in (1, 2, 3))
    zero = b"\x20\x00"  # count = 0, which our own encoder leaves out
    long_zero = b"\x20\x80\x80\x00"
    one_by_one = encoded(r.RetrieveRequest(query=q.Query(embedding=q.Embedding()))) + (
        b"\x1a\x0c\x1a\x0a\x0d" + bytes(4) + b"\x0d" + bytes(4)  # repeated floats, not packed
    )
    bare_feature = b"\x1a\x09\x0a\x07\x22\x05\x0a\x03age"  # a map entry without its value
    for message in (repeated, zero, long_zero, one_by_one, bare_feature):
        request = r.RetrieveRequest.FromString(message)
        refuse_unknown_fields(request, message)
        assert request == r.RetrieveRequest.FromString(message)


@given(size=st.integers(0, 50))
def test_what_is_checked_is_what_was_sent(size: int) -> None:
    request = retrieval()
    request.query.user.history.extend([q.Event(item_id="x")] * size)
    checked = parsed(request)
    refuse_unknown_fields(checked, encoded(request))
    assert checked == request


def test_a_server_may_be_told_to_ignore_them(tmp_path: Path) -> None:
    """For a rollout in which clients are newer than servers, knowingly."""
    settings = with_overrides(settings_for(tmp_path), "server", unknown_fields="ignore")
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as connection:
        request = r.RetrieveRequest(query=q.Query(user=q.UserQuery(user_id="u001")))
        known = connection.retrieval.Retrieve(request)
        request.MergeFromString(unknown(3000))
        assert connection.retrieval.Retrieve(request) == known
