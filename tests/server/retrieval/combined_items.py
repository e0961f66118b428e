"""Items with attributes of every kind, and filters over them with what they mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tests.oracles.requests import Predicate

ITEMS = 60
USERS = 6
HOUR_MS = 3_600_000
NOW = datetime.now(UTC).replace(microsecond=0)
PLACES = [(41.9, 12.5), (-18.1, 178.4), (-13.8, -171.8), (89.99, 20.0), (None, None)]
CITIES = ["Roma", "Suva", None, "Köln", "roma"]


def row_of(row: int) -> dict[str, Any]:
    """Return an item's attributes: no two columns go together."""
    latitude, longitude = PLACES[row % 5]
    return {
        "city": CITIES[row * 7 % 11 % 5],
        "year": None if row % 13 == 0 else 1990 + row % 7,
        "tags": None if row % 9 == 0 else ["a", "b", "c"][: row % 4],
        "free": [True, False, None][row * 5 % 3],
        "latitude": latitude,
        "longitude": longitude,
        "published": None if row % 8 == 0 else NOW - timedelta(hours=row * 11 % 61),
    }


ROWS = [row_of(row) for row in range(ITEMS)]
TABLE = pa.Table.from_pylist(
    ROWS,
    pa.schema(
        {
            "city": pa.string(),
            "year": pa.int16(),
            "tags": pa.list_(pa.string()),
            "free": pa.bool_(),
            "latitude": pa.float64(),
            "longitude": pa.float64(),
            "published": pa.timestamp("ms", "UTC"),
        }
    ),
)
COUNTED = {
    "city": [{row["city"]} - {None} for row in ROWS],
    "tags": [set(row["tags"] or []) for row in ROWS],
    "year": [{row["year"]} - {None} for row in ROWS],
}
# A filter, and what it means.
FILTERS: list[tuple[str, Predicate]] = [
    ("", lambda row: True),
    ('city = "Roma"', lambda row: row["city"] == "Roma"),
    ("city:ROM", lambda row: "rom" in (row["city"] or "").lower()),
    ("NOT city = Roma", lambda row: row["city"] != "Roma"),
    ("city != Roma", lambda row: row["city"] not in (None, "Roma")),
    (
        "year >= 1993 OR free = true AND tags:a",  # OR binds closer than AND
        lambda row: (
            ((row["year"] or 0) >= 1993 or row["free"] is True) and "a" in (row["tags"] or [])
        ),
    ),
    ("-tags:b AND year:*", lambda row: "b" not in (row["tags"] or []) and row["year"] is not None),
    (
        "year IN (1990, 1992.0) OR NOT free:*",
        lambda row: row["year"] in (1990, 1992) or row["free"] is None,
    ),
    ("year > 3000", lambda row: False),
]
