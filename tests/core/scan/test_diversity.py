"""Limits a value and marginal relevance against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.core.errors import SettingInvalid
from shortlist.core.scan.diversity import RowValues, first_per_value, marginal_relevance
from tests.oracles import diversity as oracle

ROWS = st.lists(st.sets(st.integers(0, 4), max_size=3), max_size=30)


def row_values(rows: list[set[int]]) -> RowValues:
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    codes = np.array([code for row in rows for code in sorted(row)], np.int32)
    return RowValues(starts, codes, 5)


@given(ROWS, st.integers(1, 4), st.integers(0, 40), st.randoms())
def test_rows_are_taken_in_order_until_a_value_is_full(
    rows: list[set[int]], most: int, wanted: int, random: object
) -> None:
    values = row_values(rows)
    ranked = np.array(random.sample(range(len(rows)), len(rows)), np.int32)  # type: ignore[attr-defined]
    kept = first_per_value(values, ranked, most, wanted)
    expected = oracle.first_per_value([rows[row] for row in ranked.tolist()], most, wanted)
    assert kept.tolist() == expected
    assert len(first_per_value(values, ranked, most, 1000)) <= values.reachable(most)


def test_a_row_that_does_not_exist_is_refused() -> None:
    values = row_values([{1}, set()])
    for row in (-1, 2):
        with pytest.raises(SettingInvalid):
            first_per_value(values, np.array([row], np.int32), 1, 1)


POOLS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(POOLS, st.integers(1, 12), st.floats(0, 1), st.integers(0, 15))
def test_every_choice_is_worth_the_most(
    rng: np.random.Generator, size: int, strength: float, count: int
) -> None:
    """Checked choice by choice, because rounding may part two that are worth the same."""
    vectors = rng.integers(-2, 3, (size, 3)).astype(np.float64)
    scores = np.sort(rng.integers(-5, 5, size).astype(np.float64))[::-1]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    order = marginal_relevance(scores, directions, strength, count).tolist()
    assert len(order) == len(set(order)) == min(count, size)
    for place, one in enumerate(order):
        worth = [
            oracle.marginal_worth(scores.tolist(), vectors, strength, order[:place], other)
            for other in range(size)
        ]
        left = [worth[other] for other in range(size) if other not in order[:place]]
        assert worth[one] >= max(left) - 1e-9


def test_no_strength_leaves_the_order_and_twins_come_in_the_order_of_rank() -> None:
    scores = np.array([3.0, 2.0, 2.0, 1.0])
    twins = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert marginal_relevance(scores, twins, 0.0, 4).tolist() == [0, 1, 2, 3]
    assert marginal_relevance(scores, twins, 1.0, 4).tolist() == [0, 1, 2, 3]
    assert marginal_relevance(np.zeros(0), np.zeros((0, 2)), 0.5, 3).tolist() == []
