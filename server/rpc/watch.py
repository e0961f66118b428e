"""WatchTrainingJob: bounded streams, each ending with its job, its client or the server."""

import threading
from collections.abc import Iterator

import grpc

from shortlist.server.domain.job import Job
from shortlist.server.errors import NotReady, Overloaded
from shortlist.server.operations.trainings import Trainings

POLL_S = 0.1


class Watches:
    """Follows jobs by looking at the store: another process trains than serves the watch."""

    def __init__(self, trainings: Trainings, watches_max: int, draining: threading.Event) -> None:
        self._trainings = trainings
        self._watches_max = watches_max
        self._free = threading.BoundedSemaphore(watches_max)
        self._draining = draining

    def watch(self, job_id: str, context: grpc.ServicerContext) -> Iterator[Job]:
        """Yield a job now and after each change, until it has ended or the client is gone.

        Raises JobNotFound, Overloaded when all watches are taken, NotReady when the server drains.
        """
        if not self._free.acquire(blocking=False):
            problem = f"{self._watches_max} trainings are being watched, which is the limit"
            raise Overloaded(problem, limit=self._watches_max)
        try:
            yield from self._follow(job_id, context)
        finally:
            self._free.release()

    def _follow(self, job_id: str, context: grpc.ServicerContext) -> Iterator[Job]:
        version = -1
        while context.is_active():
            job = self._trainings.get(job_id)
            if job.version != version:
                version = job.version
                yield job
            if job.has_ended:
                return
            if self._draining.wait(POLL_S):
                raise NotReady("The server is shutting down; watch again elsewhere.", draining=True)
