"""Events become compressed rows: every pair once, no bit depending on threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import (
    AGGREGATES,
    Aggregate,
    Events,
    Interactions,
    build_interactions,
    checked_interactions,
    minimum_support,
    select_rows,
    transposed,
)
from shortlist.core.errors import DataInvalid, SettingInvalid
from tests.oracles.interactions import dense_of, pairs_of, supported_of


def random_events(count: int, users: int, items: int, seed: int, timed: bool = True) -> Events:
    """Events with a popularity skew, so that some rows are long and many pairs repeat."""
    random = np.random.default_rng(seed)
    return Events(
        (users * random.random(count) ** 3).astype(np.int32),
        (items * random.random(count) ** 2).astype(np.int32),
        random.normal(size=count).astype(np.float32),
        random.integers(0, max(1, count // 10), count) if timed else None,
    )


def arrays_of(interactions: Interactions) -> list[bytes]:
    parts = interactions.row_starts, interactions.columns, interactions.values
    return [part.tobytes() for part in parts]


def as_pairs(interactions: Interactions) -> dict[tuple[int, int], float]:
    users = np.repeat(np.arange(interactions.row_count), np.diff(interactions.row_starts))
    pairs = zip(users.tolist(), interactions.columns.tolist(), strict=True)
    return dict(zip(pairs, interactions.values.tolist(), strict=True))


def empty_events() -> Events:
    return Events(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(("users", "items"), [(30, 20), (3, 400), (200, 70_000)])
def test_every_pair_becomes_one_entry(
    aggregate: Aggregate, timed: bool, users: int, items: int
) -> None:
    events = random_events(4000, users, items, seed=1, timed=timed)
    built = build_interactions(events, users, items, aggregate)
    expected = pairs_of(events, aggregate)
    found = as_pairs(built)
    assert found.keys() == expected.keys()
    for pair, value in expected.items():
        assert found[pair] == np.float32(value), pair
    checked_interactions(built.row_starts, built.columns, built.values, built.column_count)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_threads_change_no_bit(aggregate: Aggregate) -> None:
    events = random_events(20_000, 500, 300, seed=2)
    one = build_interactions(events, 500, 300, aggregate, threads=1)
    for threads in (2, 3, 7):
        many = build_interactions(events, 500, 300, aggregate, threads=threads)
        assert arrays_of(many) == arrays_of(one)
        assert arrays_of(transposed(many, threads)) == arrays_of(transposed(one, 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_transposing_turns_the_matrix(count: int, users: int, items: int, threads: int) -> None:
    events = random_events(count, users, items, seed=count)
    built = build_interactions(events, users, items, "last", threads)
    turned = transposed(built, threads)
    np.testing.assert_array_equal(dense_of(turned), dense_of(built).T)
    assert arrays_of(transposed(turned)) == arrays_of(built)
    checked_interactions(turned.row_starts, turned.columns, turned.values, turned.column_count)


def test_last_prefers_the_later_time_and_then_the_later_line() -> None:
    """A dislike that comes last wins, though it is the smallest value."""
    same = np.zeros(4, np.int32)
    values = np.array([5, -2, 3, 1], np.float32)
    timed = Events(same, same, values, np.array([10, 30, 30, 20]))
    assert build_interactions(timed, 1, 1, "last").values.tolist() == [3]
    untimed = Events(same, same, values)
    assert build_interactions(untimed, 1, 1, "last").values.tolist() == [1]
    dislikes = Events(same, same, -np.abs(values))
    assert build_interactions(dislikes, 1, 1, "max").values.tolist() == [-1]


def test_no_events_make_empty_rows() -> None:
    for rows, columns in [(0, 0), (3, 0), (0, 3), (3, 4)]:
        built = build_interactions(empty_events(), rows, columns, threads=3)
        assert (built.row_count, built.column_count, built.entry_count) == (rows, columns, 0)
        turned = transposed(built, 2)
        assert (turned.row_count, turned.column_count, turned.entry_count) == (columns, rows, 0)


def test_selected_rows_are_copies_in_the_order_asked() -> None:
    built = build_interactions(random_events(300, 20, 15, seed=3), 20, 15)
    rows = np.array([7, 0, 7, 19], np.int32)
    part = select_rows(built, rows)
    np.testing.assert_array_equal(dense_of(part), dense_of(built)[rows])
    assert select_rows(built, rows[:0]).row_count == 0
    for wrong in ([-1], [20]):
        with pytest.raises(DataInvalid):
            select_rows(built, np.array(wrong, np.int32))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 80), st.integers(0, 5), st.integers(0, 5))
def test_minimum_support_holds_after_it_and_keeps_all_it_may(
    count: int, user_min: int, item_min: int
) -> None:
    events = random_events(count, 15, 10, seed=count)
    left = minimum_support(events, user_min, item_min)
    expected = supported_of(events, user_min, item_min)
    np.testing.assert_array_equal(left.users[left.events.users], events.users[expected])
    np.testing.assert_array_equal(left.items[left.events.items], events.items[expected])
    np.testing.assert_array_equal(left.events.values, events.values[expected])
    assert events.times is not None
    np.testing.assert_array_equal(left.events.times, events.times[expected])
    assert len(np.unique(left.events.users)) == len(left.users)
    assert len(np.unique(left.events.items)) == len(left.items)


def test_one_pass_of_minimum_support_thins_items_then_users() -> None:
    """Users are thinned last, so an item may end below its minimum."""
    users = np.array([0, 0, 1], np.int32)
    items = np.array([0, 1, 0], np.int32)
    events = Events(users, items, np.ones(3, np.float32))
    once = minimum_support(events, 1, 2, until_stable=False)
    assert (once.users.tolist(), once.items.tolist()) == ([0, 1], [0])
    assert len(minimum_support(events, 2, 2).events) == 0
    assert len(minimum_support(events, 2, 1, until_stable=False).events) == 2


@pytest.mark.parametrize(
    ("users", "items", "values", "message"),
    [
        ([0, 3], [0, 0], [1, 1], "user rows of events leave 0..2"),
        ([0, -1], [0, 0], [1, 1], "user rows"),
        ([0, 0], [0, 2], [1, 1], "item rows of events leave 0..1"),
        ([0, 0], [0, 0], [1, np.nan], "value of event 1 is nan"),
        ([0, 0], [0, 0], [-np.inf, 1], "value of event 0 is -inf"),
        ([0], [0, 0], [1, 1], "lengths"),
        ([0, 0], [0, 0], [3e38, 3e38], "exceeds float32"),
    ],
)
def test_events_that_cannot_be_used_are_refused(
    users: list[int], items: list[int], values: list[float], message: str
) -> None:
    events = Events(
        np.array(users, np.int32), np.array(items, np.int32), np.array(values, np.float32)
    )
    with pytest.raises(DataInvalid, match=message):
        build_interactions(events, 3, 2)


def test_unknown_aggregate_is_refused() -> None:
    with pytest.raises(SettingInvalid, match=r"aggregate='mean'.*sum, max, last, count"):
        build_interactions(empty_events(), 1, 1, "mean")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("starts", "columns", "values", "message"),
    [
        ([1, 2], [0, 1], [1, 1], "ascend from 0"),
        ([0, 2, 1], [0, 1], [1, 1], "ascend from 0"),
        ([0, 3], [0, 1], [1, 1], "end at 3"),
        ([0, 2], [0, 5], [1, 1], "columns leave 0..4"),
        ([0, 2], [1, 1], [1, 1], "ascend inside every row"),
        ([0, 2], [1, 0], [1, 1], "ascend inside every row"),
        ([0, 1, 2], [1, 0], [1, np.inf], "entry 1 is not finite"),
    ],
)
def test_arrays_that_are_no_interactions_are_refused(
    starts: list[int], columns: list[int], values: list[float], message: str
) -> None:
    with pytest.raises(DataInvalid, match=message):
        checked_interactions(
            np.array(starts), np.array(columns, np.int32), np.array(values, np.float32), 5
        )
