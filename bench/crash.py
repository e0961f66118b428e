"""./dev crash [--count N]: starts and stops an idle server N times in a row; none may take long.

A stop that waits for itself is rare (the last one was 1 of 30) and ends after the drain's time and
more, so many stops are the test, and their maximum tells.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STOP_MAX_S = 3.0
GIVEN_UP_S = 60.0


def stop_seconds(folder: Path) -> float:
    """Start a server over a folder, and return what its stop takes once it answers."""
    command = [sys.executable, "-m", "shortlist.server", "serve", "--data-dir", str(folder)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            assert ready.startswith("serving on "), f"the server did not start: {ready!r}"
            started = time.perf_counter()
            server.send_signal(signal.SIGTERM)
            status = server.wait(GIVEN_UP_S)
            seconds = time.perf_counter() - started
        finally:
            server.kill()
    assert status == 0, f"the server ended with status {status}"
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Print count, median and maximum; return 1 where a stop took too long."""
    parser = argparse.ArgumentParser(prog="./dev crash", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="stops in a row (200)")
    count = parser.parse_args(arguments).count
    if count < 1:
        parser.error(f"--count={count} is less than 1")
    stops: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, count + 1):
            stops.append(stop_seconds(Path(folder)))
            if stops[-1] > STOP_MAX_S:
                print(f"stop {number} took {stops[-1]:.2f} s", flush=True)
    slow = sum(seconds > STOP_MAX_S for seconds in stops)
    median, slowest = statistics.median(stops), max(stops)
    print(f"stops {count}, median {median:.2f} s, max {slowest:.2f} s, over {STOP_MAX_S} s: {slow}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
