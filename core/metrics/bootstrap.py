"""Whether one model is better than another on the same queries, or only luckier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.errors import SettingInvalid

DoubleArray: TypeAlias = npt.NDArray[np.float64]

SAMPLES_AT_ONCE = 64  # bounds the temporary memory


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one model is than another on the same queries."""

    mean: float  # of a - b
    low: float  # ends of the confidence interval
    high: float
    confidence: float

    @property
    def is_clear(self) -> bool:
        """Say whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    a: DoubleArray, b: DoubleArray, seed: int = 0, samples: int = 2000, confidence: float = 0.95
) -> Difference:
    """Compare one metric of two models, query by query (n,): see paired_bootstraps."""
    if a.ndim != 1 or b.ndim != 1:
        raise SettingInvalid("a, b", (a.shape, b.shape), "one value a query, the same queries")
    return paired_bootstraps(a[None], b[None], seed, samples, confidence)[0]


def paired_bootstraps(
    a: DoubleArray, b: DoubleArray, seed: int = 0, samples: int = 2000, confidence: float = 0.95
) -> list[Difference]:
    """Compare several metrics of two models, (metrics, n): percentile bootstrap over queries.

    Efron and Tibshirani 1993, ch. 13; paired as in Sakai 2006. All metrics share their resamples
    and the same seed gives the same intervals. Raises SettingInvalid for unequal or empty arrays
    and settings out of range.
    """
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] == 0:
        raise SettingInvalid("a, b", (a.shape, b.shape), "one value a query, the same queries")
    if not 1 <= samples <= 1_000_000:
        raise SettingInvalid("samples", samples, "1 to 1000000")
    if not 0 < confidence < 1:
        raise SettingInvalid("confidence", confidence, "between 0 and 1")
    differences = np.asarray(a, np.float64) - b
    tail = (1 - confidence) / 2
    means = _resampled_means(differences, np.random.default_rng(seed), samples)
    lows, highs = np.quantile(means, [tail, 1 - tail], axis=0)
    intervals = zip(differences.mean(axis=1).tolist(), lows.tolist(), highs.tolist(), strict=True)
    return [Difference(mean, low, high, confidence) for mean, low, high in intervals]


def _resampled_means(
    differences: DoubleArray, generator: np.random.Generator, samples: int
) -> DoubleArray:
    """Return the means (samples, metrics) over queries drawn with replacement."""
    count = differences.shape[1]
    means = np.empty((samples, len(differences)))
    for first in range(0, samples, SAMPLES_AT_ONCE):
        some = means[first : first + SAMPLES_AT_ONCE]
        drawn = [
            np.bincount(generator.integers(0, count, count), minlength=count)
            for _ in range(len(some))
        ]
        some[:] = np.asarray(drawn, np.float64) @ differences.T / count
    return means
