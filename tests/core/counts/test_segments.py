"""Popularity by segment against sums written out one pair at a time."""

import numpy as np

from shortlist.core.counts.segments import (
    PRIOR_EVENTS,
    SegmentScores,
    main_segments,
    segment_popularity,
)
from shortlist.core.data.interactions import Events, Interactions, build_interactions

USERS, ITEMS, SEGMENTS = 40, 15, 4


def user_segments() -> tuple[Interactions, list[list[int]]]:
    """Return events of users x segments, and the same as lists; the last user has none."""
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 3, (USERS, SEGMENTS))
    counts[-1] = 0
    users, segments = (part.astype(np.int32) for part in counts.nonzero())
    events = Events(users, segments, counts[users, segments].astype(np.float32))
    return build_interactions(events, USERS, SEGMENTS), counts.tolist()


def test_a_user_belongs_to_the_first_of_the_most_frequent_segments() -> None:
    found, counts = user_segments()
    main = main_segments(found)
    for user, row in enumerate(counts):
        expected = [row.index(max(row))] if any(row) else []
        assert main.row(user)[0].tolist() == expected


def test_weights_are_summed_by_the_segment_of_the_user() -> None:
    users = main_segments(user_segments()[0])
    rng = np.random.default_rng(6)
    rows = rng.integers(0, USERS, 300)
    items = rng.integers(0, ITEMS, 300).astype(np.int32)
    weights = rng.integers(0, 4, 300).astype(np.float32)
    expected = np.zeros((SEGMENTS, ITEMS))
    for row, item, weight in zip(rows, items, weights, strict=True):
        for segment in users.row(int(row))[0]:
            expected[segment, item] += weight
    found = segment_popularity(rows, items, weights, users, ITEMS)
    for segment in range(SEGMENTS):
        columns, values = found.row(segment)
        np.testing.assert_array_equal(values, expected[segment, columns])
        assert values.sum() == expected[segment].sum()


def test_what_a_segment_never_met_keeps_the_order_of_everybody() -> None:
    pairs = Events(
        np.array([0, 0], np.int32), np.array([4, 2], np.int32), np.array([3, 1], np.float32)
    )
    everybody = np.array([6, 8, 1, 0, 5], np.float32)
    scores = SegmentScores(build_interactions(pairs, 2, 5), everybody)
    assert np.argsort(-scores.of(0)).tolist() == [4, 1, 0, 2, 3]
    np.testing.assert_allclose(scores.of(1), everybody * PRIOR_EVENTS / 20)
    np.testing.assert_allclose(scores.of(0).sum(), 4 + PRIOR_EVENTS)
    nothing = SegmentScores(build_interactions(pairs, 2, 5), np.zeros(5, np.float32))
    assert nothing.of(1).tolist() == [0] * 5
