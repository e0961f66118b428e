"""The server over a real socket: health, reflection, logs, and what a client sees of a swap."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.serving.serving_model import ServingModel
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.rpc.sockets import Connection, connected, settings_for
from tests.server.small_models import Loads

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
RETRIEVAL = "shortlist.v1.RetrievalService"
USER = q.Query(user=q.UserQuery(user_id="u001"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A server that makes small models "a" and "b"; no alias yet."""
    settings = settings_for(tmp_path)
    catalog = Catalogs(settings.data.dir).catalog("default")
    for name in ("a", "b"):
        catalog.model_path(name).mkdir(parents=True)
    with connected(settings, Loads()) as connection:
        yield connection


def set_alias(connection: Connection, model_id: str) -> m.Alias:
    return connection.models.SetAlias(m.SetAliasRequest(model_id=model_id))


def test_retrieval_is_healthy_once_a_model_serves(connection: Connection) -> None:
    """A load balancer must not send retrievals before."""
    stub = health_pb2_grpc.HealthStub(connection.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=RETRIEVAL))
    assert next(watch).status == NOT_SERVING
    for service in ("", "shortlist.v1.ModelService"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == SERVING
    set_alias(connection, "a")
    assert next(watch).status == SERVING
    watch.cancel()


def test_health_turns_before_the_server_goes(connection: Connection) -> None:
    set_alias(connection, "a")
    stub = health_pb2_grpc.HealthStub(connection.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=RETRIEVAL))
    assert next(watch).status == SERVING
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(connection.server.stop, 0.2)
        assert next(watch).status == NOT_SERVING
        stopping.result()


def test_reflection_names_the_services(connection: Connection) -> None:
    """grpcurl and friends work without the .proto files."""
    stub = reflection_pb2_grpc.ServerReflectionStub(connection.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (reply,) = stub.ServerReflectionInfo(iter([request]))
    names = {one.name for one in reply.list_services_response.service}
    assert {RETRIEVAL, "shortlist.v1.ModelService", "grpc.health.v1.Health"} <= names


def test_an_alias_swaps_what_answers_and_rolls_back(connection: Connection) -> None:
    request = r.RetrieveRequest(query=USER, count=3)
    for generation, name in enumerate(("a", "b", "a"), start=1):
        assert set_alias(connection, name).generation == generation
        reply = connection.retrieval.Retrieve(request)
        assert reply.model == name
        assert all(item.startswith(name) for item in reply.item_ids)
    aliases = connection.models.ListAliases(m.ListAliasesRequest()).aliases
    assert [(one.name, one.model_id) for one in aliases] == [("live", "a")]


def test_replies_never_mix_two_models_while_the_alias_swaps(connection: Connection) -> None:
    """Ids, scores and model name of each reply are those of one model."""
    request = r.RetrieveRequest(query=USER, count=5)
    expected = {}
    for name in ("a", "b"):
        set_alias(connection, name)
        expected[name] = connection.retrieval.Retrieve(request)

    def ask(_: int) -> str:
        reply = connection.retrieval.Retrieve(request)
        assert reply == expected[reply.model]
        return reply.model

    with ThreadPoolExecutor(4) as pool:
        asking = pool.map(ask, range(600))
        for turn in range(20):
            set_alias(connection, "ab"[turn % 2])
        assert set(asking) == {"a", "b"}


def test_retrieving_an_embedding_equals_retrieving_its_query(connection: Connection) -> None:
    set_alias(connection, "a")
    history = [q.Event(item_id="a003"), q.Event(item_id="a007", value=-2)]
    for query in (USER, q.Query(user=q.UserQuery(history=history))):
        embedded = connection.retrieval.Embed(r.EmbedRequest(queries=[query])).embeddings[0]
        again = q.Query(embedding=q.Embedding(values=embedded.values))
        first, second = (
            connection.retrieval.Retrieve(r.RetrieveRequest(query=one, include_seen=True))
            for one in (query, again)
        )
        assert (first.item_ids, first.scores) == (second.item_ids, second.scores)


def test_times_of_a_history_change_nothing_for_a_model_that_reads_no_order(
    connection: Connection,
) -> None:
    """As the contract says: the value sent last counts, whatever the times."""
    set_alias(connection, "a")
    given = [("a003", 2.0, 50), ("a007", 1.0, 40), ("a003", -1.0, 30)]
    bare = [q.Event(item_id=name, value=value) for name, value, _ in given]
    timed = [
        q.Event(item_id=name, value=value, time=Timestamp(seconds=seconds))
        for name, value, seconds in given
    ]
    last = [q.Event(item_id="a003", value=-1.0), q.Event(item_id="a007", value=1.0)]
    first, second, third = (
        connection.retrieval.Retrieve(
            r.RetrieveRequest(query=q.Query(user=q.UserQuery(history=history)))
        )
        for history in (bare, timed, last)
    )
    assert first == second == third


def test_a_call_is_one_line_in_the_log(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "shortlist.access"):
        with pytest.raises(grpc.RpcError):
            connection.models.GetModel(m.GetModelRequest(model="none"))
        set_alias(connection, "a")
    lines = [one.getMessage() for one in caplog.records if one.name == "shortlist.access"]
    assert len(lines) == 2
    assert lines[0].startswith("/shortlist.v1.ModelService/GetModel NOT_FOUND ")
    assert lines[1].startswith("/shortlist.v1.ModelService/SetAlias OK ")


def test_a_call_in_flight_is_answered_before_the_server_goes(tmp_path: Path) -> None:
    """An upgrade costs no request: what was accepted is answered."""
    settings, loads = settings_for(tmp_path), Loads()
    Catalogs(settings.data.dir).catalog("default").model_path("a").mkdir(parents=True)
    entered, release = threading.Event(), threading.Event()

    def slow_load(folder: Path) -> ServingModel:
        entered.set()
        release.wait()
        return loads(folder)

    with connected(settings, slow_load) as connection, ThreadPoolExecutor(2) as pool:
        health = health_pb2_grpc.HealthStub(connection.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == SERVING
        request = r.RetrieveRequest(model="a", query=USER)
        answer = pool.submit(connection.retrieval.Retrieve, request)
        entered.wait()
        stopping = pool.submit(connection.server.stop, 30.0)
        assert next(watch).status == NOT_SERVING
        release.set()
        assert answer.result().model == "a"
        watch.cancel()
        stopping.result()
