"""A server as operators start it, over events whose right answers are obvious."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

TASTES = 4  # groups of users who share a taste; the right answers are obvious


@dataclass
class Served:
    """A running server and where its data lies."""

    process: "subprocess.Popen[str]"
    target: str
    folder: Path


def checkerboard(seed: int = 0) -> pa.Table:
    """Return events of u000..u199 with i000..i079: those whose numbers agree modulo 4."""
    rng = np.random.default_rng(seed)
    users = rng.integers(200, size=6000)
    items = rng.integers(20, size=6000) * TASTES + users % TASTES
    times = 1_700_000_000_000 + rng.integers(10**9, size=6000)
    return pa.table(
        {
            "user_id": [f"u{user:03d}" for user in users],
            "item_id": [f"i{item:03d}" for item in items],
            "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
        }
    )


def places_and_times() -> pa.Table:
    """Return the items: every second one in Rome, the others in Suva; one a day, newest first."""
    now = datetime.now(UTC)
    rome, suva = ("Rome", 41.9, 12.5), ("Suva", -18.1, 178.4)
    places = [rome if item // TASTES % 2 else suva for item in range(80)]
    times = [now - timedelta(days=item, hours=1) for item in range(80)]
    return pa.table(
        {
            "item_id": [f"i{item:03d}" for item in range(80)],
            "city": [place[0] for place in places],
            "lat": [place[1] for place in places],
            "lon": [place[2] for place in places],
            "published": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


def start_server(folder: Path, *arguments: str) -> Served:
    """Start a server on a free port over folder/data and wait for its ready line."""
    command = [
        sys.executable,
        "-m",
        "shortlist.server",
        "serve",
        "--data-dir",
        str(folder / "data"),
    ]
    command += ["--port", "0", "--data-root", str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = process.stdout.readline().strip()
    assert ready.startswith("serving on "), ready
    return Served(process, ready.removeprefix("serving on "), folder)


def stop_server(served: Served) -> int:
    served.process.send_signal(signal.SIGTERM)
    status = served.process.wait(timeout=60)
    assert served.process.stdout is not None
    served.process.stdout.close()
    return status
