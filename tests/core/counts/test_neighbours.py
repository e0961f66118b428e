"""Neighbours against dense products."""

import numpy as np
import pytest

from shortlist.core.counts.neighbours import Neighbours, find_neighbours
from shortlist.core.counts.params import WEIGHTINGS, Weighting
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import SettingInvalid
from tests.oracles.neighbours import similarities_of


def some_interactions(rows: int = 60, columns: int = 40, count: int = 700) -> Interactions:
    random = np.random.default_rng(9)
    events = Events(
        (rows * random.random(count) ** 2).astype(np.int32),
        (columns * random.random(count) ** 2).astype(np.int32),
        random.choice([1.0, 2.0, 5.0, -1.0], count).astype(np.float32),
    )
    return build_interactions(events, rows, columns, "last")


def bytes_of(found: Neighbours) -> list[bytes]:
    return [part.tobytes() for part in (found.row_starts, found.rows, found.similarities)]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("count", [1, 7, 500])
def test_the_most_similar_rows_are_found_best_first(weighting: Weighting, count: int) -> None:
    interactions = some_interactions()
    found = find_neighbours(interactions, count, weighting)
    expected = similarities_of(interactions, weighting)
    for row in range(interactions.row_count):
        near, scores = found.of(row)
        others = np.delete(np.arange(len(expected)), row)
        wanted = -np.sort(-expected[row, others])
        wanted = wanted[wanted > 1e-6][:count]
        assert row not in near
        assert len(set(near.tolist())) == len(near)
        assert (np.diff(scores) <= 0).all()
        np.testing.assert_allclose(scores[: len(wanted)], wanted, rtol=1e-5)
        np.testing.assert_allclose(scores, expected[row, near], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_threads_change_no_bit(weighting: Weighting) -> None:
    interactions = some_interactions(900, 300, 8000)
    one = bytes_of(find_neighbours(interactions, 20, weighting, threads=1))
    for threads in (2, 3):
        assert bytes_of(find_neighbours(interactions, 20, weighting, threads=threads)) == one


def test_equal_similarities_are_in_the_order_of_rows() -> None:
    """Five rows with the same single column: all similarities are one."""
    rows = np.arange(5, dtype=np.int32)
    events = Events(rows, np.zeros(5, np.int32), np.ones(5, np.float32))
    interactions = build_interactions(events, 5, 1)
    for count in (2, 3, 9):
        near = find_neighbours(interactions, count).of(3)[0]
        assert near.tolist() == [0, 1, 2, 4][:count]


def test_rows_without_interactions_have_no_neighbours() -> None:
    nobody = np.empty(0, np.int32)
    events = Events(nobody, nobody, np.empty(0, np.float32))
    for rows in (0, 1, 3):
        found = find_neighbours(build_interactions(events, rows, 2), 5, "bm25")
        assert found.row_starts.tolist() == [0] * (rows + 1)


def test_a_dislike_pushes_rows_apart() -> None:
    users = np.array([0, 1, 2], np.int32)
    values = np.array([1, 1, -1], np.float32)
    built = build_interactions(Events(users, np.zeros(3, np.int32), values), 3, 1)
    assert find_neighbours(built, 5).of(0)[0].tolist() == [1]
    assert find_neighbours(built, 5).of(2)[0].tolist() == []


def test_a_history_scores_by_the_sum_of_its_neighbours() -> None:
    interactions = some_interactions()
    found = find_neighbours(interactions, 500)
    dense = np.maximum(similarities_of(interactions, "cosine"), 0)
    np.fill_diagonal(dense, 0)
    history, values = np.array([3, 17], np.int32), np.array([2, -0.5], np.float32)
    expected = 2 * dense[3] - 0.5 * dense[17]
    np.testing.assert_allclose(found.scores(history, values), expected, atol=1e-5)


def test_settings_out_of_range_are_refused() -> None:
    interactions = some_interactions()
    with pytest.raises(SettingInvalid, match="count=0"):
        find_neighbours(interactions, 0)
    with pytest.raises(SettingInvalid, match="weighting='jaccard'"):
        find_neighbours(interactions, 1, "jaccard")  # type: ignore[arg-type]
