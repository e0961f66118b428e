"""Runs queued trainings one at a time, each in a process of its own."""

import logging

from shortlist.server.config import Settings
from shortlist.server.domain.job import Failure, Job, JobState
from shortlist.server.jobs.store import JobStore
from shortlist.server.storage.children import Child, close_pipes, start_child, stop_child
from shortlist.server.training.checkpoints import Checkpoints

_LOG = logging.getLogger("shortlist.server")

TRAINING = "shortlist.server.training"  # the module that a training process runs
STOP_PATIENCE_S = 5.0


class TrainingRunner:
    """The one place that claims jobs."""

    def __init__(self, settings: Settings, store: JobStore, module: str = TRAINING) -> None:
        self._settings = settings
        self._store = store
        self._module = module
        self._job: Job | None = None
        self._child: Child | None = None

    def step(self) -> None:
        """Start the next job when none runs; note the end of the one that does."""
        if self._child is not None and self._child.poll() is not None:
            close_pipes(self._child)
            self._note_end(self._child.returncode)
        if self._child is None:
            self._job = self._store.claim_next()
            if self._job is not None:
                self._child = start_child(self._module, self._arguments(self._job))

    def stop(self) -> None:
        """Stop the running training; its job goes back to the queue."""
        if self._child is None or self._job is None:
            return
        stop_child(self._child, STOP_PATIENCE_S)
        self._store.give_back(self._job.job_id)
        self._child = self._job = None

    def _arguments(self, job: Job) -> list[str]:
        arguments = ["--data-dir", str(self._settings.data.dir), "--job", job.job_id]
        arguments += ["--threads", str(self._settings.training.threads)]
        for root in self._settings.data.roots:
            arguments += ["--data-root", root]
        return arguments

    def _note_end(self, status: int) -> None:
        """A training writes its own end; one that could not has died."""
        assert self._job is not None
        job = self._store.get(self._job.job_id)
        if not job.has_ended:
            _LOG.error("training %s died (exit status %d)", job.job_id, status)
            message = f"The training process ended with status {status} before it was done."
            failure = Failure("TRAINING_DIED", message, {"status": str(status)})
            self._store.finish(job.job_id, JobState.FAILED, failure)
            Checkpoints(self._settings.data.dir, job.job_id).remove()
        self._child = self._job = None
