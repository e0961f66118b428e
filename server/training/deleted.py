"""Deleted items leave the data of a training before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.data.interactions import Events
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading import EventTable, supported_table
from shortlist.server.reading.attributes import AttributeTable


def events_without(table: EventTable, deleted: Sequence[str], uri: str) -> EventTable:
    """Return the table without the events of deleted items. Raises DataSourceInvalid: none left."""
    kept = _kept(table.items, deleted)
    if kept.all():
        return table
    events = table.events
    rows = kept[events.items]
    if not rows.any():
        raise DataSourceInvalid("every event is of a deleted item", file=uri)
    times = None if events.times is None else events.times[rows]
    events = Events(events.users[rows], events.items[rows], events.values[rows], times)
    return supported_table(replace(table, events=events), 0, 0)


def items_without(table: AttributeTable, deleted: Sequence[str]) -> AttributeTable:
    """Return the table without deleted items."""
    kept = _kept(table.ids, deleted)
    if kept.all():
        return table
    ids = table.ids.select(np.flatnonzero(kept).astype(np.int32))
    attributes = table.attributes
    if attributes.num_columns:
        attributes = attributes.filter(pa.array(kept))
    return replace(table, ids=ids, attributes=attributes)


def _kept(items: Vocabulary, deleted: Sequence[str]) -> npt.NDArray[np.bool_]:
    kept = np.ones(len(items), np.bool_)
    if deleted:
        kept[items.find(list(deleted)).rows] = False
    return kept
