"""The job store: nothing accepted is lost, nothing runs twice, every change is seen."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shortlist.server.domain.job import Failure, JobPhase, JobProgress, JobState
from shortlist.server.errors import FieldInvalid, JobNotFound, ModelExists, Overloaded
from shortlist.server.jobs.store import JobStore
from tests.server.small_contents import small_spec


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite", queue_max=3)


def test_a_job_is_known_to_every_process(tmp_path: Path, store: JobStore) -> None:
    job = store.submit(small_spec(model_id="m1"))
    assert (job.state, job.failure, job.version) == (JobState.QUEUED, None, 1)
    assert job.progress == JobProgress()
    assert JobStore(tmp_path / "jobs.sqlite").get(job.job_id) == job
    with pytest.raises(JobNotFound):
        store.get("none")


def test_a_job_survives_the_death_of_who_accepted_it(tmp_path: Path) -> None:
    """The caller was told that the training is accepted: kill -9 right after must not undo it."""
    program = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from shortlist.server.jobs.store import JobStore\n"
        "from tests.server.small_contents import small_spec\n"
        "store = JobStore(Path(sys.argv[1]))\n"
        "store.submit(small_spec())\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "jobs.sqlite"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, cwd=root)
    (job,), _ = JobStore(path).page(None, 10, "")
    assert job.spec == small_spec()


def earlier_table(path: Path, without: tuple[str, ...] = ()) -> None:
    """Write a job table as commit fe82397 made it: a column for each field of the progress."""
    dump = Path(__file__).with_name("jobs_of_fe82397.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump)
        for name in without:
            connection.execute(f"ALTER TABLE jobs DROP COLUMN {name}")
        connection.execute("PRAGMA journal_mode = WAL")


def columns_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}


def test_a_table_of_an_earlier_version_opens_with_all_it_knew(tmp_path: Path) -> None:
    """Whoever upgrades keeps the queue and the history."""
    earlier_table(tmp_path / "jobs.sqlite")
    store = JobStore(tmp_path / "jobs.sqlite")
    jobs, _ = store.page(None, 10, "")
    of_model = {job.spec.model_id: job for job in jobs}
    assert {name: (job.state.value, job.progress) for name, job in of_model.items()} == {
        "succeeded": ("succeeded", JobProgress(JobPhase.PUBLISHING, event_count=720)),
        "failed": ("failed", JobProgress(JobPhase.TRAINING, 1, 2, 0.1 + 0.2, 720)),
        "cancelled": ("cancelled", JobProgress()),
        "tuning": (
            "running",
            JobProgress(JobPhase.TUNING, 3, 8, 123456.78901234567, 720, 36.125, 2, 4, 1 / 7),
        ),
        "training": ("running", JobProgress(JobPhase.TRAINING, 1, 2, 1 / 3, 720, 2 / 3)),
        "requeued": ("queued", JobProgress()),
        "queued": ("queued", JobProgress()),
    }
    failed, training = of_model["failed"], of_model["training"]
    assert failed.failure is not None
    assert failed.failure.metadata == {"status": "-9"}
    assert (failed.attempt, failed.version, failed.created_ms) == (1, 4, 1795635647841)
    assert store.is_cancel_requested(training.job_id)
    assert store.find_request("request-queued") == of_model["queued"]


def test_an_earlier_table_becomes_like_a_new_one_and_goes_on(tmp_path: Path) -> None:
    JobStore(tmp_path / "new.sqlite").close()
    for without in ((), ("trial", "trial_count", "best_quality")):  # the first had no tuning
        path = tmp_path / f"{len(without)}.sqlite"
        earlier_table(path, without)
        with ThreadPoolExecutor(4) as pool:  # as the processes of a server do
            for store in pool.map(JobStore, [path] * 4):
                store.close()
        assert columns_of(path) == columns_of(tmp_path / "new.sqlite")
        store = JobStore(path)
        assert store.requeue_orphans() == 2
        claimed = store.claim_next()
        assert claimed is not None
        assert claimed.spec.model_id == "tuning"
        store.report(claimed.job_id, JobProgress(JobPhase.READING, event_count=7))
        assert JobStore(path).get(claimed.job_id).progress.event_count == 7


def test_jobs_run_in_order_and_once(store: JobStore) -> None:
    ids = [store.submit(small_spec(model_id=f"m{i}")).job_id for i in range(3)]
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda _: store.claim_next(), range(4)))
    assert sorted(job.job_id for job in claimed if job) == sorted(ids)
    assert claimed.count(None) == 1
    assert {job.state for job in claimed if job} == {JobState.RUNNING}
    assert store.claim_next() is None


def test_the_oldest_job_comes_first(store: JobStore) -> None:
    first = store.submit(small_spec(model_id="m1"))
    store.submit(small_spec(model_id="m2"))
    claimed = store.claim_next()
    assert claimed is not None
    assert claimed.job_id == first.job_id
    assert claimed.started_ms is not None


def test_a_repeated_request_names_the_first_job(store: JobStore) -> None:
    first = store.submit(small_spec(model_id="m1", request_id="r"))
    again = store.submit(small_spec(model_id="m2", request_id="r"))
    assert again == first == store.find_request("r")
    store.request_cancel(first.job_id)
    assert store.submit(small_spec(model_id="m3", request_id="r")).job_id == first.job_id
    assert store.find_request("") is None
    assert store.submit(small_spec(model_id="m4")).job_id != first.job_id


def test_two_open_jobs_never_make_the_same_model(store: JobStore) -> None:
    first = store.submit(small_spec(model_id="m"))
    with pytest.raises(ModelExists) as failure:
        store.submit(small_spec(model_id="m"))
    assert failure.value.metadata["job"] == first.job_id
    store.submit(small_spec(model_id="m", catalog="other"))
    store.request_cancel(first.job_id)
    store.submit(small_spec(model_id="m"))


def test_a_full_queue_takes_no_more(store: JobStore) -> None:
    for i in range(3):
        store.submit(small_spec(model_id=f"m{i}"))
    with pytest.raises(Overloaded) as failure:
        store.submit(small_spec(model_id="m3"))
    assert failure.value.metadata == {"limit": "3"}
    store.claim_next()
    store.submit(small_spec(model_id="m3"))


def test_every_change_grows_the_version(store: JobStore) -> None:
    job = store.submit(small_spec())
    versions = [job.version]
    store.claim_next()
    versions.append(store.get(job.job_id).version)
    progress = JobProgress(JobPhase.TRAINING, 1, 2, 1 / 3, 720, 0.5, 2, 3, 0.25)
    store.report(job.job_id, progress)
    running = store.get(job.job_id)
    assert running.progress == progress
    versions.append(running.version)
    versions.append(store.request_cancel(job.job_id).version)
    assert store.is_cancel_requested(job.job_id)
    versions.append(store.finish(job.job_id, JobState.CANCELLED).version)
    assert versions == sorted(set(versions))


def test_an_ended_job_stays_as_it_is(store: JobStore) -> None:
    job_id = store.submit(small_spec()).job_id
    store.claim_next()
    failure = Failure("DATA_INVALID", "no rows", {"file": "f"})
    ended = store.finish(job_id, JobState.FAILED, failure)
    assert (ended.state, ended.failure) == (JobState.FAILED, failure)
    assert ended.ended_ms is not None
    store.report(job_id, JobProgress(JobPhase.READING))
    store.finish(job_id, JobState.SUCCEEDED)
    assert store.request_cancel(job_id) == store.get(job_id) == ended


def test_cancelling_a_queued_job_ends_it_at_once(store: JobStore) -> None:
    job = store.request_cancel(store.submit(small_spec()).job_id)
    assert job.state is JobState.CANCELLED
    assert store.claim_next() is None
    with pytest.raises(JobNotFound):
        store.request_cancel("none")


def test_an_orphan_is_tried_three_times(store: JobStore) -> None:
    """A crash may be the server's bad luck; a third one is the job's."""
    job_id = store.submit(small_spec()).job_id
    for attempt in (1, 2, 3):
        claimed = store.claim_next()
        assert claimed is not None
        assert claimed.attempt == attempt
        assert store.requeue_orphans() == 1
    ended = store.get(job_id)
    assert ended.state is JobState.FAILED
    assert ended.failure is not None
    assert ended.failure.reason == "TRAINING_DIED"
    assert store.requeue_orphans() == 0


def test_an_orphan_that_was_to_stop_is_cancelled(store: JobStore) -> None:
    job_id = store.submit(small_spec()).job_id
    store.claim_next()
    store.request_cancel(job_id)
    store.requeue_orphans()
    assert store.get(job_id).state is JobState.CANCELLED


def test_pages_show_every_job_once_newest_first(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    ids = []
    for i in range(7):
        spec = small_spec(model_id=f"m{i}", catalog="odd" if i % 2 else "even")
        ids.append(store.submit(spec).job_id)
    found, token = [], ""
    while True:
        jobs, token = store.page(None, 3, token)
        found += [job.job_id for job in jobs]
        if not token:
            break
    assert found == ids[::-1]
    odd, token = store.page("odd", 3, "")
    assert [job.job_id for job in odd] == ids[::-1][1::2]
    assert token == ""
    assert store.page("none", 3, "") == ([], "")
    for bad in ("x", "-1", "0", "9" * 30):
        with pytest.raises(FieldInvalid):
            store.page(None, 3, bad)
