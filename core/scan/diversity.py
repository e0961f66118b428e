"""Choosing from a ranking so that the chosen differ: limits a value, and marginal relevance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import IntArray, LongArray
from shortlist.core.errors import SettingInvalid
from shortlist.core.scan._diversity import admit, order_by_marginal_relevance

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RowValues:
    """Which values each row has, as codes 0..value_count-1; a row has none, one or several."""

    starts: LongArray  # (rows + 1,) where each row's codes start
    codes: IntArray  # ascending inside a row, none twice
    value_count: int

    def reachable(self, most: int) -> int:
        """Return how many rows `first_per_value` can keep of all at most."""
        valueless = int((np.diff(self.starts) == 0).sum())
        rows_of_value = np.bincount(self.codes, minlength=self.value_count)
        return valueless + int(np.minimum(rows_of_value, most).sum())


def first_per_value(values: RowValues, ranked: IntArray, most: int, wanted: int) -> LongArray:
    """Return the places in `ranked` of the first `wanted` rows that keep every value within `most`.

    Greedy from the front: a row is taken unless one of its values has been taken `most` times. A
    row without a value is always taken. Raises SettingInvalid at a row that does not exist.
    """
    if len(ranked) and not 0 <= ranked.min() <= ranked.max() < len(values.starts) - 1:
        raise SettingInvalid("ranked", int(ranked.max()), f"rows 0 to {len(values.starts) - 2}")
    kept = np.empty(min(wanted, len(ranked)), np.int64)
    admitted = np.zeros(values.value_count, np.int64)
    count = admit(values.starts, values.codes, ranked, most, len(kept), admitted, kept)
    return kept[:count]


def marginal_relevance(
    scores: Doubles, directions: Doubles, strength: float, count: int
) -> LongArray:
    """Return places in an order of maximal marginal relevance (Carbonell and Goldstein 1998).

    scores (n,) and directions (n, dim), of length 1 or 0, of a pool that is ranked best first. The
    next one maximises (1 - strength) relevance - strength (largest cosine with one chosen before),
    relevance being the score scaled to 0..1 over the pool; ties go to the better ranked.
    """
    spread = float(np.ptp(scores)) if len(scores) else 0.0
    relevance = (scores - scores.min(initial=np.inf)) / spread if spread else np.ones(len(scores))
    relevance *= 1 - strength
    order = np.empty(min(count, len(scores)), np.int64)
    order_by_marginal_relevance(
        relevance,
        strength,
        np.ascontiguousarray(directions),
        np.full(len(scores), -1.0),
        np.zeros(len(scores), np.int64),
        order,
    )
    return order
