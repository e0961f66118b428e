"""A server stops when asked, whoever is connected; and nothing of it outlives its death."""

import os
import signal
import time
from pathlib import Path
from queue import SimpleQueue

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from shortlist.server.jobs.store import JobStore
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import model_service_pb2_grpc
from tests.server.processes.running import (
    WAIT_S,
    Start,
    has_ended,
    started_child,
    target_of,
)
from tests.server.published import publish
from tests.server.rpc.sockets import refusal_of
from tests.server.small_contents import small_spec, write_events

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
STOPS = 5
PROMPT_S = 6.0  # on a busy machine; a stop that sits its drain out takes 10 s and more


def submit_endless_training(folder: Path) -> str:
    """Queue a training whose file never gives a byte; return its job's id."""
    folder.joinpath("data").mkdir()
    os.mkfifo(folder / "events.parquet")
    store = JobStore(folder / "data" / "jobs.sqlite")
    job_id = store.submit(small_spec(folder / "events.parquet")).job_id
    store.close()
    return job_id


def test_a_server_stops_at_once_beside_clients_that_stay(start: Start, tmp_path: Path) -> None:
    """Watches of health and of trainings are kept open for days, and a signal may come twice."""
    job_id = submit_endless_training(tmp_path)
    for _ in range(STOPS):
        process = start("--port", "0", "--data-root", str(tmp_path))
        target = target_of(process)
        worker = started_child(process.pid, "worker")
        questions: SimpleQueue[reflection_pb2.ServerReflectionRequest | None] = SimpleQueue()
        questions.put(reflection_pb2.ServerReflectionRequest(list_services=""))
        with grpc.insecure_channel(target) as channel:
            models = model_service_pb2_grpc.ModelServiceStub(channel)
            job = models.WatchTrainingJob(m.WatchTrainingJobRequest(job_id=job_id))
            assert next(job).job_id == job_id
            health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(health).status == SERVING
            reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
            names = reflection.ServerReflectionInfo(iter(questions.get, None))
            assert next(names).list_services_response.service
            asked_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            for _ in range(2):
                os.kill(worker, signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=WAIT_S)
            assert time.monotonic() - asked_at < PROMPT_S
            assert (process.returncode, err) == (0, "")
            assert [reply.status for reply in health] == [NOT_SERVING], "it is told, then ends"
            with pytest.raises(grpc.RpcError) as failure:
                list(job)
            assert refusal_of(failure.value).reason == "DRAINING"
            with pytest.raises(grpc.RpcError):
                list(names)
            questions.put(None)


def test_nothing_outlives_a_killed_supervisor(start: Start, tmp_path: Path) -> None:
    """An orphan would write beside the next server, and hold its locks.

    Each child is stopped where it is once it runs, so none can end by itself.
    """
    submit_endless_training(tmp_path)
    publish(tmp_path / "data", "a", alias="live")
    events = write_events(tmp_path / "test.parquet")
    process = start("--port", "0", "--data-root", str(tmp_path))
    target = target_of(process)
    worker = started_child(process.pid, "worker")
    descriptors = {"worker": os.pidfd_open(worker)}

    def hold(parent_id: int, module: str) -> None:
        child_id = started_child(parent_id, f"shortlist.server.{module}")
        os.kill(child_id, signal.SIGSTOP)
        descriptors[module] = os.pidfd_open(child_id)

    with grpc.insecure_channel(target) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        hold(process.pid, "training")
        export = models.ExportCandidates(m.ExportCandidatesRequest())
        hold(worker, "exporting")
        source = m.InteractionSource(source=m.DataSource(uri=str(events)))
        evaluation = models.EvaluateModel.future(m.EvaluateModelRequest(test_interactions=source))
        hold(worker, "evaluation")
        process.kill()
        for name, descriptor in descriptors.items():
            assert has_ended(descriptor), f"the {name} still runs"
            os.close(descriptor)
        for call in (export, evaluation):
            assert call.code() == grpc.StatusCode.UNAVAILABLE
