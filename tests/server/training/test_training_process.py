"""The training process: it ends its job itself, and its death at any moment harms nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.job import Job, JobState
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec
from shortlist.server.jobs.store import JobStore
from shortlist.server.storage.plain import from_plain, to_plain
from shortlist.server.training import __main__ as process
from tests.server.small_contents import small_spec, write_events


def submitted(folder: Path, spec: TrainingSpec) -> tuple[JobStore, Job]:
    """Return the store and the job, RUNNING."""
    store = JobStore(folder / "jobs.sqlite")
    store.submit(spec)
    job = store.claim_next()
    assert job is not None
    return store, job


def run(folder: Path, job: Job, *arguments: str) -> int:
    return process.main(["--data-dir", str(folder), "--job", job.job_id, *arguments])


def test_a_job_ends_with_a_published_model(tmp_path: Path) -> None:
    spec = small_spec(write_events(tmp_path / "events.parquet"))
    store, job = submitted(tmp_path, spec)
    command = [sys.executable, "-m", "shortlist.server.training", "--data-dir", str(tmp_path)]
    subprocess.run([*command, "--job", job.job_id], check=True)
    ended = store.get(job.job_id)
    assert (ended.state, ended.failure) == (JobState.SUCCEEDED, None)
    assert ended.progress.event_count == 720
    assert Catalogs(tmp_path).catalog("default").resolve("live") == "m1"
    assert "published" in (tmp_path / "logs" / f"{job.job_id}.log").read_text()


def test_a_failure_is_recorded_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("user,item,rating\na,x,1\nb,y,much\n")
    store, job = submitted(tmp_path, small_spec(tmp_path / "events.csv"))
    assert run(tmp_path, job) == 0
    failure = store.get(job.job_id).failure
    assert failure is not None
    assert failure.reason == "DATA_INVALID"
    assert failure.metadata["column"] == "rating"
    assert failure.metadata["row"] == "2"


def test_a_file_outside_the_roots_fails_the_job(tmp_path: Path) -> None:
    spec = small_spec(write_events(tmp_path / "events.parquet"))
    store, job = submitted(tmp_path, spec)
    run(tmp_path, job, "--data-root", str(tmp_path / "elsewhere"))
    failure = store.get(job.job_id).failure
    assert failure is not None
    assert failure.reason == "PATH_NOT_ALLOWED"


def test_a_bug_is_told_to_the_log_alone(tmp_path: Path) -> None:
    """Here a plain file stands where the catalogs should be: nothing that a caller could mend."""
    spec = small_spec(write_events(tmp_path / "events.parquet"))
    store, job = submitted(tmp_path, spec)
    (tmp_path / "catalogs").write_text("")
    run(tmp_path, job)
    ended = store.get(job.job_id)
    assert ended.state is JobState.FAILED
    assert ended.failure is not None
    assert ended.failure.reason == "BUG"
    assert str(tmp_path) not in ended.failure.message


def test_a_cancelled_job_says_so(tmp_path: Path) -> None:
    spec = small_spec(write_events(tmp_path / "events.parquet"))
    store, job = submitted(tmp_path, spec)
    store.request_cancel(job.job_id)
    assert run(tmp_path, job) == 0
    assert store.get(job.job_id).state is JobState.CANCELLED
    assert Catalogs(tmp_path).catalog("default").model_ids() == []


def test_a_job_that_was_not_claimed_is_left_alone(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    job = store.submit(small_spec())
    assert run(tmp_path, job) == 2
    assert store.get(job.job_id) == job


def moments(folder: Path, job_id: str, child: "subprocess.Popen[bytes]") -> Iterator[object]:
    """Yield whenever the job or the files of the models have changed, until the child has ended."""
    store = JobStore(folder / "jobs.sqlite")
    seen: object = store.get(job_id).version, sorted((folder / "catalogs").rglob("*"))
    while child.poll() is None:
        try:
            found = store.get(job_id).version, sorted((folder / "catalogs").rglob("*"))
        except FileNotFoundError:  # a folder was renamed while it was being listed
            continue
        if found != seen:
            seen = found
            yield found


def test_kill_at_any_moment_leaves_the_old_model_whole(tmp_path: Path) -> None:
    """Each run is killed at a later visible change than the one before; the last one gets through.

    After each kill the catalog holds the old model, or the whole new one, and nothing between; and
    the next run starts from whatever mess the last one left.
    """
    catalogs = Catalogs(tmp_path)
    catalog = catalogs.catalog("default")
    events = write_events(tmp_path / "events.parquet")
    store, job = submitted(tmp_path, small_spec(events, "old"))
    run(tmp_path, job)
    killed_in = set()
    for moment in range(1, 100, 2):
        store, job = submitted(tmp_path, small_spec(events, f"new-{moment}"))
        command = [sys.executable, "-m", "shortlist.server.training"]
        command += ["--data-dir", str(tmp_path), "--job", job.job_id, "--threads", "1"]
        before = catalog.resolve("live")
        with subprocess.Popen(command) as child:
            for count, _ in enumerate(moments(tmp_path, job.job_id, child), start=1):
                if count == moment:
                    child.kill()
                    killed_in.add(store.get(job.job_id).progress.phase)
                    break
        assert catalog.resolve("live") in (before, job.spec.model_id)
        for published in catalog.model_ids():
            assert open_artifact(catalog.model_path(published)).manifest.model_id == published
        if child.returncode == 0:
            break
        store.request_cancel(job.job_id)
        store.requeue_orphans()
    assert catalog.resolve("live") == job.spec.model_id, "no run got to its end"
    assert len(killed_in) >= 3
    catalogs.sweep()
    names = [path.name for path in catalog.model_path("old").parent.iterdir()]
    assert sorted(names) == sorted(catalog.model_ids())


def test_a_killed_job_is_taken_up_again(tmp_path: Path) -> None:
    spec = small_spec(write_events(tmp_path / "events.parquet"), algorithm=WalsParams(epochs=200))
    store, job = submitted(tmp_path, spec)
    command = [sys.executable, "-m", "shortlist.server.training", "--data-dir", str(tmp_path)]
    with subprocess.Popen([*command, "--job", job.job_id]) as child:
        next(moments(tmp_path, job.job_id, child))
        child.kill()
    assert store.requeue_orphans() == 1
    again = store.claim_next()
    assert again is not None
    assert (again.job_id, again.attempt) == (job.job_id, 2)
    run(tmp_path, again)
    assert store.get(job.job_id).state is JobState.SUCCEEDED


def test_a_published_model_is_measured_in_a_process(tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.parquet")
    test = EventSource(str(write_events(tmp_path / "test.parquet", seed=1)))
    evaluation = EvaluationSpec("given", cutoffs=(5, 10), test_interactions=test)
    _, job = submitted(tmp_path, small_spec(events, evaluation=evaluation))
    run(tmp_path, job)
    command = [sys.executable, "-m", "shortlist.server.evaluation.__main__"]
    command += ["--data-dir", str(tmp_path), "--catalog", "default", "--model", "live"]
    command += ["--cutoffs", "5,10", "--threads", "1"]

    def measured(source: EventSource) -> dict[str, object]:
        text = json.dumps(to_plain(source))
        ended = subprocess.run([*command, "--source", text], check=True, capture_output=True)
        found: dict[str, object] = json.loads(ended.stdout)
        return found

    found = from_plain(Evaluation, measured(test)["evaluation"])
    assert (
        found
        == open_artifact(Catalogs(tmp_path).catalog("default").model_path("m1")).manifest.evaluation
    )
    failure = measured(EventSource(str(tmp_path / "none.parquet")))["failure"]
    assert isinstance(failure, dict)
    assert failure["reason"] == "DATA_INVALID"
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(command, check=True, capture_output=True)  # no --source
