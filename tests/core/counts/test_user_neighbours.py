"""User neighbours against dense matrices; best rows against a full sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.core.counts.params import WEIGHTINGS, Weighting
from shortlist.core.counts.user_neighbours import UserNeighbours
from shortlist.core.scan.best_rows import best_rows
from tests.core.counts.test_neighbours import some_interactions
from tests.oracles.neighbours import similarities_of


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("count", [1, 5, 1000])
def test_items_are_scored_by_the_nearest_users(weighting: Weighting, count: int) -> None:
    """A row of the matrix asked as a history is its own nearest; the others as the oracle says."""
    interactions = some_interactions()
    near = UserNeighbours(interactions, count, weighting)
    similarity = similarities_of(interactions, weighting)
    dense = np.zeros((interactions.row_count, interactions.column_count))
    for row in range(interactions.row_count):
        columns, values = interactions.row(row)
        dense[row, columns] = values
    for row in (0, 7, 31):
        order = np.argsort(-similarity[row].astype(np.float32), kind="stable")[:count]
        order = order[similarity[row, order] > 0]
        expected = similarity[row, order] @ dense[order]
        found = near.scores(*interactions.row(row))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_an_empty_history_likes_nothing() -> None:
    near = UserNeighbours(some_interactions(), 5, "cosine")
    assert not near.scores(np.empty(0, np.int32), np.empty(0, np.float32)).any()


@given(st.lists(st.integers(-3, 3), max_size=60), st.integers(0, 70))
def test_the_best_rows_are_those_of_a_full_sort(scores: list[int], count: int) -> None:
    values = np.array(scores, np.float32)
    rows = np.arange(len(values), dtype=np.int32) * 2
    found, best = best_rows(rows, values, count)
    expected = sorted(zip(-values, rows, strict=True))[:count]
    assert [(-score, row) for score, row in zip(best, found, strict=True)] == expected
