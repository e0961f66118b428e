"""The process that operators start: keeps the workers running and the job queue moving.

It loads no grpc and answers no call itself, so that a crash in serving or training never takes it
down, and so that it may start children at any time.
"""

import fcntl
import logging
import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from shortlist.core.errors import SettingInvalid
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.jobs.store import JobStore
from shortlist.server.processes.metrics import MetricsServer
from shortlist.server.processes.ports import hold_port
from shortlist.server.processes.stop_signal import StopSignal
from shortlist.server.processes.training_runner import TrainingRunner
from shortlist.server.processes.worker_process import WorkerProcess
from shortlist.server.storage.layout import jobs_path, supervisor_lock_path
from shortlist.server.storage.live_recall import LiveRecallStore
from shortlist.server.training.checkpoints import sweep_checkpoints

_LOG = logging.getLogger("shortlist.server")

TICK_S = 0.1  # how late a new job or a dead worker may be noticed


def supervise(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Writes `serving on HOST:PORT` to stdout, one line, once every worker answers.
    Raises SettingInvalid when the port is taken or another server uses the data folder.
    """
    stop = StopSignal()
    settings.data.dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        cleanup.enter_context(_one_supervisor(settings.data.dir))
        Catalogs(settings.data.dir).sweep()
        store = JobStore(jobs_path(settings.data.dir), queue_max=settings.training.queue_max)
        store.requeue_orphans()
        sweep_checkpoints(settings.data.dir, store.open_ids())
        if settings.monitoring.metrics_port:
            recalls = LiveRecallStore(settings.data.dir)
            port = settings.monitoring.metrics_port
            cleanup.callback(MetricsServer(settings.server.host, port, recalls).close)
        if settings.server.workers > 1:
            held = hold_port(settings.server.host, settings.server.port)
            cleanup.callback(held.close)
            settings = _on_port(settings, held.port)
        workers = [WorkerProcess(settings) for _ in range(settings.server.workers)]
        cleanup.callback(_stop_workers, workers)
        if not _wait_until_ready(workers, stop):
            return 0 if stop.is_set() else 1
        print(f"serving on {settings.server.host}:{workers[0].port}", flush=True)
        for worker in workers:  # one that asked for any free port keeps it after a restart
            worker.settings = _on_port(settings, workers[0].port or 0)
        trainings = TrainingRunner(settings, store)
        cleanup.callback(trainings.stop)
        cleanup.callback(_ask_to_drain, workers)  # last in, first out: while the training stops
        while not stop.wait(TICK_S):
            _run_once(workers, trainings)
    return 0


def _run_once(workers: list[WorkerProcess], trainings: TrainingRunner) -> None:
    try:
        trainings.step()
    except Exception:  # a full disk under the job store must not stop the serving
        _LOG.exception("cannot run the training queue; will try again")
    for worker in workers:
        worker.keep_running()


def _wait_until_ready(workers: list[WorkerProcess], stop: StopSignal) -> bool:
    """Return whether every worker answers; False when one died first or we were told to stop."""
    while not stop.is_set():
        waiting = [worker for worker in workers if worker.port is None]
        if not waiting:
            return True
        pipes: list[StopSignal | IO[bytes]] = [stop, *(worker.pipe for worker in waiting)]
        readable, _, _ = select.select(pipes, [], [], TICK_S)
        for worker in waiting:
            if worker.pipe in readable:
                worker.read_ready_line()
            if worker.port is None and not worker.is_running():
                _LOG.error("a worker could not start; its message is above")
                return False
    return False


def _on_port(settings: Settings, port: int) -> Settings:
    return replace(settings, server=replace(settings.server, port=port))


def _ask_to_drain(workers: list[WorkerProcess]) -> None:
    for worker in workers:
        worker.ask_to_drain()


def _stop_workers(workers: list[WorkerProcess]) -> None:
    _ask_to_drain(workers)
    for worker in workers:
        worker.stop()


@contextmanager
def _one_supervisor(folder: Path) -> Iterator[None]:
    """Hold the lock of a data folder; the kernel lets it go however we end."""
    with supervisor_lock_path(folder).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise SettingInvalid("data.dir", str(folder), "no other server runs on it") from problem
        yield
