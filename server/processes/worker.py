"""One serving process: opens the data folder, answers calls, drains when told to stop."""

from collections.abc import Callable
from pathlib import Path

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.jobs.store import JOBS_NAME, JobStore
from shortlist.server.operations.evaluations import Evaluations
from shortlist.server.operations.exports import Exports
from shortlist.server.operations.hiding import Hiding
from shortlist.server.operations.models import Models
from shortlist.server.operations.trainings import Trainings
from shortlist.server.processes.stop_signal import StopSignal
from shortlist.server.processes.worker_process import READY
from shortlist.server.retrieval.recall_monitor import RecallMonitor
from shortlist.server.rpc.grpc_server import GrpcServer
from shortlist.server.serving.hidden import HiddenLists
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from shortlist.server.serving.slots import Slots
from shortlist.server.storage.live_recall import LiveRecallStore


def run_worker(settings: Settings) -> int:
    """Answer calls until SIGTERM; return the exit status."""
    server = make_server(settings)
    port = server.open_port()
    server.load_models()
    stop = StopSignal()  # before, a signal ends us at once: nobody is answered yet
    print(f"{READY}{port}", flush=True)
    stop.wait()
    server.stop(settings.server.drain_s)
    return 0


def make_server(
    settings: Settings, load: Callable[[Path], ServingModel] = load_serving_model
) -> GrpcServer:
    """Assemble the parts of one worker; tests start the same in their own process."""
    catalogs = Catalogs(settings.data.dir)
    store = JobStore(settings.data.dir / JOBS_NAME, queue_max=settings.training.queue_max)
    slots = Slots(catalogs, settings.limits.loaded_models_max, load)
    trainings = Trainings(store, catalogs, slots, settings.data.roots)
    evaluations = Evaluations(settings, catalogs)
    exports = Exports(settings, catalogs)
    recalls = LiveRecallStore(settings.data.dir)
    return GrpcServer(
        settings,
        slots,
        Models(catalogs, slots, recalls),
        trainings,
        evaluations,
        exports,
        HiddenLists(catalogs),
        Hiding(catalogs),
        RecallMonitor(recalls, settings.monitoring.recall_share),
    )
