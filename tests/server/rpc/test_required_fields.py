"""What the contract marks REQUIRED is required: each field in turn is left out, over a socket."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.api import field_behavior_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from shortlist.v1 import catalog_service_pb2 as c
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for

SERVICES = {
    method.input_type.name: method
    for file in (c, m, r)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
SOURCE = m.DataSource(uri="/nowhere")
EVENTS = m.InteractionSource(source=SOURCE)
USER = q.UserQuery(user_id="u001", history=[q.Event(item_id="i001")])
# Requests that together set every required field of the contract, at every place it has.
REQUESTS: list[Message] = [
    c.HideItemsRequest(item_ids=["i"]),
    c.ShowItemsRequest(item_ids=["i"]),
    c.DeleteItemsRequest(item_ids=["i"]),
    m.TrainRequest(
        interactions=EVENTS,
        items=m.ItemSource(source=SOURCE),
        users=m.UserSource(source=SOURCE),
        evaluation=m.EvaluationSpec(split=m.SPLIT_GIVEN, test_interactions=EVENTS),
    ),
    m.WatchTrainingJobRequest(job_id="j"),
    m.GetTrainingJobRequest(job_id="j"),
    m.CancelTrainingJobRequest(job_id="j"),
    m.DeleteModelRequest(model_id="x"),
    m.EvaluateModelRequest(test_interactions=EVENTS),
    m.SetAliasRequest(model_id="x"),
    r.EmbedRequest(queries=[q.Query(embedding=q.Embedding(values=[1.0]))]),
    r.RetrieveRequest(query=q.Query(user=USER)),
    r.RetrieveRequest(query=q.Query(items=q.ItemsQuery(item_ids=["i"]))),
    r.RetrieveRequest(
        query=q.Query(user=USER),
        within=r.GeoRadius(latitude=0, longitude=0, radius_m=1),
        box=r.GeoBox(south=0, west=0, north=0, east=0),
        freshness=r.Freshness(half_life=Duration(seconds=1)),
    ),
    r.BatchRetrieveRequest(requests=[r.RetrieveRequest(query=q.Query(user=USER))]),
    r.SimilarUsersRequest(user=USER),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A server with a model behind "live"."""
    settings = settings_for(tmp_path_factory.mktemp("served"))
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as connection:
        yield connection


def is_required(field: Any) -> bool:
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviors


def required_fields(message: Message, path: str = "") -> Iterator[tuple[Any, str]]:
    """Yield every required field that is set, with its path; entries of a batch answer alone."""
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        if is_required(field):
            yield field, here
        if field.message_type is None or here == "requests":
            continue
        for i, one in enumerate(value if field.is_repeated else [value]):
            yield from required_fields(one, f"{here}[{i}]." if field.is_repeated else f"{here}.")


CASES = [(request, path) for request in REQUESTS for _, path in required_fields(request)]


def without(request: Message, path: str) -> Message:
    """Return a copy that lacks the field."""
    copy = type(request)()
    copy.CopyFrom(request)
    parent: Any = copy
    *names, last = path.split(".")
    for name in names:
        field, _, place = name.partition("[")
        parent = getattr(parent, field)
        parent = parent[int(place[:-1])] if place else parent
    parent.ClearField(last)
    return copy


@pytest.mark.parametrize(
    ("request_message", "path"), CASES, ids=lambda x: x if isinstance(x, str) else type(x).__name__
)
def test_a_request_without_a_required_field_is_refused(
    served: Connection, request_message: Message, path: str
) -> None:
    method = SERVICES[type(request_message).__name__]
    name = f"/{method.containing_service.full_name}/{method.name}"
    serialize: Any = type(request_message).SerializeToString
    reply = method.output_type._concrete_class.FromString
    channel: Any = served.channel
    streaming = method.server_streaming
    make = channel.unary_stream if streaming else channel.unary_unary
    call = make(name, request_serializer=serialize, response_deserializer=reply)
    asked = without(request_message, path)
    with pytest.raises(grpc.RpcError) as failure:
        list(call(asked)) if streaming else call(asked)
    found = refusal_of(failure.value)
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID"), found
    assert found.fields == [path]


def test_no_required_field_of_the_contract_is_left_out_here() -> None:
    marked = {
        field.full_name
        for file in (c, m, q, r)
        for message in file.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if is_required(field)
    }
    assert marked == {field.full_name for one in REQUESTS for field, _ in required_fields(one)}
    assert len(marked) > 25
