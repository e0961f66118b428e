"""The signal to stop: heard always, however many come at once."""

import select
import signal
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

import pytest

ROUNDS = 3000
BURST = 10
WAIT_S = 30


@pytest.mark.parametrize(
    "signals",
    [(signal.SIGTERM,), (signal.SIGTERM, signal.SIGINT)],
    ids=["the same", "two of them"],
)
def test_signals_in_quick_succession_are_one_stop(signals: tuple[signal.Signals, ...]) -> None:
    """A handler that takes a lock waits for itself when the next signal interrupts it.

    One that calls `threading.Event.set` hangs here after some hundred rounds.
    """
    command = [sys.executable, "-m", "tests.server.processes.waiting_process", str(ROUNDS)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        rounds = 0
        try:
            while select.select([process.stdout], [], [], WAIT_S)[0]:
                if process.stdout.readline() != b"waiting\n":
                    break
                rounds += 1
                for number in islice(cycle(signals), BURST):
                    process.send_signal(number)
            assert rounds == ROUNDS, f"it still waits in round {rounds}"
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
