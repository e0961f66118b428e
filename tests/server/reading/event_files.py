"""Files of interactions, and what is read from them as plain Python."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shortlist.server.domain.sources import EventSource
from shortlist.server.reading import EventTable


def rows_of(table: EventTable) -> list[tuple[str, str, float, int | None]]:
    events = table.events
    times = [None] * len(events) if events.times is None else events.times.tolist()
    return list(
        zip(
            table.users.ids(events.users),
            table.items.ids(events.items),
            events.values.tolist(),
            times,
            strict=True,
        )
    )


def ratings(count: int = 500) -> pa.Table:
    random = np.random.default_rng(4)
    return pa.table(
        {
            "userId": random.integers(0, 40, count),
            "movieId": [f"film é{n}" for n in random.integers(0, 30, count)],
            "rating": random.integers(1, 11, count) / 2,
            "timestamp": random.integers(10**9, 2 * 10**9, count),
        }
    )


def written(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_bytes(text.encode(encoding))
    return str(path)


def parquet(path: Path, **columns: object) -> EventSource:
    pq.write_table(pa.table(columns), path)
    return EventSource(str(path))
