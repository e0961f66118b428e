"""Splits of events into training and held-out ones."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import Events
from shortlist.core.data.splits import split_by_time, split_last, split_random, split_unseen_users
from shortlist.core.errors import DataInvalid, SettingInvalid


def events_of(users: npt.ArrayLike, times: npt.ArrayLike | None = None) -> Events:
    rows = np.array(users, np.int32)
    items = np.arange(len(rows), dtype=np.int32)
    stamps = None if times is None else np.array(times, np.int64)
    return Events(rows, items, np.ones(len(rows), np.float32), stamps)


@st.composite
def any_events(draw: st.DrawFn) -> Events:
    users = draw(st.lists(st.integers(0, 6), max_size=40))
    times = draw(st.lists(st.integers(0, 9), min_size=len(users), max_size=len(users)))
    return events_of(users, times)


def assert_known_users(events: Events, train: np.ndarray, held_out: np.ndarray) -> None:
    assert not (train & held_out).any()
    assert set(events.users[held_out]) <= set(events.users[train])


@settings(max_examples=150, deadline=None)
@given(events=any_events(), share=st.floats(0.05, 0.95), seed=st.integers(0, 5))
def test_no_user_without_training_events_is_held_out(
    events: Events, share: float, seed: int
) -> None:
    for split in (
        split_by_time(events, share),
        split_random(events, share, seed),
        split_last(events, 1 + seed % 3),
    ):
        assert_known_users(events, split.train, split.held_out)


@settings(max_examples=150, deadline=None)
@given(events=any_events(), share=st.floats(0.05, 0.95), seed=st.integers(0, 5))
def test_unseen_users_have_no_training_event_and_a_history(
    events: Events, share: float, seed: int
) -> None:
    split = split_unseen_users(events, share, 1 - share, seed)
    parts = np.stack([split.train, split.history, split.held_out])
    assert (parts.sum(axis=0) == 1).all()
    unseen = set(split.users.tolist())
    assert not unseen & set(events.users[split.train].tolist())
    assert set(events.users[split.history].tolist()) == unseen
    assert set(events.users[split.held_out].tolist()) == unseen


@settings(max_examples=100, deadline=None)
@given(events=any_events(), share=st.floats(0.05, 0.95))
def test_a_split_by_time_never_trains_on_what_comes_later(events: Events, share: float) -> None:
    split = split_by_time(events, share)
    assert events.times is not None
    if split.train.any() and split.held_out.any():
        assert events.times[split.train].max() < events.times[split.held_out].min()


def test_a_split_by_time_holds_out_the_share_of_the_events() -> None:
    rng = np.random.default_rng(0)
    events = events_of(rng.integers(0, 3, 1000), rng.permutation(1000))
    split = split_by_time(events, 0.2)
    assert split.held_out.sum() == 200
    assert split.train.sum() == 800


def test_events_after_the_cut_of_new_users_take_no_part() -> None:
    split = split_by_time(events_of([0, 0, 1, 0], [1, 2, 3, 4]), 0.5)
    assert split.train.tolist() == [True, True, False, False]
    assert split.held_out.tolist() == [False, False, False, True]


def test_the_last_event_is_the_newest_one() -> None:
    split = split_last(events_of([0, 1, 0, 0, 2], [5, 1, 9, 7, 3]))
    assert split.held_out.tolist() == [False, False, True, False, False]
    by_reading = split_last(events_of([0, 1, 0, 0, 2]), 2)
    assert by_reading.held_out.tolist() == [False, False, True, True, False]
    equal_times = split_last(events_of([0, 0, 0], [4, 4, 4]))
    assert equal_times.held_out.tolist() == [False, False, True]


def test_a_random_split_takes_the_share_of_every_user() -> None:
    events = events_of(np.repeat(np.arange(50), np.arange(1, 51)))
    split = split_random(events, 0.3, seed=1)
    held_out = np.bincount(events.users[split.held_out], minlength=50)
    assert held_out.tolist() == [int(np.floor(0.3 * count)) for count in range(1, 51)]
    assert (split.train ^ split.held_out).all()


def test_unseen_users_are_the_share_of_those_with_two_events() -> None:
    events = events_of(np.repeat(np.arange(100), [1] * 20 + [10] * 80))
    split = split_unseen_users(events, 0.25, 0.8, seed=3)
    assert len(split.users) == 20
    assert split.users.min() >= 20
    assert (np.bincount(events.users[split.history])[split.users] == 8).all()


def test_the_seed_decides_everything() -> None:
    events = events_of(np.random.default_rng(0).integers(0, 30, 500))
    same = [split_random(events, 0.4, seed=7).held_out.tobytes() for _ in range(2)]
    assert same[0] == same[1]
    assert split_random(events, 0.4, seed=8).held_out.tobytes() != same[0]
    first, second = (split_unseen_users(events, 0.4, 0.5, seed) for seed in (1, 2))
    assert first.users.tolist() != second.users.tolist()


def test_settings_out_of_range_are_refused() -> None:
    events = events_of([0, 0], [1, 2])
    for share in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(SettingInvalid, match="held_out_share="):
            split_by_time(events, share)
        with pytest.raises(SettingInvalid, match="held_out_share="):
            split_random(events, share, 0)
        with pytest.raises(SettingInvalid, match="history_share="):
            split_unseen_users(events, 0.5, share, 0)
    with pytest.raises(SettingInvalid, match="held_out_count="):
        split_last(events, 0)
    with pytest.raises(DataInvalid, match="times"):
        split_by_time(events_of([0, 0]), 0.5)
