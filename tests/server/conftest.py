"""Servers of their own processes, over one data folder a test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.processes.running import Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers over one data folder; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "shortlist.server", "serve"]
        command += ["--data-dir", str(tmp_path / "data"), *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
