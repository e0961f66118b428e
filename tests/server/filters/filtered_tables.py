"""A small table of items, and which of them a filter passes."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from shortlist.server.filters.compile import evaluate_filter
from shortlist.server.filters.parse import parse_filter

ROWS: list[dict[str, Any]] = [
    {"city": "Rome", "year": 1999, "tags": ["old", "film"], "free": True, "price": 1.5},
    {"city": "New York", "year": 2001, "tags": [], "free": False, "price": -2.25},
    {"city": None, "year": None, "tags": None, "free": None, "price": None},
    {"city": "rome", "year": 2000, "tags": ["new", "film"], "free": True, "price": 1e300},
    {"city": 'the "Hague"', "year": -5, "tags": ["old"], "free": False, "price": 0.0},
]
TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
for _row, _time in zip(ROWS, [*TIMES, None], strict=True):
    _row["published"] = _time
TABLE = pa.table(
    {
        "city": pa.array([row["city"] for row in ROWS]),
        "year": pa.array([row["year"] for row in ROWS], pa.int32()),
        "tags": pa.array([row["tags"] for row in ROWS], pa.list_(pa.string())),
        "free": pa.array([row["free"] for row in ROWS]),
        "price": pa.array([row["price"] for row in ROWS]),
        "published": pa.array([row["published"] for row in ROWS], pa.timestamp("us", "UTC")),
    }
)


def passing(text: str, table: pa.Table = TABLE) -> list[int]:
    return np.flatnonzero(evaluate_filter(parse_filter(text), table)).tolist()
