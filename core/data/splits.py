"""Ways to hold out events for evaluation, as masks over the events.

Every split leaves an event in training, holds it out, or drops it from both: what is held out
belongs to users who can be evaluated, so that no user without training events counts as known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.errors import DataInvalid, SettingInvalid

if TYPE_CHECKING:
    from shortlist.core.data.interactions import Events, IntArray, LongArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Split:
    """Which events train and which are to be predicted; the rest take no part."""

    train: BoolArray  # (events,)
    held_out: BoolArray  # (events,) disjoint from train; every user here has training events


@dataclass(frozen=True, slots=True)
class UnseenUsersSplit:
    """Users kept out of training altogether, who show part of their events when they are asked."""

    train: BoolArray  # (events,) of all other users
    history: BoolArray  # (events,) given with the query
    held_out: BoolArray  # (events,) to be predicted; every user here has a history
    users: IntArray  # the unseen users who can be evaluated, ascending


def split_by_time(events: Events, held_out_share: float) -> Split:
    """Hold out the newest share of the events: train before a moment, predict from it on.

    The moment is the time of the first held-out event; events of that very time are all held out.
    Events after it of users without one before take no part. Raises DataInvalid without times.
    """
    _check_share("held_out_share", held_out_share)
    times = _times(events)
    if len(times) == 0:
        return Split(np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    place = min(int(len(times) * (1 - held_out_share)), len(times) - 1)
    cut = np.partition(times, place)[place]
    train = times < cut
    return Split(train, _of_known_users(events, train, ~train))


def split_random(events: Events, held_out_share: float, seed: int) -> Split:
    """Hold out a random share of each user's events, rounded down: a user keeps at least one."""
    _check_share("held_out_share", held_out_share)
    order, places, counts = _within_users(events.users, _shuffled(len(events), seed))
    held_out = np.empty(len(events), np.bool_)
    held_out[order] = places < np.floor(counts * held_out_share)
    return Split(~held_out, held_out)


def split_last(events: Events, held_out_count: int = 1) -> Split:
    """Hold out the last events of each user who has more than those.

    By time where times are known (equal times in reading order), else by reading order.
    """
    if held_out_count < 1:
        raise SettingInvalid("held_out_count", held_out_count, "at least 1")
    reading = np.arange(len(events))
    newest_last = reading if events.times is None else np.argsort(events.times, kind="stable")
    order, places, counts = _within_users(events.users, newest_last)
    held_out = np.empty(len(events), np.bool_)
    held_out[order] = (places >= counts - held_out_count) & (counts > held_out_count)
    return Split(~held_out, held_out)


def split_unseen_users(
    events: Events, user_share: float, history_share: float, seed: int
) -> UnseenUsersSplit:
    """Keep a random share of the users out; of each one's events a random share is the history.

    The history is rounded to the nearest count but leaves both sides at least one event. Users
    with a single event cannot be evaluated so: they are never drawn and stay in training.
    """
    _check_share("user_share", user_share)
    _check_share("history_share", history_share)
    counts_of_users = np.bincount(events.users) if len(events) else np.zeros(0, np.int64)
    able = np.flatnonzero(counts_of_users > 1)
    generator = np.random.default_rng(seed)
    drawn = generator.permutation(able)[: round(len(able) * user_share)]
    unseen = np.zeros(len(counts_of_users), np.bool_)
    unseen[drawn] = True
    apart = unseen[events.users]
    order, places, counts = _within_users(events.users, generator.permutation(len(events)))
    early = np.empty(len(events), np.bool_)
    early[order] = places < np.clip(np.rint(counts * history_share), 1, np.maximum(counts - 1, 1))
    users = np.sort(drawn).astype(np.int32)
    return UnseenUsersSplit(~apart, apart & early, apart & ~early, users)


def _within_users(users: IntArray, ranking: LongArray) -> tuple[LongArray, LongArray, LongArray]:
    """Sort the events by user, inside a user as `ranking` (a permutation) has them.

    Returns (order, places, counts): event order[i] is number places[i] of counts[i] of its user.
    """
    order = ranking[np.argsort(users[ranking], kind="stable")]
    per_user = np.bincount(users) if len(users) else np.zeros(0, np.int64)
    starts = np.cumsum(per_user) - per_user
    sorted_users = users[order]
    places = np.arange(len(users)) - starts[sorted_users]
    return order, places, per_user[sorted_users]


def _of_known_users(events: Events, train: BoolArray, wanted: BoolArray) -> BoolArray:
    """Return the wanted events whose user has training events."""
    known = np.zeros(int(events.users.max(initial=-1)) + 1, np.bool_)
    known[events.users[train]] = True
    return wanted & known[events.users]


def _shuffled(count: int, seed: int) -> LongArray:
    return np.random.default_rng(seed).permutation(count)


def _times(events: Events) -> LongArray:
    if events.times is None:
        raise DataInvalid("a split by time needs the times of the events; these have none")
    return events.times


def _check_share(field: str, share: float) -> None:
    if not 0 < share < 1:
        raise SettingInvalid(field, share, "between 0 and 1")
