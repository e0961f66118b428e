"""Both clients against a real socket: what is sent, what comes out, what is tried again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import numpy as np
import pytest

from shortlist.client import (
    AsyncShortlist,
    Freshness,
    GeoBox,
    GeoRadius,
    NotFound,
    Popularity,
    Query,
    Reason,
    Retrieval,
    ServerInfo,
    Shortlist,
    ShortlistClientError,
    TimeWindow,
    TrainingFailed,
    Wals,
)
from shortlist.v1 import model_service_pb2 as models_pb2
from shortlist.v1 import query_pb2
from shortlist.v1 import retrieval_service_pb2 as pb2
from shortlist.v1 import server_service_pb2 as server_pb2
from tests.client.training_jobs import FAST, job
from tests.recorded_server import SERVICES, RecordedServer, refusal

Code = grpc.StatusCode
REPLY = pb2.RetrieveResponse(
    item_ids=["a", "b"],
    scores=[2.0, 1.0],
    model="m",
    origin=query_pb2.ORIGIN_FOLDED_IN,
    missing_ids=["x"],
    search=pb2.SearchReport(mode=pb2.SEARCH_MODE_EXACT, eligible_items=9, scored_items=9),
)


def test_candidates_come_out_as_lists_and_arrays(recorded: RecordedServer) -> None:
    recorded.will_answer("Retrieve", REPLY)
    with Shortlist(recorded.target, catalog="pins") as shortlist:
        found = shortlist.retrieve(user="42", history=["a", ("b", -1.0)], count=2, mode="exact")
    assert list(found) == [("a", 2.0), ("b", 1.0)]
    assert found.scores.dtype == np.float32
    assert (found.origin, found.search.mode, found.missing_ids) == ("folded_in", "exact", ["x"])
    (sent,) = recorded.asked("Retrieve")
    assert sent.catalog == "pins"
    assert sent.mode == pb2.SEARCH_MODE_EXACT
    history = sent.query.user.history
    assert [(e.item_id, e.HasField("value"), e.value) for e in history] == [
        ("a", False, 0.0),
        ("b", True, -1.0),
    ]


def test_reasons_come_out_a_candidate_each(recorded: RecordedServer) -> None:
    whole = pb2.RetrieveResponse()
    whole.CopyFrom(REPLY)
    because = [
        pb2.Contribution(item_id="h", amount=1.5),
        pb2.Contribution(item_id="g", amount=-0.5),
    ]
    whole.reasons.extend([pb2.Reason(contributions=because, remainder=1.0), pb2.Reason()])
    recorded.will_answer("Retrieve", whole)
    with Shortlist(recorded.target) as shortlist:
        found = shortlist.retrieve(user="42", explain=True, contributions_max=2)
    assert found.reasons[0] == Reason((("h", 1.5), ("g", -0.5)), 1.0)
    assert found.reasons[1] == Reason((), 0.0)
    (sent,) = recorded.asked("Retrieve")
    assert (sent.explain, sent.contributions_max) == (True, 2)


def test_restrictions_are_sent_as_the_contract_has_them(recorded: RecordedServer) -> None:
    recorded.will_answer("Retrieve", REPLY)
    with Shortlist(recorded.target) as shortlist:
        shortlist.retrieve(
            user="42",
            filter="a = 1",
            within=GeoRadius(1.0, 2.0, 3.0, latitude_attribute="x"),
            box=GeoBox(1.0, 2.0, 3.0, 4.0, longitude_attribute="y"),
            window=TimeWindow(
                datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), attribute="z"
            ),
            freshness=Freshness(timedelta(hours=1), 0.5),
        )
    (sent,) = recorded.asked("Retrieve")
    place = pb2.GeoRadius(latitude=1, longitude=2, radius_m=3, latitude_attribute="x")
    assert (sent.filter, sent.within) == ("a = 1", place)
    assert sent.box == pb2.GeoBox(south=1, west=2, north=3, east=4, longitude_attribute="y")
    assert sent.window.after == sent.window.before
    assert sent.window.after.seconds == 1_767_312_000
    assert not sent.window.HasField("age_max")
    assert (sent.freshness.half_life.seconds, sent.freshness.weight) == (3600, 0.5)


def test_similar_users_come_out_with_their_cosines(recorded: RecordedServer) -> None:
    reply = pb2.SimilarUsersResponse(
        user_ids=["u", "v"], scores=[0.5, -0.25], model="m", origin=query_pb2.ORIGIN_STORED
    )
    recorded.will_answer("SimilarUsers", reply)
    with Shortlist(recorded.target, catalog="pins") as shortlist:
        found = shortlist.similar_users("42", history=["a"], count=2, exclude=["w"])
        with pytest.raises(TypeError, match="exclude"):
            shortlist.similar_users("42", exclude="w")
    assert list(found) == [("u", 0.5), ("v", -0.25)]
    assert (found.model, found.origin, len(found)) == ("m", "stored", 2)
    (sent,) = recorded.asked("SimilarUsers")
    assert (sent.catalog, sent.user.user_id, sent.count) == ("pins", "42", 2)
    assert list(sent.exclude_user_ids) == ["w"]


def test_models_come_in_the_view_that_is_asked_for(recorded: RecordedServer) -> None:
    """What a list leaves out is None or empty; a misspelt view is refused here."""
    basic = models_pb2.Model(model_id="a", algorithm="wals", dim=4)
    recorded.will_answer("ListModels", models_pb2.ListModelsResponse(models=[basic]))
    recorded.will_answer("GetModel", basic)
    with Shortlist(recorded.target) as shortlist:
        (model,) = shortlist.models().models
        assert shortlist.model("a", view="basic") == model
        shortlist.models(view="full")
        with pytest.raises(ValueError, match="'basic', 'full'"):
            shortlist.models(view="whole")
    assert (model.model_id, model.algorithm, model.dim) == ("a", "wals", 4)
    assert (model.request, model.evaluation, model.index) == (None, None, None)
    assert (model.losses, model.trials) == ((), ())
    views = [models_pb2.MODEL_VIEW_UNSPECIFIED, models_pb2.MODEL_VIEW_FULL]
    assert [sent.view for sent in recorded.asked("ListModels")] == views
    assert [sent.view for sent in recorded.asked("GetModel")] == [models_pb2.MODEL_VIEW_BASIC]


def test_both_clients_say_what_the_server_is(recorded: RecordedServer) -> None:
    info = server_pb2.ServerInfo(version="1.2", contract_revision=7, algorithms=["wals", "sgd"])
    recorded.will_answer("GetServerInfo", info)
    with Shortlist(recorded.target, catalog="pins") as shortlist:
        found = shortlist.server_info()
    assert found == ServerInfo("1.2", "", 7, ("wals", "sgd"), ())

    async def ask() -> ServerInfo:
        async with AsyncShortlist(recorded.target) as shortlist:
            return await shortlist.server_info()

    assert asyncio.run(ask()) == found


def test_asyncio_gives_the_same(recorded: RecordedServer) -> None:
    recorded.will_answer("Retrieve", refusal(Code.UNAVAILABLE), REPLY)

    async def ask() -> list[tuple[str, float]]:
        async with AsyncShortlist(recorded.target, retries=FAST) as shortlist:
            return list(await shortlist.retrieve(items=["a"]))

    assert asyncio.run(ask()) == [("a", 2.0), ("b", 1.0)]
    assert len(recorded.asked("Retrieve")) == 2


@pytest.mark.parametrize("client", [Shortlist, AsyncShortlist])
def test_every_rpc_of_the_contract_has_a_method(client: type) -> None:
    """The names may be friendlier than the wire's; none may be missing."""
    friendly = {
        "Train": "start_training", "WatchTrainingJob": "watch", "GetTrainingJob": "training_job",
        "ListTrainingJobs": "training_jobs", "CancelTrainingJob": "cancel_training",
        "GetModel": "model", "ListModels": "models", "DeleteModel": "delete_model",
        "EvaluateModel": "evaluate", "SetAlias": "set_alias", "ListAliases": "aliases",
        "Embed": "embed", "Retrieve": "retrieve", "BatchRetrieve": "retrieve_batch",
        "SimilarUsers": "similar_users", "ExportCandidates": "export_candidates",
        "ExportIndex": "export_index",
            "HideItems": "hide_items", "ShowItems": "show_items", "DeleteItems": "delete_items",
            "ListHiddenItems": "hidden_items", "GetServerInfo": "server_info",
    }  # fmt: skip
    methods = [method.name for service in SERVICES.values() for method in service.methods]
    assert sorted(methods) == sorted(friendly)
    for method in methods:
        assert callable(getattr(client, friendly[method]))
        assert getattr(client, friendly[method]).__doc__


def test_a_batch_has_candidates_and_errors_side_by_side(recorded: RecordedServer) -> None:
    failed = pb2.EntryError(code=5, reason="MODEL_NOT_FOUND", message="no model")
    entries = [pb2.BatchRetrieveEntry(response=REPLY), pb2.BatchRetrieveEntry(error=failed)]
    recorded.will_answer("BatchRetrieve", pb2.BatchRetrieveResponse(entries=entries))
    with Shortlist(recorded.target, catalog="pins") as shortlist:
        requests = [Retrieval(Query(user="1")), Retrieval(Query(items=["a"]), catalog="boards")]
        first, second = shortlist.retrieve_batch(requests)
    assert not isinstance(first, ShortlistClientError)
    assert first.item_ids == ["a", "b"]
    assert isinstance(second, NotFound)
    assert second.reason == "MODEL_NOT_FOUND"
    (sent,) = recorded.asked("BatchRetrieve")
    assert [request.catalog for request in sent.requests] == ["pins", "boards"]


def test_embeddings_come_out_as_one_array(recorded: RecordedServer) -> None:
    stored = pb2.EmbeddedQuery(values=[1.0, 2.0], origin=query_pb2.ORIGIN_STORED)
    nobody = pb2.EmbeddedQuery(origin=query_pb2.ORIGIN_POPULARITY, missing_ids=["x"])
    recorded.will_answer("Embed", pb2.EmbedResponse(model="m", embeddings=[stored, nobody]))
    with Shortlist(recorded.target) as shortlist:
        found = shortlist.embed(users=["1", "x"])
    np.testing.assert_array_equal(found.vectors, [[1.0, 2.0], [np.nan, np.nan]])
    assert found.origins == ["stored", "popularity"]
    assert found.missing_ids == [[], ["x"]]


def test_training_shows_every_state_and_returns_the_last(recorded: RecordedServer) -> None:
    running = job(models_pb2.JOB_STATE_RUNNING, phase=models_pb2.JOB_PHASE_TRAINING, epoch=1)
    done = job(models_pb2.JOB_STATE_SUCCEEDED)
    recorded.will_answer("Train", job(models_pb2.JOB_STATE_QUEUED))
    recorded.will_answer("WatchTrainingJob", [running, done])
    seen: list[str] = []
    with Shortlist(recorded.target) as shortlist:
        ended = shortlist.train(
            "events.csv", algorithm=Wals(dim=8), progress=lambda job: seen.append(job.state)
        )
    assert seen == ["running", "succeeded"]
    assert ended.state == "succeeded"
    (sent,) = recorded.asked("Train")
    assert sent.interactions.source.uri == "events.csv"
    assert sent.wals.dim == 8
    assert not sent.wals.HasField("unobserved_weight")
    assert sent.request_id, "the client makes a retry safe by itself"


def test_a_failed_training_raises_what_the_job_says(recorded: RecordedServer) -> None:
    failure = models_pb2.JobFailure(reason="DATA_INVALID", message="row 3", metadata={"row": "3"})
    recorded.will_answer("Train", job(models_pb2.JOB_STATE_QUEUED))
    recorded.will_answer("WatchTrainingJob", [job(models_pb2.JOB_STATE_FAILED, failure=failure)])

    async def train() -> None:
        async with AsyncShortlist(recorded.target) as shortlist:
            await shortlist.train("events.csv", algorithm=Popularity(), progress=False)

    with pytest.raises(TrainingFailed, match="row 3") as caught:
        asyncio.run(train())
    assert caught.value.reason == "DATA_INVALID"
    assert caught.value.metadata == {"row": "3"}
    assert caught.value.job.job_id == "j"


@pytest.mark.parametrize(
    "query", [{}, {"user": "1", "items": ["a"]}, {"embedding": [1.0], "history": ["a"]}]
)
def test_a_query_without_exactly_one_target_is_refused_here(query: dict[str, Any]) -> None:
    with Shortlist("localhost:1") as shortlist, pytest.raises(ValueError, match="a query is one"):
        shortlist.retrieve(**query)


def test_a_text_where_a_list_belongs_is_refused_here() -> None:
    """It would be taken letter by letter."""
    with Shortlist("localhost:1") as shortlist, pytest.raises(TypeError, match="history"):
        shortlist.retrieve(history="318")


def test_an_unknown_enum_text_names_the_known_ones() -> None:
    with Shortlist("localhost:1") as shortlist, pytest.raises(ValueError, match="approximate"):
        shortlist.retrieve(user="1", mode="fast")
