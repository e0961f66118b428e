"""Every row of the error table, produced once over a real socket, details and all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.server.serving.serving_model import ServingModel
from shortlist.v1 import algorithms_pb2
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.refusals import USER, check, refused, train
from tests.server.rpc.sockets import Connection, connected, settings_for

NOBODY = q.Query(user=q.UserQuery(user_id="nobody"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A server with a WALS model "a" behind "live" and a popularity model "popular"."""
    folder = tmp_path_factory.mktemp("served")
    settings = settings_for(folder)
    publish(settings.data.dir, "a", alias="live")
    publish(settings.data.dir, "popular", dim=0)
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"]}), folder / "events.parquet")
    with connected(settings) as connection:
        yield connection


def test_a_bad_field(served: Connection) -> None:
    history = [q.Event(item_id="a"), q.Event(item_id="")]
    request = r.RetrieveRequest(query=q.Query(user=q.UserQuery(history=history)))
    found = refused(lambda: served.retrieval.Retrieve(request))
    check(found, "INVALID_ARGUMENT", "FIELD_INVALID")
    assert found.fields == ["query.user.history[1].item_id"]


def test_bytes_that_are_no_message(served: Connection) -> None:
    method = "/shortlist.v1.RetrievalService/Retrieve"
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.unary_unary(method)
    check(refused(lambda: call(b"\xff\xff")), "INVALID_ARGUMENT", "FIELD_INVALID")


def test_a_bad_setting_of_the_core(served: Connection) -> None:
    request = train("events.parquet", wals=algorithms_pb2.WalsSpec(regularization_exponent=7))
    found = refused(lambda: served.models.Train(request))
    check(found, "INVALID_ARGUMENT", "FIELD_INVALID")
    assert found.fields == ["wals.regularization_exponent"]


def test_a_vector_of_the_wrong_length(served: Connection) -> None:
    query = q.Query(embedding=q.Embedding(values=[1, 2, 3]))
    found = refused(lambda: served.retrieval.Embed(r.EmbedRequest(queries=[USER, query])))
    check(found, "INVALID_ARGUMENT", "EMBEDDING_DIMENSION")
    assert found.fields == ["queries[1].embedding.values"]


@pytest.mark.parametrize(
    ("text", "reason"), [("city = ", "FILTER_SYNTAX"), ("city = a", "FILTER_UNKNOWN_FIELD")]
)
def test_a_filter_that_cannot_be_used(served: Connection, text: str, reason: str) -> None:
    request = r.RetrieveRequest(query=USER, filter=text)
    found = refused(lambda: served.retrieval.Retrieve(request))
    check(found, "INVALID_ARGUMENT", reason)
    assert found.fields == ["filter"]
    batch = served.retrieval.BatchRetrieve(r.BatchRetrieveRequest(requests=[request]))
    assert batch.entries[0].error.reason == reason
    assert batch.entries[0].error.metadata["field"] == "requests[0].filter"


def test_an_attribute_that_the_items_do_not_have(served: Connection) -> None:
    diversity = r.Diversity(attribute="city", max_per_value=1)
    request = r.RetrieveRequest(query=USER, diversity=diversity)
    found = refused(lambda: served.retrieval.Retrieve(request))
    check(found, "INVALID_ARGUMENT", "FILTER_UNKNOWN_FIELD")
    assert found.metadata["known"] == "none"


def test_a_file_that_cannot_be_read(served: Connection) -> None:
    found = refused(lambda: served.models.Train(train(str(served.folder / "none.parquet"))))
    check(found, "INVALID_ARGUMENT", "DATA_INVALID")
    assert found.metadata["file"].endswith("none.parquet")


def test_a_column_that_is_not_there(served: Connection) -> None:
    request = train(str(served.folder / "events.parquet"))
    request.interactions.user_column = "customer"
    found = refused(lambda: served.models.Train(request))
    check(found, "INVALID_ARGUMENT", "DATA_INVALID")
    assert found.metadata["column"] == "customer"


def test_a_path_outside_the_roots(served: Connection) -> None:
    found = refused(lambda: served.models.Train(train("/etc/passwd")))
    check(found, "PERMISSION_DENIED", "PATH_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda c: c.models.ListModels(m.ListModelsRequest(catalog="none")), "CATALOG_NOT_FOUND"),
        (
            lambda c: c.retrieval.Retrieve(r.RetrieveRequest(catalog="none", query=USER)),
            "CATALOG_NOT_FOUND",
        ),
        (
            lambda c: c.retrieval.Retrieve(r.RetrieveRequest(model="none", query=USER)),
            "MODEL_NOT_FOUND",
        ),
        (lambda c: c.models.GetModel(m.GetModelRequest(model="none")), "MODEL_NOT_FOUND"),
        (lambda c: c.models.DeleteModel(m.DeleteModelRequest(model_id="none")), "MODEL_NOT_FOUND"),
        (lambda c: c.models.SetAlias(m.SetAliasRequest(model_id="none")), "MODEL_NOT_FOUND"),
        (
            lambda c: c.models.GetTrainingJob(m.GetTrainingJobRequest(job_id="none")),
            "JOB_NOT_FOUND",
        ),
        (
            lambda c: c.models.CancelTrainingJob(m.CancelTrainingJobRequest(job_id="none")),
            "JOB_NOT_FOUND",
        ),
        (
            lambda c: list(c.models.WatchTrainingJob(m.WatchTrainingJobRequest(job_id="none"))),
            "JOB_NOT_FOUND",
        ),
        (
            lambda c: c.retrieval.Retrieve(
                r.RetrieveRequest(query=NOBODY, require_personalized=True)
            ),
            "USER_UNKNOWN",
        ),
    ],
)
def test_what_does_not_exist(
    served: Connection, call: Callable[[Connection], Any], reason: str
) -> None:
    check(refused(lambda: call(served)), "NOT_FOUND", reason)


def test_a_query_that_the_model_cannot_answer(served: Connection) -> None:
    query = q.Query(items=q.ItemsQuery(item_ids=["i001"]))
    request = r.RetrieveRequest(model="popular", query=query)
    found = refused(lambda: served.retrieval.Retrieve(request))
    check(found, "FAILED_PRECONDITION", "QUERY_KIND_UNSUPPORTED")


def test_a_model_that_an_alias_holds_stays(served: Connection) -> None:
    found = refused(lambda: served.models.DeleteModel(m.DeleteModelRequest(model_id="a")))
    check(found, "FAILED_PRECONDITION", "MODEL_IN_USE")


def test_a_model_id_that_is_taken(served: Connection) -> None:
    request = train(str(served.folder / "events.parquet"), model_id="a")
    check(refused(lambda: served.models.Train(request)), "ALREADY_EXISTS", "MODEL_EXISTS")


def test_a_batch_or_message_that_is_too_large(served: Connection, tmp_path: Path) -> None:
    batch = r.BatchRetrieveRequest(requests=[r.RetrieveRequest(query=USER)] * 1001)
    found = refused(lambda: served.retrieval.BatchRetrieve(batch))
    check(found, "RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE")
    with connected(settings_for(tmp_path, message_bytes_max=2000)) as small:
        found = refused(lambda: small.retrieval.BatchRetrieve(batch_of(3000)))
    check(found, "RESOURCE_EXHAUSTED", "BATCH_TOO_LARGE")


def batch_of(size_bytes: int) -> r.BatchRetrieveRequest:
    entry = r.RetrieveRequest(query=USER)
    return r.BatchRetrieveRequest(requests=[entry] * (size_bytes // entry.ByteSize()))


def test_a_bug_is_told_without_its_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The public text is fixed; the log has the traceback."""

    def load(folder: Path) -> ServingModel:
        raise ZeroDivisionError("secret")

    settings = settings_for(tmp_path)
    publish(settings.data.dir, "a")
    with connected(settings, load) as connection:
        request = r.RetrieveRequest(model="a", query=USER)
        found = refused(lambda: connection.retrieval.Retrieve(request))
        check(found, "INTERNAL", "BUG")
        assert "secret" not in found.message
        assert "secret" in caplog.text


def test_an_entry_of_a_batch_fails_alone(served: Connection) -> None:
    """The others are answered; the failed one says what Retrieve would have said."""
    requests = [r.RetrieveRequest(query=USER), r.RetrieveRequest(), r.RetrieveRequest(query=NOBODY)]
    entries = served.retrieval.BatchRetrieve(r.BatchRetrieveRequest(requests=requests)).entries
    assert [entry.WhichOneof("outcome") for entry in entries] == ["response", "error", "response"]
    assert entries[0].response == served.retrieval.Retrieve(requests[0])
    error = entries[1].error
    assert (error.code, error.reason) == (3, "FIELD_INVALID")
    assert error.metadata["field"] == "requests[1].query"
    assert entries[2].response.origin == q.ORIGIN_POPULARITY
