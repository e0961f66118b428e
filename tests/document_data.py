"""Small files of the names that the documents' examples use, and a server over their folder."""

import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

ADDRESS = "localhost:50051"  # in the documents; a free port takes its place
NAMED = ["318", "593", "50", "2", "4711"]  # items that examples name
TASTES = 4
USERS, EVENTS = 120, 3000


def write_data(folder: Path) -> None:
    """Write every file that an example reads: users 0..119, 80 items, tastes modulo 4."""
    rng = np.random.default_rng(0)
    items = np.array(NAMED + [str(1000 + item) for item in range(80 - len(NAMED))])
    users = rng.integers(USERS, size=EVENTS)
    places = rng.integers(len(items) // TASTES, size=EVENTS) * TASTES + users % TASTES
    seconds = 1_500_000_000 + rng.integers(10**7, size=EVENTS)
    ratings = pa.table(
        {
            "userId": users,
            "movieId": items[places].astype(int),
            "rating": rng.integers(1, 11, size=EVENTS) / 2,
            "timestamp": seconds,
        }
    )
    write_csv(ratings, folder / "ratings.csv")
    write_csv(ratings.slice(0, 200), folder / "test.csv")
    lines = ["::".join(map(str, row.values())) for row in ratings.to_pylist()]
    (folder / "ratings.dat").write_text("\n".join(lines) + "\n", encoding="latin-1")
    bad = pa.table({"user_id": ["a", "b"], "item_id": ["x", "y"], "rating": ["1", "many"]})
    write_csv(bad, folder / "bad.csv")
    genres = ["Comedy|Drama", "Drama", "Comedy", "Thriller|Crime"]
    titles = [f"Film {item} ({1990 + int(item) % 10})" for item in items]
    genre_of = [genres[place % TASTES] for place in range(len(items))]
    movies = {"movieId": items.astype(int), "title": titles, "genres": genre_of}
    write_csv(pa.table(movies), folder / "movies.csv")
    cities = ["Rome", "Suva"]
    write_csv(
        pa.table(
            {
                "userId": np.arange(USERS),
                "age": rng.integers(18, 80, size=USERS),
                "city": [cities[user % 2] for user in range(USERS)],
            }
        ),
        folder / "users.csv",
    )
    events = {
        "user_id": users.astype(str),
        "item_id": items[places],
        "timestamp": pa.array(seconds, pa.timestamp("s", "UTC")),
        "country": [["it", "fj"][user % 2] for user in users],
    }
    pq.write_table(pa.table(events), folder / "events.parquet")
    now = datetime.now(UTC)
    described = {
        "item_id": items,
        "title": titles,
        "genres": [text.split("|") for text in genre_of],
        "city": [cities[place // TASTES % 2] for place in range(len(items))],
        "latitude": [[41.9, -18.1][place // TASTES % 2] for place in range(len(items))],
        "longitude": [[12.5, 178.4][place // TASTES % 2] for place in range(len(items))],
        "published": [now - timedelta(days=place, hours=1) for place in range(len(items))],
    }
    pq.write_table(pa.table(described), folder / "items.parquet")


def write_csv(table: pa.Table, path: Path) -> None:
    pa_csv.write_csv(table, path, pa_csv.WriteOptions(quoting_style="none"))


class Shell:
    """Types the documents' commands in a folder; `serve` goes on beside what follows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = ""  # of the server, once one runs
        self._server: subprocess.Popen[str] | None = None
        tools = folder / "bin"  # `shortlist` of this checkout, wherever the tests' own is
        tools.mkdir()
        command = shlex.join([sys.executable, "-m", "shortlist.client.cli.main"])
        (tools / "shortlist").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (tools / "shortlist").chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}

    def type(self, command: str) -> None:
        """Run a command to its end, which must be a success; the server is the one that runs."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**self._environment, "SHORTLIST_TARGET": self.target},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def serve(self, command: str) -> None:
        """Start the server of a command on a free port, and wait until it is ready."""
        assert self._server is None, "one server a document"
        arguments = [*shlex.split(command, comments=True), "--port", "0"]
        self._server = subprocess.Popen(
            arguments, cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout is not None
        ready = self._server.stdout.readline().strip()
        assert ready.startswith("serving on "), ready
        self.target = ready.removeprefix("serving on ")

    def stop(self) -> None:
        """Stop the server as an operator does."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGTERM)
        status = self._server.wait(timeout=60)
        assert self._server.stdout is not None
        self._server.stdout.close()
        assert status == 0, "a server that is told to stop ends with 0"
