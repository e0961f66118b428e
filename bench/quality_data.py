"""The real data whose quality figures are known, each with its protocol; ids are rows already."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyarrow import parquet

from shortlist.core.data.interactions import Events, Interactions, build_interactions, select_rows
from shortlist.core.data.splits import split_unseen_users

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SampledTest:
    """The NCF protocol: one item of each user beside 99 sampled ones it never had."""

    train: Interactions
    users: npt.NDArray[np.int64]  # (n,)
    items: npt.NDArray[np.int64]  # (n,)
    negatives: npt.NDArray[np.int64]  # (n, 99)


@dataclass(frozen=True, slots=True)
class UnseenUsers:
    """A tenth of the users kept out; 80 % of their items are given, the others are to be found."""

    train: Interactions  # all users x items; the unseen ones have empty rows
    train_and_histories: Interactions  # the same, had the users shown their histories in training
    users: npt.NDArray[np.int32]
    histories: Interactions  # unseen users x items
    wanted: Interactions


@dataclass(frozen=True, slots=True)
class NextDay:
    """News: what users who were there before click on the day after training."""

    events: Events  # that train
    train: Interactions
    users: npt.NDArray[np.int32]  # asked: a sample of those with something to find
    had: Interactions  # asked users x items
    wanted: Interactions  # items of the days before, not had


def ncf_movielens(folder: Path) -> SampledTest:
    """Read the leave-one-out files of the NCF literature."""
    pairs = np.loadtxt(folder / "ml-1m.train.pairs.tsv", dtype=np.int64)[:, :2]
    test = np.loadtxt(folder / "ml-1m.test.rating", dtype=np.int64)[:, :2]
    lines = (folder / "ml-1m.test.negative").read_text().splitlines()
    negatives = np.array([[int(item) for item in line.split("\t")[1:]] for line in lines])
    items = 1 + max(int(pairs[:, 1].max()), int(test[:, 1].max()), int(negatives.max()))
    train = _matrix(_events(pairs[:, 0], pairs[:, 1]), int(pairs[:, 0].max()) + 1, items)
    return SampledTest(train, test[:, 0], test[:, 1], negatives)


def movielens_1m(folder: Path) -> Events:
    """Read which user rated which film, whatever the rating."""
    pairs = np.loadtxt(folder / "ratings_no_timestamp.tsv", dtype=np.int64)
    return _events(*(np.unique(pairs[:, side], return_inverse=True)[1] for side in (0, 1)))


def unseen_users(events: Events, seed: int) -> UnseenUsers:
    """Draw the unseen users and what they show."""
    shape = int(events.users.max()) + 1, int(events.items.max()) + 1
    split = split_unseen_users(events, 0.1, 0.8, seed)

    def part(mask: npt.NDArray[np.bool_]) -> Interactions:
        return _matrix(_where(events, mask), *shape)

    return UnseenUsers(
        part(split.train),
        part(split.train | split.history),
        split.users,
        select_rows(part(split.history), split.users),
        select_rows(part(split.held_out), split.users),
    )


def globo_next_day(folder: Path, last_day: int, users_max: int = 20_000) -> NextDay:
    """Read the clicks of 1 to last_day October 2017 to train on, and of the day after to find."""
    table = parquet.read_table(folder / "clicks.parquet")
    users, items = (
        np.unique(table[name].to_numpy(), return_inverse=True)[1]
        for name in ("user_id", "click_article_id")
    )
    times = table["click_timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    days = times // DAY_MS - np.datetime64("2017-10-01", "D").astype(np.int64) + 1
    clicks = Events(
        users.astype(np.int32), items.astype(np.int32), np.ones(len(users), np.float32), times
    )
    shape = int(users.max()) + 1, int(items.max()) + 1
    events = _where(clicks, (days >= 1) & (days <= last_day))
    train = _matrix(events, *shape)
    known = np.bincount(events.users, minlength=shape[0])[users] > 0
    known &= np.bincount(events.items, minlength=shape[1])[items] > 0
    keys = users * np.int64(shape[1]) + items
    trained = events.users * np.int64(shape[1]) + events.items
    new = ~np.isin(keys, trained)
    wanted = _matrix(_where(clicks, (days == last_day + 1) & known & new), *shape)
    asked = np.flatnonzero(np.diff(wanted.row_starts) > 0).astype(np.int32)
    if len(asked) > users_max:
        asked = np.sort(np.random.default_rng(0).choice(asked, users_max, replace=False))
    return NextDay(events, train, asked, select_rows(train, asked), select_rows(wanted, asked))


def _events(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> Events:
    return Events(users.astype(np.int32), items.astype(np.int32), np.ones(len(users), np.float32))


def _where(events: Events, mask: npt.NDArray[np.bool_]) -> Events:
    times = None if events.times is None else events.times[mask]
    return Events(events.users[mask], events.items[mask], events.values[mask], times)


def _matrix(events: Events, user_count: int, item_count: int) -> Interactions:
    return build_interactions(events, user_count, item_count, "max")
