"""The tables and the trainings behind the models of an earlier commit: small, and of every kind."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

Json = dict[str, Any]
USERS, ITEMS = 20, 15
LISTED_USERS, LISTED_ITEMS = 26, 45  # with those that nobody knows but the tables
GENRES = ("comedy", "drama", "horror")
COUNTRIES = ("at", "br", "ch")
FEATURES = ["genre", "themes", "cast", "title", "year", "price", "released", "day", "colour"]


def write_tables(folder: Path) -> None:
    """Write events, later events to evaluate on, and what is known of items and users."""
    parquet.write_table(_events(0, 150), folder / "events.parquet")
    parquet.write_table(_events(1, 60), folder / "later.parquet")
    parquet.write_table(_items(), folder / "items.parquet")
    parquet.write_table(_users(), folder / "users.parquet")


def trainings() -> list[Json]:
    """Return a TrainRequest for each algorithm and variant; its model_id says which."""
    kinds: dict[str, Json] = {
        "wals": {"wals": {"dim": 4, "epochs": 4}},
        "wals-zero": {"wals": {"dim": 4, "epochs": 4, "drawUsers": False}, "targetRecall": 1},
        "wals-weighted": {"wals": _WEIGHTED},
        "wals-stopped": {"wals": {"dim": 4, "epochs": 6}, "earlyStopping": {}},
        "wals-tuned": {"wals": {"dim": 4, "epochs": 3}, "tuning": {"trials": 3, "dims": [5]}},
        "wals-warm": {"wals": {"dim": 4, "epochs": 1}, "warmStartModel": "wals"},
        "wals-features": {"wals": {**_PLACED, "itemFeatures": FEATURES, "userFeatures": _OF_USERS}},
        "wals-items": {"wals": {**_PLACED, "itemFeatures": ["genre", "year"]}},
        "wals-users": {"wals": {**_PLACED, "userFeatures": ["club"]}},
        "sgd": {"sgd": {"dim": 4, "epochs": 6, "negativeCount": 16, "batchSize": 32, "seed": 1}},
        "sgd-biases": {"sgd": _BIASED},
        "distilled": {"distilled": {"dim": 4, "epochs": 4, "teacherDim": 6, "teacherEpochs": 3}},
        "svd": {"svd": {"dim": 4}},
        "svd-binary": {"svd": {"dim": 4, "binary": True}},
        "ratings": {"ratings": {"dim": 3, "epochs": 6}},
        "ratings-adam": {"ratings": _ADAM},
        "neighbours-items": {"neighbours": {"count": 8}},
        "neighbours-bm25": {"neighbours": {"weighting": "NEIGHBOUR_WEIGHTING_BM25", "count": 8}},
        "neighbours-users": {"neighbours": {"kind": "NEIGHBOUR_KIND_USER", "count": 8}},
        "popularity": {"popularity": {}},
        "popularity-ageing": {"popularity": {"halfLifeDays": 30}},
    }
    asked = [_training(model_id, settings) for model_id, settings in kinds.items()]
    segments = _training("popularity-segments", {"popularity": {}})
    segments["interactions"]["segmentColumn"] = "country"
    return [*asked, segments]


_WEIGHTED = {
    "dim": 4,
    "epochs": 4,
    "valueTransform": "VALUE_TRANSFORM_LOG",
    "valueEpsilon": 0.5,
    "userFrequencyExponent": 0.3,
    "itemFrequencyExponent": 0.2,
    "halfLifeDays": 200,
    "solver": "SOLVER_CHOLESKY",
    "seed": 3,
}
_PLACED = {"dim": 4, "epochs": 4}
_OF_USERS = ["club", "hobbies", "age", "member"]
_BIASED = {
    "loss": "SGD_LOSS_BPR",
    "dim": 4,
    "epochs": 6,
    "negativeCount": 16,
    "batchSize": 32,
    "itemBias": True,
    "userBias": True,
}
_ADAM = {"dim": 3, "epochs": 40, "solver": "RATING_SOLVER_ADAM", "mean": "RATING_MEAN_ITEM"}


def _training(model_id: str, settings: Json) -> Json:
    return {
        "modelId": model_id,
        "interactions": _source("events"),
        "items": _source("items"),
        "users": _source("users"),
        "evaluation": {"cutoffs": [3, 5], "unseenUserFraction": 0.1},
        "keepAliases": True,
        **settings,
    }


def _source(table: str) -> Json:
    return {"source": {"uri": f"FOLDER/{table}.parquet"}}


def _events(seed: int, count: int) -> pa.Table:
    """Return events of users who mostly like the items whose number agrees with theirs modulo 3."""
    rng = np.random.default_rng(seed)
    users = rng.integers(USERS, size=count)
    liked = rng.random(count) < 0.75
    shift = np.where(liked, 0, rng.integers(1, 3, count))
    items = np.minimum(rng.integers(5, size=count), rng.integers(5, size=count)) * 3
    values = np.round(np.where(liked, rng.uniform(2, 5, count), rng.uniform(-1, 2, count)), 3)
    times = 1_600_000_000_000 + rng.integers(400 * 86_400_000, size=count)
    return pa.table(
        {
            "user": [f"u{user:02d}" for user in users],
            "item": [f"i{item:02d}" for item in items + (users + shift) % 3],
            "value": values,
            "timestamp": pa.array(times, pa.timestamp("ms", "UTC")),
            "country": [COUNTRIES[user % 3] for user in users],
        }
    )


def _items() -> pa.Table:
    """Return items with an attribute of every type; half of them are of times far ahead."""
    rows = range(LISTED_ITEMS)
    years = [2100 if row % 2 else 1980 + row % 30 for row in rows]
    days = [date(year, 1 + year % 12, 1 + year % 28) for year in years]
    times = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    return pa.table(
        {
            "item": [f"i{row:02d}" for row in rows],
            "genre": [GENRES[row % 3] for row in rows],
            "themes": [f"t{row % 4}|t{row % 5}" for row in rows],
            "cast": pa.array([[f"a{row % 6}", f"a{row % 7}"] for row in rows]),
            "title": [f"the {GENRES[row % 3]} number {row}" for row in rows],
            "year": years,
            "price": [1.5 * row + 0.25 for row in rows],
            "released": pa.array(times, pa.timestamp("us", "UTC")),
            "day": pa.array(days),
            "colour": [row % 4 < 2 for row in rows],
            "lat": [40.0 + row / 10 for row in rows],
            "lon": [10.0 - row / 10 for row in rows],
        }
    )


def _users() -> pa.Table:
    rows = range(LISTED_USERS)
    return pa.table(
        {
            "user": [f"u{row:02d}" for row in rows],
            "club": [f"club {row % 3}" for row in rows],
            "hobbies": pa.array([[f"h{row % 3}", f"h{row % 4}"] for row in rows]),
            "age": [20 + row % 9 for row in rows],
            "member": [row % 4 < 2 for row in rows],
        }
    )
