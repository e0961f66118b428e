"""The processes as operators see them: start, one line, stop, death of a part, a taken folder."""

import os
import signal
import socket
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from shortlist.v1 import model_service_pb2, model_service_pb2_grpc
from tests.server.processes.running import WAIT_S, Start, child_ids, has_ended, target_of


def check_health(target: str, service: str = "") -> int:
    """Return the health of a service; waits for a worker that is starting."""
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=service)
        status: int = stub.Check(request, wait_for_ready=True, timeout=WAIT_S).status
        return status


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_says_where_it_serves_and_stops_with_zero(start: Start, workers: str) -> None:
    """One machine-readable line once it answers, so that scripts need no sleeps."""
    process = start("--port", "0", "--workers", workers)
    target = target_of(process)
    assert check_health(target) == health_pb2.HealthCheckResponse.SERVING
    service = "shortlist.v1.RetrievalService"
    assert check_health(target, service) == health_pb2.HealthCheckResponse.NOT_SERVING
    service = "shortlist.v1.ModelService"
    assert check_health(target, service) == health_pb2.HealthCheckResponse.SERVING
    assert len(child_ids(process.pid)) == int(workers)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_killed_worker_is_replaced_on_the_same_port(start: Start) -> None:
    """A crash costs a moment, not the service."""
    process = start("--port", "0")
    target = target_of(process)
    (first,) = child_ids(process.pid)
    os.kill(first, signal.SIGKILL)
    # The default pause between two attempts to connect grows to minutes.
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100)]
    with grpc.insecure_channel(target, options) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        request = model_service_pb2.ListTrainingJobsRequest()
        assert not stub.ListTrainingJobs(request, wait_for_ready=True, timeout=WAIT_S).jobs
    assert first not in child_ids(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert "died" in err


def test_workers_do_not_outlive_a_killed_supervisor(start: Start) -> None:
    """An orphan would hold the port against the restart."""
    process = start("--port", "0")
    target = target_of(process)
    port = int(target.rsplit(":", 1)[1])
    (worker,) = child_ids(process.pid)
    descriptor = os.pidfd_open(worker)
    process.kill()
    process.wait(WAIT_S)
    assert has_ended(descriptor), "the worker still runs"
    os.close(descriptor)
    again = start("--port", str(port))
    assert target_of(again) == target


def test_two_servers_do_not_share_a_data_folder(start: Start) -> None:
    """Two job queues over one store would run every training twice."""
    first = start("--port", "0")
    target_of(first)
    second = start("--port", "0")
    _, err = second.communicate(timeout=WAIT_S)
    assert second.returncode == 2
    assert "no other server runs on it" in err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_an_error_that_names_it(start: Start, workers: str) -> None:
    """With SO_REUSEPORT, two servers would silently share the calls."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start("--port", port, "--workers", workers)
        out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode in (1, 2)
    assert out == ""
    assert f"127.0.0.1:{port}" in err


def test_a_wrong_setting_ends_the_start_with_its_name(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "shortlist.toml"
    config.write_text("[server]\nprot = 5\n")
    process = start("--config", str(config))
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    assert "server.prot" in err
