"""Servers of several processes, and one that is killed, over real sockets."""

from pathlib import Path

import pyarrow.parquet as pq

from shortlist.client import (
    Shortlist,
    Wals,
)
from tests.served import checkerboard, start_server, stop_server


def test_several_workers_answer_from_one_port_and_see_one_alias(tmp_path: Path) -> None:
    """Every worker learns of a training; each channel may land on another worker."""
    pq.write_table(checkerboard(), tmp_path / "events.parquet")
    server = start_server(tmp_path, "--workers", "2")
    try:
        with Shortlist(server.target) as shortlist:
            shortlist.train(
                interactions=str(tmp_path / "events.parquet"),
                algorithm=Wals(dim=16),
                progress=False,
            )
        for _ in range(8):
            with Shortlist(server.target) as shortlist:
                assert shortlist.retrieve(user="u001").origin == "stored"
    finally:
        assert stop_server(server) == 0


def test_accepted_trainings_survive_a_killed_server(tmp_path: Path) -> None:
    """What was acknowledged is never lost: after kill -9 a new server ends the queued jobs."""
    pq.write_table(checkerboard(), tmp_path / "events.parquet")
    server = start_server(tmp_path)
    with Shortlist(server.target) as shortlist:
        jobs = [
            shortlist.start_training(
                interactions=str(tmp_path / "events.parquet"), algorithm=Wals(dim=16)
            )
            for _ in range(3)
        ]
    server.process.kill()
    server.process.wait(timeout=60)
    assert server.process.stdout is not None
    server.process.stdout.close()
    server = start_server(tmp_path)
    try:
        with Shortlist(server.target) as shortlist:
            for job in jobs:
                *_, last = shortlist.watch(job.job_id)
                assert last.state == "succeeded", last.failure
    finally:
        assert stop_server(server) == 0
