"""How popular items are: over all time, or with older events counting less.

The baseline that a model has to beat, and the answer for users of whom nothing is known.
"""

from __future__ import annotations

import math

import numpy as np

from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.interactions import Events, FloatArray, IntArray, Interactions

EVENTS_AT_ONCE = 1 << 20  # bounds what the decay needs beside the events


def count_popularity(interactions: Interactions) -> FloatArray:
    """Return how many users have each item, (items,), of users x items; dislikes do not count."""
    liked = interactions.columns[interactions.values >= 0]
    counts = np.bincount(liked, minlength=interactions.column_count)
    return counts.astype(np.float32)


def event_popularity(events: Events, item_count: int) -> FloatArray:
    """Return how many events each item has, (items,); dislikes do not count."""
    return _weighted(events, item_count, None, math.inf)


def decayed_popularity(
    events: Events, item_count: int, half_life_ms: float, now_ms: int | None = None
) -> FloatArray:
    """Return the events of each item, (items,), each counting 2^(-age / half_life).

    now_ms: when ages are measured; None is the time of the latest event. Events after it count
    nothing, so that a test's future cannot leak in. Only the ratios of scores carry meaning.
    Raises SettingInvalid for half_life_ms <= 0, DataInvalid for events without times.
    """
    if not (half_life_ms > 0 and math.isfinite(half_life_ms)):
        raise SettingInvalid("half_life_ms", half_life_ms, "a finite number above 0")
    if events.times is None:
        raise DataInvalid("events have no times, which decayed popularity needs")
    if now_ms is None:
        now_ms = int(events.times.max(initial=0))
    return _weighted(events, item_count, now_ms, half_life_ms)


def ranked_items(scores: FloatArray, count: int) -> tuple[IntArray, FloatArray]:
    """Return (rows, scores) of the best items, best first, ties by row; at most `count`."""
    if count < 0:
        raise SettingInvalid("count", count, "0 or more")
    best = np.argsort(-scores, kind="stable")[:count].astype(np.int32)
    return best, scores[best]


def _weighted(
    events: Events, item_count: int, now_ms: int | None, half_life_ms: float
) -> FloatArray:
    totals = np.zeros(item_count)
    for start in range(0, len(events), EVENTS_AT_ONCE):
        part = slice(start, start + EVENTS_AT_ONCE)
        weights = (events.values[part] >= 0).astype(np.float64)
        if events.times is not None and now_ms is not None:
            ages = now_ms - events.times[part]
            weights *= np.exp2(-np.maximum(ages, 0) / half_life_ms) * (ages >= 0)
        totals += np.bincount(events.items[part], weights, minlength=item_count)
    return totals.astype(np.float32)
