"""The queue of trainings, in SQLite: safe from several threads and processes, and durable."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shortlist.server.domain.job import Failure, Job, JobProgress, JobState
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.errors import FieldInvalid
from shortlist.server.jobs.table import (
    check_room,
    create_tables,
    end_job,
    insert_job,
    job_by_id,
    job_by_request,
    job_of,
    now_ms,
    report_progress,
    requeue_job,
    row_by_id,
    update_job,
)

JOBS_NAME = "jobs.sqlite"  # in the data folder
ATTEMPTS_MAX = 3
BUSY_TIMEOUT_S = 30.0
NUMBERS_END = 2**63 - 1  # beyond the number of any job


class JobStore:
    """The jobs of one data folder; every method may be called from any thread and process.

    What changes a job's state is on the disk when it returns; progress may be lost by a power cut.
    """

    def __init__(self, path: Path, queue_max: int = 100) -> None:
        self._path = path
        self._queue_max = queue_max
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        create_tables(self._connection())

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        connection: sqlite3.Connection | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def submit(self, spec: TrainingSpec) -> Job:
        """Put a training into the queue, or return the earlier job of the same request_id.

        Raises ModelExists when an open job makes the same model, Overloaded when the queue is full.
        """
        job_id = secrets.token_hex(8)
        with self._transaction() as connection:
            earlier = job_by_request(connection, spec.request_id)
            if earlier is not None:
                return earlier
            check_room(connection, spec, self._queue_max)
            insert_job(connection, job_id, spec)
            return job_by_id(connection, job_id)

    def get(self, job_id: str) -> Job:
        """Return a job. Raises JobNotFound."""
        return job_by_id(self._connection(), job_id)

    def find_request(self, request_id: str) -> Job | None:
        """Return the job that this request_id made, if any did; the empty one never does."""
        return job_by_request(self._connection(), request_id)

    def page(self, catalog: str | None, size: int, token: str) -> tuple[list[Job], str]:
        """Return up to `size` jobs, newest first, after the one `token` names; and the next token.

        catalog None: of every catalog. The next token is empty where there are no more.
        """
        before = _number_of(token) if token else NUMBERS_END
        newest = self._connection().execute(
            "SELECT * FROM jobs WHERE number < ? AND (? IS NULL OR catalog = ?)"
            " ORDER BY number DESC LIMIT ?",
            (before, catalog, catalog, size + 1),
        )
        rows = newest.fetchall()
        next_token = str(rows[size - 1]["number"]) if len(rows) > size else ""
        return [job_of(row) for row in rows[:size]], next_token

    def open_ids(self) -> set[str]:
        """Return the ids of the jobs that wait or run."""
        rows = self._connection().execute(
            "SELECT job_id FROM jobs WHERE state IN (?, ?)", (JobState.QUEUED, JobState.RUNNING)
        )
        return {row["job_id"] for row in rows}

    def request_cancel(self, job_id: str) -> Job:
        """Cancel a queued job, ask a running one to stop, leave an ended one; or JobNotFound."""
        with self._transaction() as connection:
            job = job_by_id(connection, job_id)
            if job.state is JobState.QUEUED:
                end_job(connection, job_id, JobState.CANCELLED, None)
            elif job.state is JobState.RUNNING:
                update_job(connection, job_id, cancel_requested=1)
            return job_by_id(connection, job_id)

    def claim_next(self) -> Job | None:
        """Return the oldest queued job, RUNNING from now on; None when the queue is empty."""
        with self._transaction() as connection:
            oldest = connection.execute(
                "SELECT job_id, attempt FROM jobs WHERE state = ? ORDER BY number LIMIT 1",
                (JobState.QUEUED,),
            ).fetchone()
            if oldest is None:
                return None
            job_id: str = oldest["job_id"]
            update_job(
                connection,
                job_id,
                state=JobState.RUNNING,
                started_ms=now_ms(),
                attempt=oldest["attempt"] + 1,
            )
            return job_by_id(connection, job_id)

    def report(self, job_id: str, progress: JobProgress) -> None:
        """Note the progress of a running job; a job in another state stays as it is."""
        connection = self._connection()
        connection.execute("PRAGMA synchronous = NORMAL")  # twenty fsyncs a second help nobody
        try:
            report_progress(connection, job_id, progress)
        finally:
            connection.execute("PRAGMA synchronous = FULL")

    def is_cancel_requested(self, job_id: str) -> bool:
        """Return whether someone asked a job to stop. Raises JobNotFound."""
        return bool(row_by_id(self._connection(), job_id)["cancel_requested"])

    def finish(self, job_id: str, state: JobState, failure: Failure | None = None) -> Job:
        """End a running job; one that has ended stays as it is. Raises JobNotFound."""
        with self._transaction() as connection:
            if job_by_id(connection, job_id).state is JobState.RUNNING:
                end_job(connection, job_id, state, failure)
            return job_by_id(connection, job_id)

    def give_back(self, job_id: str) -> Job:
        """Let a job wait again whose process was stopped on purpose: no attempt is counted.

        A job that does not run stays as it is; one asked to stop is cancelled. Raises JobNotFound.
        """
        with self._transaction() as connection:
            row = row_by_id(connection, job_id)
            if row["state"] == JobState.RUNNING and row["cancel_requested"]:
                end_job(connection, job_id, JobState.CANCELLED, None)
            elif row["state"] == JobState.RUNNING:
                requeue_job(connection, job_id)
                update_job(connection, job_id, attempt=row["attempt"] - 1)
            return job_by_id(connection, job_id)

    def requeue_orphans(self) -> int:
        """Put jobs whose process is gone back into the queue; return how many were RUNNING.

        The third loss of its process fails a job. For the one caller that knows none runs.
        """
        with self._transaction() as connection:
            running = connection.execute("SELECT * FROM jobs WHERE state = ?", (JobState.RUNNING,))
            orphans = running.fetchall()
            for orphan in orphans:
                if orphan["cancel_requested"]:
                    end_job(connection, orphan["job_id"], JobState.CANCELLED, None)
                elif orphan["attempt"] >= ATTEMPTS_MAX:
                    message = f"The training process was lost {ATTEMPTS_MAX} times."
                    attempts = {"attempts": str(orphan["attempt"])}
                    failure = Failure("TRAINING_DIED", message, attempts)
                    end_job(connection, orphan["job_id"], JobState.FAILED, failure)
                else:
                    requeue_job(connection, orphan["job_id"])
            return len(orphans)

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection; SQLite's must not be shared by threads."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, BUSY_TIMEOUT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._local.connection = connection
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit, or roll back when the block raises."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def _number_of(token: str) -> int:
    """Return the number of the last job of the page before."""
    if not (token.isascii() and token.isdigit() and 0 < int(token) < NUMBERS_END):
        raise FieldInvalid("page_token", "is not from the last page", found=token)
    return int(token)
