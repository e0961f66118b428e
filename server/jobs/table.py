"""Jobs as rows of the SQLite table; jobs.py holds the transactions around these."""

import json
import sqlite3
import time

from shortlist.server.domain.job import Failure, Job, JobPhase, JobState
from shortlist.server.domain.left_out import LeftOutRows
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
    phase TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    epoch_count INTEGER NOT NULL DEFAULT 0,
    loss REAL NOT NULL DEFAULT 0,
    event_count INTEGER NOT NULL DEFAULT 0,
    seconds_left REAL NOT NULL DEFAULT -1,
    trial INTEGER NOT NULL DEFAULT 0,
    trial_count INTEGER NOT NULL DEFAULT 0,
    best_quality REAL NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms INTEGER,
    failure TEXT,
    left_out TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    cancel_requested INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_request ON jobs (request_id) WHERE request_id <> '';
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, number);
CREATE INDEX IF NOT EXISTS jobs_catalog ON jobs (catalog, number);
"""


# Columns that tables made by earlier versions lack.
ADDED = {
    "trial": "INTEGER NOT NULL DEFAULT 0",
    "trial_count": "INTEGER NOT NULL DEFAULT 0",
    "best_quality": "REAL NOT NULL DEFAULT 0",
    "left_out": "TEXT",
}


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, or add to them what is new."""
    connection.executescript(SCHEMA)
    connection.execute("BEGIN IMMEDIATE")  # one process adds, others find it added
    found = {row["name"] for row in connection.execute("PRAGMA table_info(jobs)")}
    for name, kind in ADDED.items():
        if name not in found:
            connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
    connection.commit()


def now_ms() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def insert_job(rows: sqlite3.Connection, job_id: str, spec: TrainingSpec) -> None:
    """Add a queued job."""
    given = (job_id, spec.catalog, spec.model_id, spec.request_id)
    rows.execute(
        "INSERT INTO jobs (job_id, catalog, model_id, request_id, spec, state, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*given, json.dumps(spec_to_json(spec)), JobState.QUEUED, now_ms()),
    )


def check_room(rows: sqlite3.Connection, spec: TrainingSpec, queue_max: int) -> None:
    """Raise ModelExists when an open job makes the same model, Overloaded for a full queue."""
    taken = rows.execute(
        "SELECT job_id FROM jobs WHERE catalog = ? AND model_id = ? AND state IN (?, ?)",
        (spec.catalog, spec.model_id, JobState.QUEUED, JobState.RUNNING),
    ).fetchone()
    if taken is not None:
        problem = f"job {taken['job_id']} is making model {spec.model_id} already"
        raise ModelExists(problem, catalog=spec.catalog, model=spec.model_id, job=taken["job_id"])
    count = rows.execute("SELECT count(*) FROM jobs WHERE state = ?", (JobState.QUEUED,))
    (queued,) = count.fetchone()
    if queued >= queue_max:
        raise Overloaded(f"{queued} trainings are queued, which is the limit", limit=queue_max)


def row_by_id(rows: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    """Return the row of a job. Raises JobNotFound."""
    found: sqlite3.Row | None = rows.execute(
        "SELECT * FROM jobs WHERE job_id = ?", (job_id,)
    ).fetchone()
    if found is None:
        raise JobNotFound(f"no job {job_id}", job=job_id)
    return found


def job_by_id(rows: sqlite3.Connection, job_id: str) -> Job:
    """Return a job. Raises JobNotFound."""
    return job_of(row_by_id(rows, job_id))


def job_by_request(rows: sqlite3.Connection, request_id: str) -> Job | None:
    """Return the job that a request made, None where none did or the id is empty."""
    found = rows.execute(
        "SELECT * FROM jobs WHERE request_id = ? AND request_id <> ''", (request_id,)
    ).fetchone()
    return None if found is None else job_of(found)


def end_job(
    rows: sqlite3.Connection, job_id: str, state: JobState, failure: Failure | None
) -> None:
    """Write how a job ended."""
    text = None if failure is None else json.dumps(to_plain(failure))
    update_job(rows, job_id, state=state, failure=text, ended_ms=now_ms(), seconds_left=-1.0)


def requeue_job(rows: sqlite3.Connection, job_id: str) -> None:
    """Make a job wait again, its progress forgotten."""
    fresh = {"epoch": 0, "epoch_count": 0, "loss": 0.0, "event_count": 0, "seconds_left": -1.0}
    fresh |= {"trial": 0, "trial_count": 0, "best_quality": 0.0}
    update_job(rows, job_id, state=JobState.QUEUED, phase=None, started_ms=None, **fresh)
    update_job(rows, job_id, left_out=None)


def update_job(rows: sqlite3.Connection, job_id: str, **changes: object) -> None:
    """Change columns of a job; its version grows."""
    names = ", ".join(f"{name} = ?" for name in changes)
    rows.execute(
        f"UPDATE jobs SET {names}, version = version + 1 WHERE job_id = ?",
        (*changes.values(), job_id),
    )


def job_of(row: sqlite3.Row) -> Job:
    """Return the job of a row."""
    failure, left_out = row["failure"], row["left_out"]
    same = (
        *("job_id", "epoch", "epoch_count", "loss", "event_count", "seconds_left"),
        *(
            "trial",
            "trial_count",
            "best_quality",
            "created_ms",
            "started_ms",
            "ended_ms",
            "attempt",
            "version",
        ),
    )
    return Job(
        **{name: row[name] for name in same},
        spec=spec_from_json(json.loads(row["spec"])),
        state=JobState(row["state"]),
        phase=JobPhase(row["phase"]) if row["phase"] else None,
        failure=from_plain(Failure, json.loads(failure)) if failure else None,
        left_out=tuple(from_plain(LeftOutRows, data) for data in json.loads(left_out or "[]")),
    )
