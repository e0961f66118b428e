"""How popular items are: over all time, or with older events counting less.

The baseline that a model has to beat, and the answer for users of whom nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from shortlist.core.data.interactions import Events, FloatArray, Interactions
from shortlist.core.errors import DataInvalid, SettingInvalid

EVENTS_AT_ONCE = 1 << 20  # bounds what the decay needs beside the events


def count_popularity(interactions: Interactions) -> FloatArray:
    """Return how many users have each item, (items,), of users x items; dislikes do not count."""
    liked = interactions.columns[interactions.values >= 0]
    counts = np.bincount(liked, minlength=interactions.column_count)
    return counts.astype(np.float32)


def decayed_popularity(
    events: Events, item_count: int, half_life_ms: float, now_ms: int | None = None
) -> FloatArray:
    """Return the sum of each item's `event_weights`, (items,); only ratios carry meaning."""
    weights = event_weights(events, half_life_ms, now_ms)
    totals = np.zeros(item_count)
    for part in _parts(len(events)):
        totals += np.bincount(events.items[part], weights[part], minlength=item_count)
    return totals.astype(np.float32)


def event_weights(events: Events, half_life_ms: float, now_ms: int | None = None) -> FloatArray:
    """Return what each event counts, (events,): 2^(-age / half_life), dislikes nothing.

    now_ms: when ages are measured; None is the time of the latest event. Events after it count
    nothing, so that a test's future cannot leak in.
    Raises SettingInvalid for half_life_ms <= 0, DataInvalid for events without times.
    """
    if not (half_life_ms > 0 and math.isfinite(half_life_ms)):
        raise SettingInvalid("half_life_ms", half_life_ms, "a finite number above 0")
    if events.times is None:
        raise DataInvalid("events have no times, which decayed popularity needs")
    if now_ms is None:
        now_ms = int(events.times.max(initial=0))
    weights = np.empty(len(events), np.float32)
    for part in _parts(len(events)):
        ages = now_ms - events.times[part]
        counted = (ages >= 0) & (events.values[part] >= 0)
        weights[part] = np.exp2(-np.maximum(ages, 0) / half_life_ms) * counted
    return weights


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + EVENTS_AT_ONCE) for start in range(0, count, EVENTS_AT_ONCE))
