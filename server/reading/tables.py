"""Event tables made of event tables: only what is known to a model, only what has support."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shortlist.core.data.interactions import Events, IntArray, minimum_support, select_rows
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.reading.events import EventTable


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """Events as rows of vocabularies that were there before, such as a model's."""

    events: Events
    unknown_user: int  # events left out, because of their user
    unknown_item: int  # events left out, because of their item alone


def known_events(table: EventTable, users: Vocabulary, items: Vocabulary) -> KnownEvents:
    """Return the events whose user and item other vocabularies know, in their rows."""
    events = table.events
    user_rows, user_known = _rows_in(table.users, users)
    item_rows, item_known = _rows_in(table.items, items)
    of_known_user = user_known[events.users]
    kept = np.flatnonzero(of_known_user & item_known[events.items])
    known_users = int(np.count_nonzero(of_known_user))
    left = Events(
        user_rows[events.users[kept]],
        item_rows[events.items[kept]],
        events.values[kept],
        None if events.times is None else events.times[kept],
    )
    return KnownEvents(left, len(events) - known_users, known_users - len(kept))


def supported_table(
    table: EventTable, user_min: int, item_min: int, *, until_stable: bool = True
) -> EventTable:
    """Return the table without rare users and items; see core's `minimum_support`."""
    left = minimum_support(table.events, user_min, item_min, until_stable=until_stable)
    users, items = table.users.select(left.users), table.items.select(left.items)
    segments = table.segments
    if segments is not None:
        segments = replace(segments, users=select_rows(segments.users, left.users))
    return EventTable(users, items, left.events, table.dropped, segments)


def events_where(events: Events, kept: np.ndarray) -> Events:
    """Return the events that a mask (events,) keeps, in their order."""
    times = None if events.times is None else events.times[kept]
    return Events(events.users[kept], events.items[kept], events.values[kept], times)


def _rows_in(ids: Vocabulary, other: Vocabulary) -> tuple[IntArray, np.ndarray]:
    """Return for each row its row in the other vocabulary, and whether there is one."""
    found = other.find_utf8(ids.utf8, ids.offsets)
    rows = np.zeros(len(ids), np.int32)
    known = np.zeros(len(ids), np.bool_)
    rows[found.positions] = found.rows
    known[found.positions] = True
    return rows, known
