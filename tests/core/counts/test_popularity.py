"""Popularity against sums written out one event at a time."""

import numpy as np
import pytest

from shortlist.core.counts.popularity import (
    count_popularity,
    decayed_popularity,
    event_popularity,
    ranked_items,
)
from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.errors import DataInvalid, SettingInvalid

DAY_MS = 86_400_000


def some_events(count: int = 400, items: int = 20) -> Events:
    random = np.random.default_rng(3)
    return Events(
        random.integers(0, 30, count).astype(np.int32),
        random.integers(0, items - 1, count).astype(np.int32),  # the last item has no event
        random.choice([1.0, 2.0, -1.0], count).astype(np.float32),
        random.integers(0, 40 * DAY_MS, count),
    )


def test_users_and_events_are_counted_without_dislikes() -> None:
    events = some_events()
    liked = [
        (u, i) for u, i, v in zip(events.users, events.items, events.values, strict=True) if v > 0
    ]
    by_event = event_popularity(events, 20)
    assert by_event.tolist() == [sum(i == item for _, i in liked) for item in range(20)]
    positive = events.values > 0
    liked_only = Events(events.users[positive], events.items[positive], events.values[positive])
    by_user = count_popularity(build_interactions(liked_only, 30, 20))
    assert by_user.tolist() == [len({u for u, i in liked if i == item}) for item in range(20)]
    disliked = Events(events.users, events.items, -np.abs(events.values))
    assert not count_popularity(build_interactions(disliked, 30, 20)).any()


@pytest.mark.parametrize("now_days", [None, 25])
def test_an_event_counts_half_after_each_half_life(now_days: int | None) -> None:
    events = some_events()
    assert events.times is not None
    now = int(events.times.max()) if now_days is None else now_days * DAY_MS
    expected = np.zeros(20)
    for item, value, time in zip(events.items, events.values, events.times, strict=True):
        if value > 0 and time <= now:
            expected[item] += 0.5 ** ((now - time) / (3 * DAY_MS))
    given = None if now_days is None else now
    found = decayed_popularity(events, 20, 3 * DAY_MS, given)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_best_come_first_and_ties_by_row() -> None:
    scores = np.array([1, 3, 0, 3, 2], np.float32)
    rows, found = ranked_items(scores, 3)
    assert rows.tolist() == [1, 3, 4]
    assert found.tolist() == [3, 3, 2]
    assert len(ranked_items(scores, 99)[0]) == 5
    assert len(ranked_items(scores, 0)[0]) == 0


def test_what_cannot_be_is_refused() -> None:
    events = some_events()
    for half_life in (0, -1, np.nan, np.inf):
        with pytest.raises(SettingInvalid, match="half_life_ms"):
            decayed_popularity(events, 20, half_life)
    untimed = Events(events.users, events.items, events.values)
    with pytest.raises(DataInvalid, match="no times"):
        decayed_popularity(untimed, 20, DAY_MS)
    with pytest.raises(SettingInvalid, match="count=-1"):
        ranked_items(np.zeros(3, np.float32), -1)
    nothing = Events(events.users[:0], events.items[:0], events.values[:0])
    assert not event_popularity(nothing, 4).any()
