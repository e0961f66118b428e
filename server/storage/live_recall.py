"""How much of the exact answer live approximate searches found: sums by model, in SQLite.

Every worker adds to the same rows, so whoever reads them reads all workers, those that are gone
among them. A power cut may lose the last sums.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from shortlist.server.storage.layout import live_recall_path

BUSY_TIMEOUT_S = 30.0
# A search for so many candidates counts at the first of these that is not smaller; at most 10,000.
CUTOFFS = (10, 20, 50, 100, 200, 500, 1000, 10_000)

_CREATE = """CREATE TABLE IF NOT EXISTS live_recall (
    catalog TEXT, model TEXT, cutoff INTEGER, queries INTEGER, total REAL, squares REAL,
    dropped INTEGER, PRIMARY KEY (catalog, model, cutoff)) WITHOUT ROWID"""
_ADD = """INSERT INTO live_recall VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    queries = queries + excluded.queries, total = total + excluded.total,
    squares = squares + excluded.squares, dropped = dropped + excluded.dropped"""


@dataclass(slots=True)
class Tally:
    """Sums over the queries of one model and cut-off."""

    catalog: str
    model_id: str
    cutoff: int
    queries: int = 0
    total: float = 0.0  # of recalls
    squares: float = 0.0
    dropped: int = 0  # sampled, but never answered again: too many waited

    @property
    def recall(self) -> float:
        """Return the mean recall, 0 without queries."""
        return self.total / self.queries if self.queries else 0.0

    @property
    def standard_error(self) -> float:
        """Return the standard error of the mean, 0 with less than two queries."""
        if self.queries < 2:
            return 0.0
        variance = max(0.0, self.squares / self.queries - self.recall**2)
        return math.sqrt(variance / (self.queries - 1))


class LiveRecallStore:
    """The sums of one data folder; every method may be called from any thread and process."""

    def __init__(self, data_dir: Path) -> None:
        self._path = live_recall_path(data_dir)
        data_dir.mkdir(parents=True, exist_ok=True)
        with self._opened() as connection:
            connection.execute(_CREATE)

    def add(self, tallies: Iterable[Tally]) -> None:
        """Add to what is there."""
        with self._opened() as connection:
            connection.executemany(_ADD, map(astuple, tallies))

    def of_model(self, catalog: str, model_id: str) -> list[Tally]:
        """Return the sums of a model by rising cut-off."""
        query = "SELECT * FROM live_recall WHERE catalog = ? AND model = ? ORDER BY cutoff"
        with self._opened() as connection:
            return [Tally(*row) for row in connection.execute(query, (catalog, model_id))]

    def all(self) -> list[Tally]:
        """Return all sums, by catalog, model and cut-off."""
        with self._opened() as connection:
            query = "SELECT * FROM live_recall ORDER BY catalog, model, cutoff"
            return [Tally(*row) for row in connection.execute(query)]

    def forget(self, catalog: str, model_id: str) -> None:
        """Drop the sums of a model that is deleted."""
        with self._opened() as connection:
            connection.execute(
                "DELETE FROM live_recall WHERE catalog = ? AND model = ?", (catalog, model_id)
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one transaction: they are rare, and threads come and go."""
        with closing(sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            with connection:
                yield connection


def cutoff_of(count: int) -> int:
    """Return the cut-off that a search for so many candidates counts at."""
    return next((cutoff for cutoff in CUTOFFS if count <= cutoff), CUTOFFS[-1])
