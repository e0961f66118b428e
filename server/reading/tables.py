"""Event tables made of event tables: without the rare, without some events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shortlist.core.data.interactions import Events, minimum_support, select_rows
from shortlist.server.domain.left_out import LeftOutCounts, LeftOutReason
from shortlist.server.reading.events import EventTable


def supported_table(table: EventTable, user_min: int, item_min: int) -> EventTable:
    """Return the table without rare users and items; see core's `minimum_support`.

    An event of which both went counts under its user.
    """
    left = minimum_support(table.events, user_min, item_min)
    users, items = table.users.select(left.users), table.items.select(left.items)
    segments = table.segments
    if segments is not None:
        segments = replace(segments, users=select_rows(segments.users, left.users))
    gone = len(table.events) - len(left.events)
    rare_user = 0
    if gone and user_min > 1:
        stays = np.zeros(len(table.users), np.bool_)
        stays[left.users] = True
        rare_user = int(np.count_nonzero(~stays[table.events.users]))
    counts: dict[LeftOutReason, int] = {"rare_user": rare_user, "rare_item": gone - rare_user}
    left_out = merged_counts(table.left_out, counts)
    return EventTable(users, items, left.events, left_out, segments)


def merged_counts(counts: LeftOutCounts, more: LeftOutCounts) -> LeftOutCounts:
    """Return both together."""
    return {reason: counts.get(reason, 0) + more.get(reason, 0) for reason in {**counts, **more}}


def events_where(events: Events, kept: np.ndarray) -> Events:
    """Return the events that a mask (events,) keeps, in their order."""
    times = None if events.times is None else events.times[kept]
    return Events(events.users[kept], events.items[kept], events.values[kept], times)
