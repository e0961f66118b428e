"""The training process: python -m shortlist.server.training --data-dir DIR --job ID.

Writes the job's end into the job store. Exit status 0 says that it did, however the job ended.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from shortlist.core.errors import TrainingCancelled
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.job import Job, JobState
from shortlist.server.jobs.store import JOBS_NAME, JobStore
from shortlist.server.reasons import BUG, failure_of
from shortlist.server.training.checkpoints import Checkpoints
from shortlist.server.training.pipeline import run_training

_LOG = logging.getLogger("shortlist.training")

NICENESS = 10  # serving goes first
LOGS_NAME = "logs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one claimed job; return the exit status."""
    parser = argparse.ArgumentParser(prog="shortlist.server.training", description="One training.")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    parser.add_argument("--data-root", action="append", help="repeat; none: paths go unchecked")
    given = parser.parse_args(arguments)
    store = JobStore(given.data_dir / JOBS_NAME)
    job = store.get(given.job)
    if job.state is not JobState.RUNNING:
        print(f"job {job.job_id} is {job.state}, not claimed", file=sys.stderr)
        return 2
    _log_to(given.data_dir / LOGS_NAME, job.job_id)
    run_job(store, job, given.data_dir, given.threads, given.data_root)
    return 0


def run_job(
    store: JobStore, job: Job, data_dir: Path, threads: int, roots: Sequence[str] | None
) -> None:
    """Run a job to its end and write that into the store."""
    _LOG.info("job %s makes %s/%s", job.job_id, job.spec.catalog, job.spec.model_id)
    try:
        manifest = run_training(
            job.spec,
            Catalogs(data_dir),
            threads=threads,
            report=partial(store.report, job.job_id),
            cancelled=partial(store.is_cancel_requested, job.job_id),
            roots=roots,
            resumed=job.attempt > 1,
            checkpoints=Checkpoints(data_dir, job.job_id),
        )
    except TrainingCancelled as stop:
        _LOG.info("%s", stop)
        store.finish(job.job_id, JobState.CANCELLED)
    except Exception as error:
        failure = failure_of(error)
        detail = error if failure.reason == BUG else None
        _LOG.error("%s: %s", failure.reason, failure.message, exc_info=detail)
        store.finish(job.job_id, JobState.FAILED, failure)
    else:
        _LOG.info("published after %.3f s: %s", manifest.training_seconds, manifest.index)
        store.finish(job.job_id, JobState.SUCCEEDED)


def _log_to(folder: Path, job_id: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(filename=folder / f"{job_id}.log", level=logging.INFO, format=form)


if __name__ == "__main__":
    os.nice(NICENESS)
    sys.exit(main())
