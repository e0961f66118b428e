"""Slow, obvious versions of building, turning and thinning interactions: dictionaries of lists."""

from collections.abc import Callable

import numpy as np

from shortlist.core.data.interactions import Events, Interactions


def pairs_of(events: Events, aggregate: str) -> dict[tuple[int, int], float]:
    """Return {(user, item): aggregated value} in float64."""
    gathered: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    for number in range(len(events)):
        time = 0 if events.times is None else int(events.times[number])
        pair = int(events.users[number]), int(events.items[number])
        gathered.setdefault(pair, []).append((time, number, float(events.values[number])))
    verbs: dict[str, Callable[[list[tuple[int, int, float]]], float]] = {
        "sum": lambda found: sum(value for _, _, value in found),
        "max": lambda found: max(value for _, _, value in found),
        "last": lambda found: max(found)[2],
        "count": lambda found: float(len(found)),
    }
    return {pair: verbs[aggregate](found) for pair, found in gathered.items()}


def dense_of(interactions: Interactions) -> np.ndarray:
    """Return the full matrix, NaN where there is no entry."""
    dense = np.full((interactions.row_count, interactions.column_count), np.nan)
    for row in range(interactions.row_count):
        columns, values = interactions.row(row)
        dense[row, columns] = values
    return dense


def supported_of(events: Events, user_min: int, item_min: int) -> list[int]:
    """Return the numbers of the events that survive repeated thinning."""
    kept = list(range(len(events)))
    while True:
        items = [int(events.items[e]) for e in kept]
        after = [e for e in kept if items.count(int(events.items[e])) >= item_min]
        users = [int(events.users[e]) for e in after]
        after = [e for e in after if users.count(int(events.users[e])) >= user_min]
        if len(after) == len(kept):
            return kept
        kept = after
