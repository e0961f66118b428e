"""Jobs, models and aliases over a real socket; no supervisor runs, so jobs stay where they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.server.artifacts.manifest import read_manifest, write_manifest
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.tuning import Trial
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A server with models a, b, c, made in this order, "a" behind "live"; and some events."""
    settings = settings_for(tmp_path)
    for moment, name in enumerate("abc", start=1):
        publish(settings.data.dir, name, created_ms=1000 * moment + 7)
    publish(settings.data.dir, "popular", dim=0, alias="live", created_ms=1)
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"]}), tmp_path / "events.parquet")
    with connected(settings) as connection:
        yield connection


def train(connection: Connection, **fields: object) -> m.TrainingJob:
    source = m.DataSource(uri=str(connection.folder / "events.parquet"))
    events = m.InteractionSource(source=source)
    return connection.models.Train(m.TrainRequest(interactions=events, **fields))  # type: ignore[arg-type]


def test_a_model_says_what_it_is(connection: Connection) -> None:
    model = connection.models.GetModel(m.GetModelRequest(model="b"))
    assert (model.model_id, model.catalog, model.dim) == ("b", "default", 4)
    assert (model.item_count, model.user_count) == (30, 5)
    assert model.create_time.ToMilliseconds() == 2007
    assert model.size_bytes > 1000
    assert model.request.wals.dim == 4
    assert model.index.kind == "none"
    assert not model.aliases
    live = connection.models.GetModel(m.GetModelRequest())
    assert (live.model_id, list(live.aliases), live.dim) == ("popular", ["live"], 0)
    assert live.request.HasField("popularity")


def test_models_come_newest_first_in_pages(connection: Connection) -> None:
    first = connection.models.ListModels(m.ListModelsRequest(page_size=3))
    assert [model.model_id for model in first.models] == ["c", "b", "a"]
    request = m.ListModelsRequest(page_size=3, page_token=first.next_page_token)
    last = connection.models.ListModels(request)
    assert [model.model_id for model in last.models] == ["popular"]
    assert not last.next_page_token
    with pytest.raises(grpc.RpcError) as failure:
        connection.models.ListModels(m.ListModelsRequest(page_token="nonsense"))
    assert refusal_of(failure.value).fields == ["page_token"]


DETAILS = {"request", "losses", "evaluation", "index", "trials"}


def told(model: m.Model) -> set[str]:
    return {field.name for field, _ in model.ListFields()}


def test_a_list_leaves_out_the_details_unless_asked_for_them(connection: Connection) -> None:
    """A page of tuned models would be megabytes, to show seven columns."""
    folder = connection.folder / "data" / "catalogs" / "default" / "models" / "b"
    trials = (Trial({"dim": 4.0}, 2, 0.5),)
    evaluation = Evaluation("given", ())
    manifest = replace(read_manifest(folder), losses=(2.0,), evaluation=evaluation, trials=trials)
    write_manifest(folder, manifest)
    listed = connection.models.ListModels(m.ListModelsRequest())
    assert [model.algorithm for model in listed.models] == ["wals"] * 3 + ["popularity"]
    whole = connection.models.ListModels(m.ListModelsRequest(view=m.MODEL_VIEW_FULL))
    for basic, full in zip(listed.models, whole.models, strict=True):
        assert not told(basic) & DETAILS
        assert {"request", "index"} <= told(full)
        assert connection.models.GetModel(m.GetModelRequest(model=full.model_id)) == full
        request = m.GetModelRequest(model=full.model_id, view=m.MODEL_VIEW_BASIC)
        assert connection.models.GetModel(request) == basic
        if full.model_id == "b":
            assert told(full) >= DETAILS
        for name in DETAILS:
            full.ClearField(name)  # type: ignore[arg-type]
        assert full == basic
    assert listed == connection.models.ListModels(m.ListModelsRequest(view=m.MODEL_VIEW_BASIC))


def test_a_view_of_a_newer_contract_is_refused(connection: Connection) -> None:
    for call in (
        lambda: connection.models.ListModels(m.ListModelsRequest(view=9)),  # type: ignore[arg-type]
        lambda: connection.models.GetModel(m.GetModelRequest(model="a", view=9)),  # type: ignore[arg-type]
    ):
        with pytest.raises(grpc.RpcError) as failure:
            call()
        assert refusal_of(failure.value).fields == ["view"]


def test_a_deleted_model_is_gone_for_requests_too(connection: Connection) -> None:
    """Also where it was loaded already."""
    request = r.RetrieveRequest(model="b", query=q.Query(user=q.UserQuery(user_id="u001")))
    assert connection.retrieval.Retrieve(request).model == "b"
    connection.models.DeleteModel(m.DeleteModelRequest(model_id="b"))
    for call in (
        lambda: connection.retrieval.Retrieve(request),
        lambda: connection.models.GetModel(m.GetModelRequest(model="b")),
        lambda: connection.models.DeleteModel(m.DeleteModelRequest(model_id="b")),
    ):
        with pytest.raises(grpc.RpcError) as failure:
            call()
        assert refusal_of(failure.value).reason == "MODEL_NOT_FOUND"


def test_one_name_never_means_a_model_and_an_alias(connection: Connection) -> None:
    """Requests name either in the same field."""
    with pytest.raises(grpc.RpcError) as failure:
        connection.models.SetAlias(m.SetAliasRequest(name="b", model_id="c"))
    assert refusal_of(failure.value).fields == ["name"]
    for fields, reason in (
        ({"model_id": "live"}, "MODEL_EXISTS"),
        ({"model_id": "x", "alias": "x"}, "MODEL_EXISTS"),
        ({"alias": "b"}, "FIELD_INVALID"),
    ):
        with pytest.raises(grpc.RpcError) as failure:
            train(connection, **fields)
        assert refusal_of(failure.value).reason == reason


def test_an_accepted_training_shows_the_choices_of_the_server(connection: Connection) -> None:
    job = train(connection)
    assert job.state == m.JOB_STATE_QUEUED
    assert job.phase == m.JOB_PHASE_UNSPECIFIED
    assert job.seconds_left < 0
    assert job.request.model_id.startswith("wals-")
    assert (job.request.catalog, job.request.alias) == ("default", "live")
    assert job.create_time.ToMilliseconds() > 0
    assert not job.HasField("start_time")
    assert not job.HasField("failure")


def test_a_repeated_request_is_the_same_job(connection: Connection) -> None:
    """A client that lost the answer may ask again."""
    first = train(connection, request_id="once", model_id="x")
    assert train(connection, request_id="once", model_id="x") == first
    with pytest.raises(grpc.RpcError) as failure:
        train(connection, request_id="twice", model_id="x")
    assert refusal_of(failure.value).reason == "MODEL_EXISTS"


def test_jobs_come_newest_first_in_pages_of_one_catalog_or_all(connection: Connection) -> None:
    ids = [train(connection, catalog=name).job_id for name in ("pins", "default", "pins")]
    listed = connection.models.ListTrainingJobs(m.ListTrainingJobsRequest()).jobs
    assert [job.job_id for job in listed] == ids[::-1]
    request = m.ListTrainingJobsRequest(catalog="pins", page_size=1)
    page = connection.models.ListTrainingJobs(request)
    assert [job.job_id for job in page.jobs] == [ids[2]]
    request.page_token = page.next_page_token
    page = connection.models.ListTrainingJobs(request)
    assert [job.job_id for job in page.jobs] == [ids[0]]
    assert not page.next_page_token


def test_a_watch_ends_with_its_job(connection: Connection) -> None:
    job_id = train(connection).job_id
    stream = connection.models.WatchTrainingJob(m.WatchTrainingJobRequest(job_id=job_id))
    assert next(stream).state == m.JOB_STATE_QUEUED
    cancelled = connection.models.CancelTrainingJob(m.CancelTrainingJobRequest(job_id=job_id))
    assert cancelled.state == m.JOB_STATE_CANCELLED
    assert [job.state for job in stream] == [m.JOB_STATE_CANCELLED]
    again = connection.models.WatchTrainingJob(m.WatchTrainingJobRequest(job_id=job_id))
    assert list(again) == [cancelled]


def test_a_watch_that_its_client_left_makes_room(tmp_path: Path) -> None:
    """Clients that vanish must not use the watches up."""
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"]}), tmp_path / "events.parquet")
    with connected(settings_for(tmp_path, watches_max=1)) as connection:
        request = m.WatchTrainingJobRequest(job_id=train(connection).job_id)
        for _ in range(3):
            while True:  # the server notices the cancellation within its polling interval
                stream = connection.models.WatchTrainingJob(request)
                try:
                    assert next(stream).state == m.JOB_STATE_QUEUED
                    break
                except grpc.RpcError as error:
                    if refusal_of(error).reason != "OVERLOADED":
                        raise
            stream.cancel()


def test_a_model_is_measured_on_test_data(connection: Connection) -> None:
    """In a process of its own, which answers in the terms of the contract, errors too."""
    events = pa.table(
        {"user_id": ["u001", "u001", "new", "new"], "item_id": [f"i00{i}" for i in range(4)]}
    )
    pq.write_table(events, connection.folder / "test.parquet")
    source = m.DataSource(uri=str(connection.folder / "test.parquet"))
    request = m.EvaluateModelRequest(
        model="a", test_interactions=m.InteractionSource(source=source), cutoffs=[5]
    )
    found = connection.models.EvaluateModel(request)
    assert found.split == "given"
    assert {ranking.method for ranking in found.rankings} == {"wals", "popularity"}
    assert {metric.cutoff for ranking in found.rankings for metric in ranking.metrics} == {5}
    deciles = [one.decile for one in found.rankings[0].decile_recalls]
    assert deciles == list(range(1, 11))
    assert not found.differences
    request.baseline_model = "b"
    compared = connection.models.EvaluateModel(request)
    assert compared.baseline_model == "b"
    assert {one.cutoff for one in compared.differences} == {5}
    request.baseline_model = "nobody"
    with pytest.raises(grpc.RpcError) as failure:
        connection.models.EvaluateModel(request)
    assert refusal_of(failure.value).reason == "MODEL_NOT_FOUND"
    request.baseline_model = ""
    broken = pa.table({"user_id": ["u"], "item_id": ["i"], "rating": [float("nan")]})
    pq.write_table(broken, connection.folder / "test.parquet")
    with pytest.raises(grpc.RpcError) as failure:
        connection.models.EvaluateModel(request)
    refusal = refusal_of(failure.value)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "DATA_INVALID")
    assert refusal.metadata["column"] == "rating"
