"""The job queue and its processes: one at a time, a death is a failure, a stop is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shortlist.server.config import Settings, with_overrides
from shortlist.server.domain.job import JobState
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.jobs.store import JobStore
from shortlist.server.processes.training_runner import TrainingRunner

ENDLESS = "tests.server.training.endless_training"
AT_ONCE = "this"  # a module of the standard library that prints a poem and ends with 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "jobs.sqlite")
    yield store
    store.close()


def runner(folder: Path, store: JobStore, module: str) -> TrainingRunner:
    return TrainingRunner(with_overrides(Settings(), "data", dir=folder), store, module)


def submit(store: JobStore, model_id: str) -> str:
    spec = TrainingSpec("default", model_id, EventSource("events.parquet"))
    return store.submit(spec).job_id


def test_a_training_that_dies_fails_its_job_and_the_next_one_runs(
    tmp_path: Path, store: JobStore, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody else could say so: the process is gone."""
    trainings = runner(tmp_path, store, AT_ONCE)
    first, second = submit(store, "a"), submit(store, "b")
    while store.get(second).state is not JobState.FAILED:
        trainings.step()
    for job_id in (first, second):
        failure = store.get(job_id).failure
        assert failure is not None
        assert failure.reason == "TRAINING_DIED"
        assert failure.metadata == {"status": "0"}
    started = [store.get(one).started_ms or 0 for one in (first, second)]
    assert started == sorted(started)


def test_trainings_run_one_at_a_time(tmp_path: Path, store: JobStore) -> None:
    """Two would fight for every core and twice the memory."""
    trainings = runner(tmp_path, store, ENDLESS)
    first, second = submit(store, "a"), submit(store, "b")
    for _ in range(3):
        trainings.step()
    assert store.get(first).state is JobState.RUNNING
    assert store.get(second).state is JobState.QUEUED
    trainings.stop()


def test_a_stopped_server_keeps_its_job(tmp_path: Path, store: JobStore) -> None:
    """A restart for an upgrade must not lose an accepted training."""
    trainings = runner(tmp_path, store, ENDLESS)
    job_id = submit(store, "a")
    for _ in range(5):  # more often than a job may lose its process by accident
        trainings.step()
        assert store.get(job_id).state is JobState.RUNNING
        trainings.stop()
        assert store.get(job_id).state is JobState.QUEUED
    trainings.stop()  # nothing runs any more: harmless


def test_a_job_that_was_to_stop_anyway_is_cancelled(tmp_path: Path, store: JobStore) -> None:
    trainings = runner(tmp_path, store, ENDLESS)
    job_id = submit(store, "a")
    trainings.step()
    store.request_cancel(job_id)
    trainings.stop()
    assert store.get(job_id).state is JobState.CANCELLED
