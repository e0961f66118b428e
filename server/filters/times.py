"""Times: items published in a window, and scores that fade with age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, LongArray

NO_TIME = np.iinfo(np.int64).min  # of an item whose time is not known
_TIMES_AT_ONCE = 1 << 14  # what lies between fits a cache


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; what is None does not bound it."""

    attribute: str = ""  # empty: the only attribute that is a time
    after_ms: int | None = None  # from this moment on
    before_ms: int | None = None  # up to just before this moment
    age_max_ms: int | None = None  # no older than this at the moment of the request


@dataclass(frozen=True, slots=True)
class Freshness:
    """How scores fade: s - weight |s| (1 - 2^(-age / half_life)).

    An older item never gains, whatever the sign of its score; weight 0 changes nothing, weight 1
    halves a positive score every half-life. Items without a time count as infinitely old, those of
    the future as new.
    """

    half_life_ms: int
    weight: float = 1.0  # 0..1
    attribute: str = ""


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
