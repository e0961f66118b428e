"""Both clients tell inspect, help() and mypy every setting of every call."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, assert_type

import pytest

from shortlist.client import (
    AsyncShortlist,
    DataSource,
    EarlyStopping,
    EvaluationSpec,
    ExportProgress,
    ModelPage,
    Preparation,
    Shortlist,
    TrainingJob,
    Tuning,
    UserSource,
    Wals,
)
from shortlist.v1 import model_service_pb2 as models_pb2
from tests.recorded_server import recorded_server

CLIENTS = [Shortlist, AsyncShortlist]
DONE = models_pb2.TrainingJob(job_id="j", state=models_pb2.JOB_STATE_SUCCEEDED)


def methods(client: type) -> dict[str, Callable[..., Any]]:
    return {name: f for name, f in vars(client).items() if inspect.isroutine(f) and name[0] != "_"}


@pytest.mark.parametrize(
    ("client", "name"), [(client, name) for client in CLIENTS for name in methods(client)]
)
def test_a_method_shows_each_of_its_settings(client: type, name: str) -> None:
    """`*args, **kwargs` would tell neither an editor nor mypy what can be set."""
    signature = inspect.signature(getattr(client, name))
    itself, *settings = signature.parameters.values()
    assert itself.name == "self"
    for setting in settings:
        assert setting.kind not in {setting.VAR_POSITIONAL, setting.VAR_KEYWORD}, setting
        assert setting.annotation not in {setting.empty, Any}, setting
    assert signature.return_annotation is not signature.empty
    assert "Call[" not in str(signature.return_annotation), "what comes back, not what is sent"


@pytest.mark.parametrize(
    ("name", "waited", "awaited"),
    [
        ("models", ModelPage, Coroutine[Any, Any, ModelPage]),
        ("train", TrainingJob, Coroutine[Any, Any, TrainingJob]),
        ("watch", Iterator[TrainingJob], AsyncIterator[TrainingJob]),
        ("export_candidates", Iterator[ExportProgress], AsyncIterator[ExportProgress]),
    ],
)
def test_a_method_shows_what_it_returns(name: str, waited: object, awaited: object) -> None:
    assert inspect.signature(getattr(Shortlist, name)).return_annotation == waited
    assert inspect.signature(getattr(AsyncShortlist, name)).return_annotation == awaited


def test_both_clients_take_the_same_settings() -> None:
    assert methods(Shortlist).keys() == methods(AsyncShortlist).keys()
    for name, method in methods(Shortlist).items():
        other = inspect.signature(methods(AsyncShortlist)[name])
        assert inspect.signature(method).parameters == other.parameters


def test_a_bound_method_keeps_its_first_setting() -> None:
    """A signature without `self` would lose a setting to it."""
    with Shortlist("localhost:1") as shortlist:
        assert next(iter(inspect.signature(shortlist.watch).parameters)) == "job_id"


def test_train_sends_all_that_start_training_sends() -> None:
    """Its settings are listed a second time, beside `progress`; none may be lost on the way."""
    settings: dict[str, Any] = {
        "interactions": "events.csv",
        "items": "items.csv",
        "algorithm": Wals(dim=8),
        "users": UserSource(DataSource("users.csv")),
        "preparation": Preparation(value_min=1.0),
        "evaluation": EvaluationSpec(seed=3),
        "model_id": "m",
        "alias": "live",
        "keep_aliases": True,
        "request_id": "r",
        "target_recall": 0.5,
        "index": "exact",
        "early_stopping": EarlyStopping(),
        "tuning": Tuning(trials=2),
        "warm_start_model": "w",
        "catalog": "pins",
    }
    starting = inspect.signature(Shortlist.start_training).parameters
    training = inspect.signature(Shortlist.train).parameters
    assert starting.keys() - {"self"} == settings.keys()
    assert {**starting, "progress": training["progress"]} == training
    with recorded_server() as recorded:
        recorded.will_answer("Train", DONE)
        recorded.will_answer("WatchTrainingJob", [DONE])
        with Shortlist(recorded.target) as shortlist:
            shortlist.start_training(**settings)
            shortlist.train(**settings, progress=False)
        started, trained = recorded.asked("Train")
    assert started == trained
    fields = {field.name for field, _ in trained.ListFields()}
    assert fields >= settings.keys() - {"algorithm"} | {"wals"}


def test_mypy_knows_what_each_kind_of_call_returns() -> None:
    """`assert_type` is checked by ./dev lint and does nothing here."""
    with recorded_server() as recorded:
        recorded.will_answer("Train", DONE)
        recorded.will_answer("WatchTrainingJob", [DONE])
        recorded.will_answer("ExportCandidates", [models_pb2.ExportProgress()])
        with Shortlist(recorded.target) as shortlist:
            job = shortlist.train("events.csv", algorithm=Wals(), progress=False)
            exported = next(shortlist.export_candidates())
        assert_type(job, TrainingJob)
        assert_type(exported, ExportProgress)

        async def train() -> list[TrainingJob]:
            async with AsyncShortlist(recorded.target) as shortlist:
                job = await shortlist.train("events.csv", algorithm=Wals(), progress=False)
                assert_type(job, TrainingJob)
                states = [state async for state in shortlist.watch("j")]
                assert_type(states, list[TrainingJob])
                return [job, *states]

        assert {job.state for job in asyncio.run(train())} == {"succeeded"}


def test_a_wrong_setting_is_an_error_here_and_for_mypy() -> None:
    """An ignored error that is none fails ./dev lint, so mypy must see each of these."""
    with Shortlist("localhost:1") as shortlist:
        with pytest.raises(TypeError, match="dim"):
            shortlist.train("events.csv", dim=8)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="interactions"):
            shortlist.train()  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="top"):
            shortlist.export_candidates("users", top=8)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="usr"):
            shortlist.retrieve(usr="1")  # type: ignore[call-arg]

    async def ask() -> None:
        async with AsyncShortlist("localhost:1") as shortlist:
            with pytest.raises(TypeError, match="dim"):
                await shortlist.train("events.csv", dim=8)  # type: ignore[call-arg]
            with pytest.raises(TypeError, match="top"):
                shortlist.export_candidates(top=8)  # type: ignore[call-arg]

    asyncio.run(ask())
