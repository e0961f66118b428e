"""What a model is measured on: known users' held-out items, and users it folds in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortlist.core.data.interactions import Aggregate, Events, Interactions, build_interactions
from shortlist.core.data.splits import (
    Split,
    split_by_time,
    split_last,
    split_random,
    split_unseen_users,
)
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.errors import DataInvalid
from shortlist.server.domain.training import EvaluationSpec
from shortlist.server.reading import EventTable
from shortlist.server.reading.tables import events_where

HISTORY_SHARE = 0.8  # of an unseen user's items are folded in, the others are to be found


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Interactions to find, in the item rows of the model."""

    known: Interactions  # the model's user rows x items
    histories: Interactions  # unseen users x items: given with the query
    targets: Interactions  # the same users x items: to be found
    segments: Interactions | None = None  # the same users x the model's segments, where known
    features: Interactions | None = None  # the same users x the model's features, where known


@dataclass(frozen=True, slots=True)
class Holdout:
    """Events divided into those that train and those that measure."""

    split: str  # how
    train: Events
    test: HeldOut


def hold_out(
    events: Events, user_count: int, item_count: int, spec: EvaluationSpec, aggregate: Aggregate
) -> Holdout | None:
    """Divide events; None when nothing is left on one of the two sides.

    Users who are to stay unseen go first, whole; of the others' events some are held out.
    Raises DataInvalid when the split needs times and there are none.
    """
    unseen_events = events_where(events, np.zeros(len(events), np.bool_))
    rest = events
    if spec.unseen_user_fraction > 0:
        drawn = split_unseen_users(events, spec.unseen_user_fraction, HISTORY_SHARE, spec.seed)
        unseen_events = events_where(events, ~drawn.train)
        rest = events_where(events, drawn.train)
    name, split = _split(rest, spec)
    train, held_out = events_where(rest, split.train), events_where(rest, split.held_out)
    if not len(train) or len(held_out) + len(unseen_events) == 0:
        return None
    shape = user_count, item_count
    unseen = build_interactions(unseen_events, *shape, aggregate)
    histories, targets = split_items(unseen, HISTORY_SHARE, spec.seed)
    known = build_interactions(held_out, *shape, aggregate)
    return Holdout(name, train, HeldOut(known, histories, targets))


def given_test(
    table: EventTable, users: Vocabulary, items: Vocabulary, aggregate: Aggregate, seed: int
) -> HeldOut:
    """Return a caller's test data for a model's users and items; unknown items are left out.

    Users that the model does not know count as unseen: 80 % of their items are folded in.
    """
    item_rows, item_known = rows_in(table.items, items)
    user_rows, user_known = rows_in(table.users, users)
    of_known_item = item_known[table.events.items]
    of_known_user = user_known[table.events.users]
    known = events_where(table.events, of_known_item & of_known_user)
    known = Events(user_rows[known.users], item_rows[known.items], known.values, known.times)
    other = events_where(table.events, of_known_item & ~of_known_user)
    other = Events(other.users, item_rows[other.items], other.values, other.times)
    unseen = build_interactions(other, len(table.users), len(items), aggregate)
    histories, targets = split_items(unseen, HISTORY_SHARE, seed)
    return HeldOut(build_interactions(known, len(users), len(items), aggregate), histories, targets)


def split_items(
    interactions: Interactions, share: float, seed: int
) -> tuple[Interactions, Interactions]:
    """Divide each row's items at random, `share` to the first side; a single item goes there.

    The first side's count is rounded to the nearest, but of two items each side gets one.
    """
    counts = np.diff(interactions.row_starts)
    rows = np.repeat(np.arange(interactions.row_count), counts)
    keys = np.random.default_rng(seed).random(len(rows))
    order = np.lexsort((keys, rows))
    places = np.arange(len(rows)) - interactions.row_starts[rows]
    kept = np.clip(np.rint(counts * share), 1, np.maximum(counts - 1, 1))
    first = np.empty(len(rows), np.bool_)
    first[order] = places < kept[rows]
    return entries_where(interactions, first), entries_where(interactions, ~first)


def entries_where(interactions: Interactions, kept: np.ndarray) -> Interactions:
    """Return the entries that a mask (entries,) keeps; every row stays."""
    starts = np.concatenate([[0], np.cumsum(kept)])[interactions.row_starts].astype(np.int64)
    columns, values = interactions.columns[kept], interactions.values[kept]
    return Interactions(starts, columns, values, interactions.column_count)


def pair_keys(interactions: Interactions) -> np.ndarray:
    """Return row * columns + column of each entry, (entries,) ascending."""
    rows = np.repeat(np.arange(interactions.row_count), np.diff(interactions.row_starts))
    return rows * np.int64(interactions.column_count) + interactions.columns


def rows_in(ids: Vocabulary, other: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Return for each id its row in the other vocabulary, and whether it has one."""
    matches = other.find_utf8(ids.utf8, ids.offsets)
    rows = np.zeros(len(ids), np.int32)
    known = np.zeros(len(ids), np.bool_)
    rows[matches.positions] = matches.rows
    known[matches.positions] = True
    return rows, known


def _split(events: Events, spec: EvaluationSpec) -> tuple[str, Split]:
    """Return the split and its name; "auto" goes by time where that leaves two sides."""
    if spec.split == "auto" and events.times is not None:
        by_time = split_by_time(events, spec.held_out_fraction)
        if by_time.train.any() and by_time.held_out.any():
            return "temporal", by_time
    if spec.split in ("auto", "random_per_user"):
        return "random_per_user", split_random(events, spec.held_out_fraction, spec.seed)
    if events.times is None:
        raise DataInvalid(f"split {spec.split} needs the times of the events; these have none")
    if spec.split == "temporal":
        return spec.split, split_by_time(events, spec.held_out_fraction)
    return spec.split, split_last(events)
