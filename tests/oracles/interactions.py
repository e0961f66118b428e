"""Slow, obvious versions of building, turning and thinning interactions: dictionaries of lists."""

from collections.abc import Callable

import numpy as np

from shortlist.core.data.interactions import Events, FloatArray, IntArray, Interactions, LongArray
from shortlist.core.errors import DataInvalid


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


def checked_interactions(
    row_starts: LongArray, columns: IntArray, values: FloatArray, column_count: int
) -> Interactions:
    """Make Interactions of arrays from outside. Raises DataInvalid where they are none."""
    types = ", ".join(array.dtype.name for array in (row_starts, columns, values))
    if types != "int64, int32, float32":
        raise DataInvalid(f"interaction arrays are {types}, not int64, int32, float32")
    if not len(row_starts) or row_starts[0] != 0 or np.any(np.diff(row_starts) < 0):
        raise DataInvalid("row_starts must ascend from 0")
    if not row_starts[-1] == len(columns) == len(values):
        sizes = f"{len(columns)} columns, {len(values)} values"
        raise DataInvalid(f"row_starts end at {row_starts[-1]}, but there are {sizes}")
    if len(columns) and not 0 <= columns.min() <= columns.max() < column_count:
        raise DataInvalid(f"columns leave 0..{column_count - 1}")
    falls = np.flatnonzero(columns[1:] <= columns[:-1]) + 1
    if not np.isin(falls, row_starts).all():
        raise DataInvalid("columns must ascend inside every row, each once")
    if not np.isfinite(values).all():
        raise DataInvalid(f"value of entry {np.flatnonzero(~np.isfinite(values))[0]} is not finite")
    return Interactions(row_starts, columns, values, column_count)
