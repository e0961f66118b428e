"""Times: items published in a window, and scores that fade with age."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, LongArray
from shortlist.server.domain.restrictions import Freshness, Window

NO_TIME = np.iinfo(np.int64).min  # of an item whose time is not known
_TIMES_AT_ONCE = 1 << 14  # what lies between fits a cache


def within_window(window: Window, times: LongArray, now_ms: int) -> npt.NDArray[np.bool_]:
    """Return which times (n,), milliseconds since 1970, lie in the window; unknown ones do not."""
    inside: npt.NDArray[np.bool_] = times != NO_TIME
    if window.after_ms is not None:
        inside &= times >= window.after_ms
    if window.before_ms is not None:
        inside &= times < window.before_ms
    if window.age_max_ms is not None:
        inside &= times >= now_ms - window.age_max_ms
    return inside


def faded(freshness: Freshness, scores: FloatArray, times: LongArray, now_ms: int) -> FloatArray:
    """Return scores (n,) of items published at times (n,), faded by their age."""
    ages = np.maximum(now_ms - times.astype(np.float64), 0)
    ages[times == NO_TIME] = np.inf
    lost = 1 - np.exp2(-ages / freshness.half_life_ms)
    wide = scores.astype(np.float64)
    fresh: FloatArray = (wide - freshness.weight * np.abs(wide) * lost).astype(np.float32)
    return fresh


def fading_weights(freshness: Freshness, times: LongArray, now_ms: int) -> FloatArray:
    """Return (n,) what positive scores of items published at times (n,) are multiplied by."""
    weights = np.empty(len(times), np.float32)
    for start in range(0, len(times), _TIMES_AT_ONCE):
        here = slice(start, start + _TIMES_AT_ONCE)
        ages = now_ms - times[here].astype(np.float64)  # whole numbers would wrap around NO_TIME
        halvings = np.maximum(ages, 0) / freshness.half_life_ms
        weights[here] = np.exp2(-halvings.astype(np.float32))
    weights *= np.float32(freshness.weight)
    weights += np.float32(1 - freshness.weight)
    return weights
