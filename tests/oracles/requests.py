"""What a whole request must be answered with, item by item in plain Python and float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shortlist.server.domain.query import ItemsQuery, Query, RetrieveQuery, UserQuery
from tests.oracles.filters import distance_m

Row = dict[str, Any]  # of the attribute table
Predicate = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class World:
    """A model's items as a plain reader sees them, and the moment of the request."""

    ids: list[str]
    rows: list[Row]  # with latitude, longitude and published among them
    vectors: npt.NDArray[np.float64] | None  # (items, dim); None: a model without
    popularity: list[float]
    seen: dict[str, set[str]]  # by user
    hidden: frozenset[str]
    deleted: frozenset[str]
    now_ms: float


def had(world: World, query: Query) -> set[str]:
    """Return what the asker has had already."""
    if isinstance(query, ItemsQuery):
        return set(query.item_ids) | set(query.negative_item_ids)
    if isinstance(query, UserQuery):
        return set(query.history_item_ids) | world.seen.get(query.user_id, set())
    return set()


def eligible_places(world: World, query: RetrieveQuery, passes: Predicate) -> list[int]:
    """Return the items that may come back; `passes` is the filter in Python."""
    away = world.hidden | world.deleted | set(query.exclude_item_ids)
    if not query.include_seen:
        away |= had(world, query.query)
    return [
        place
        for place, (name, row) in enumerate(zip(world.ids, world.rows, strict=True))
        if name not in away
        and (not query.candidate_item_ids or name in query.candidate_item_ids)
        and passes(row)
        and _is_near(query, row)
        and _is_timely(query, row, world.now_ms)
    ]


def _is_near(query: RetrieveQuery, row: Row) -> bool:
    within, box = query.restrictions.within, query.restrictions.box
    if within is None and box is None:
        return True
    if row["latitude"] is None or row["longitude"] is None:
        return False
    here = row["latitude"], row["longitude"]
    if within and distance_m((within.latitude, within.longitude), here) > within.metres:
        return False
    if box is None:
        return True
    to_the_east = (box.east - box.west) % 360 or 360 * (box.east != box.west)
    eastwards = (here[1] - box.west) % 360 <= to_the_east
    return bool(box.south <= here[0] <= box.north and eastwards)


def _is_timely(query: RetrieveQuery, row: Row, now_ms: float) -> bool:
    window = query.restrictions.window
    if window is None:
        return True
    if row["published"] is None:
        return False
    when_ms = row["published"].timestamp() * 1000
    return (
        (window.after_ms is None or when_ms >= window.after_ms)
        and (window.before_ms is None or when_ms < window.before_ms)
        and (window.age_max_ms is None or when_ms >= now_ms - window.age_max_ms)
    )


def scores_of(
    world: World, query: RetrieveQuery, vector: npt.NDArray[np.float64] | None
) -> list[float]:
    """Return every item's score, damped and faded; vector None: by popularity."""
    scores = list(world.popularity)
    if vector is not None and world.vectors is not None:
        for place, item in enumerate(world.vectors):
            length = float(np.sqrt(item @ item))
            scores[place] = float(item @ vector) / (length**query.popularity_damping or 1)
    if query.freshness is None:
        return scores
    return [
        _faded(query, score, row, world.now_ms)
        for score, row in zip(scores, world.rows, strict=True)
    ]


def _faded(query: RetrieveQuery, score: float, row: Row, now_ms: float) -> float:
    freshness = query.freshness
    assert freshness is not None
    left = 0.0
    if row["published"] is not None:
        age_ms = max(0.0, now_ms - row["published"].timestamp() * 1000)
        left = 2 ** -(age_ms / freshness.half_life_ms)
    return score - freshness.weight * abs(score) * (1 - left)
