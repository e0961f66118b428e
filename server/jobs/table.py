"""Jobs as rows of the SQLite table; store.py holds the transactions around these."""

import json
import sqlite3
import time
from dataclasses import fields, replace

from shortlist.server.domain.job import Failure, Job, JobProgress, JobState
from shortlist.server.domain.training import TrainingSpec, spec_from_json, spec_to_json
from shortlist.server.errors import JobNotFound, ModelExists, Overloaded
from shortlist.server.storage.plain import from_plain, to_plain

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    catalog TEXT NOT NULL,
    model_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    progress TEXT,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms INTEGER,
    failure TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    cancel_requested INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_request ON jobs (request_id) WHERE request_id <> '';
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, number);
CREATE INDEX IF NOT EXISTS jobs_catalog ON jobs (catalog, number);
"""

# Earlier tables have a column for each field of the progress, the first ones not yet for all.
_PROGRESS_COLUMNS = tuple(field.name for field in fields(JobProgress))


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the table, or bring one of an earlier version up to date."""
    connection.executescript(SCHEMA)
    connection.execute("BEGIN IMMEDIATE")  # one process migrates, others find it done
    try:
        names = {row["name"] for row in connection.execute("PRAGMA table_info(jobs)")}
        if "progress" not in names:
            _join_progress(connection, [name for name in _PROGRESS_COLUMNS if name in names])
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _join_progress(connection: sqlite3.Connection, names: list[str]) -> None:
    """Put the columns of a progress into one."""
    connection.execute("ALTER TABLE jobs ADD COLUMN progress TEXT")
    jobs = connection.execute("SELECT * FROM jobs WHERE phase IS NOT NULL").fetchall()
    for job in jobs:
        progress = from_plain(JobProgress, {name: job[name] for name in names})
        connection.execute(
            "UPDATE jobs SET progress = ? WHERE number = ?", (_json_of(progress), job["number"])
        )
    for name in names:
        connection.execute(f"ALTER TABLE jobs DROP COLUMN {name}")


def now_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def insert_job(connection: sqlite3.Connection, job_id: str, spec: TrainingSpec) -> None:
    """Add a queued job."""
    names = (job_id, spec.catalog, spec.model_id, spec.request_id)
    connection.execute(
        "INSERT INTO jobs (job_id, catalog, model_id, request_id, spec, state, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*names, json.dumps(spec_to_json(spec)), JobState.QUEUED, now_ms()),
    )


def check_room(connection: sqlite3.Connection, spec: TrainingSpec, queue_max: int) -> None:
    """Raise ModelExists when an open job makes the same model, Overloaded for a full queue."""
    taken = connection.execute(
        "SELECT job_id FROM jobs WHERE catalog = ? AND model_id = ? AND state IN (?, ?)",
        (spec.catalog, spec.model_id, JobState.QUEUED, JobState.RUNNING),
    ).fetchone()
    if taken is not None:
        problem = f"job {taken['job_id']} is making model {spec.model_id} already"
        raise ModelExists(problem, catalog=spec.catalog, model=spec.model_id, job=taken["job_id"])
    count = connection.execute("SELECT count(*) FROM jobs WHERE state = ?", (JobState.QUEUED,))
    (queued,) = count.fetchone()
    if queued >= queue_max:
        raise Overloaded(f"{queued} trainings are queued, which is the limit", limit=queue_max)


def row_by_id(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    """Return the row of a job. Raises JobNotFound."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE job_id = ?", (job_id,)
    ).fetchone()
    if row is None:
        raise JobNotFound(f"no job {job_id}", job=job_id)
    return row


def job_by_id(connection: sqlite3.Connection, job_id: str) -> Job:
    """Return a job. Raises JobNotFound."""
    return job_of(row_by_id(connection, job_id))


def job_by_request(connection: sqlite3.Connection, request_id: str) -> Job | None:
    """Return the job that a request made, None where none did or the id is empty."""
    row = connection.execute(
        "SELECT * FROM jobs WHERE request_id = ? AND request_id <> ''", (request_id,)
    ).fetchone()
    return None if row is None else job_of(row)


def end_job(
    connection: sqlite3.Connection, job_id: str, state: JobState, failure: Failure | None
) -> None:
    """Write how a job ended."""
    progress = replace(_progress_of(row_by_id(connection, job_id)), seconds_left=-1.0)
    update_job(
        connection,
        job_id,
        state=state,
        progress=_json_of(progress),
        failure=failure and _json_of(failure),
        ended_ms=now_ms(),
    )


def requeue_job(connection: sqlite3.Connection, job_id: str) -> None:
    """Make a job wait again, its progress forgotten."""
    update_job(connection, job_id, state=JobState.QUEUED, progress=None, started_ms=None)


def report_progress(connection: sqlite3.Connection, job_id: str, progress: JobProgress) -> None:
    """Write how far a running job is; a job in another state stays as it is."""
    connection.execute(
        "UPDATE jobs SET progress = ?, version = version + 1 WHERE job_id = ? AND state = ?",
        (_json_of(progress), job_id, JobState.RUNNING),
    )


def update_job(connection: sqlite3.Connection, job_id: str, **changes: object) -> None:
    """Change columns of a job; its version grows."""
    names = ", ".join(f"{name} = ?" for name in changes)
    connection.execute(
        f"UPDATE jobs SET {names}, version = version + 1 WHERE job_id = ?",
        (*changes.values(), job_id),
    )


def job_of(row: sqlite3.Row) -> Job:
    """Return the job of a row."""
    failure = row["failure"]
    return Job(
        job_id=row["job_id"],
        spec=spec_from_json(json.loads(row["spec"])),
        state=JobState(row["state"]),
        progress=_progress_of(row),
        created_ms=row["created_ms"],
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"],
        failure=from_plain(Failure, json.loads(failure)) if failure else None,
        attempt=row["attempt"],
        version=row["version"],
    )


def _progress_of(row: sqlite3.Row) -> JobProgress:
    text = row["progress"]
    return from_plain(JobProgress, json.loads(text)) if text else JobProgress()


def _json_of(value: JobProgress | Failure) -> str:
    return json.dumps(to_plain(value))
