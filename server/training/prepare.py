"""From files to what a training runs on: events with support, and what is known of their items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from shortlist.core.interactions import Events
from shortlist.core.segments import UserSegments
from shortlist.core.vocabulary import Vocabulary, VocabularyBuilder
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.features.features import ItemFeatures, encode_features, find_features
from shortlist.server.reading import (
    EventSource,
    EventTable,
    check_path,
    read_events,
    read_items,
    supported_table,
)
from shortlist.server.training.deleted import events_without, items_without
from shortlist.server.training.spec import Preparation, TrainingSpec


@dataclass(frozen=True, slots=True)
class PreparedData:
    """What a training runs on; every user has an event, every item an event or features."""

    users: Vocabulary
    items: Vocabulary
    events: Events
    attributes: pa.Table | None  # a row an item
    segments: UserSegments | None = None  # of the users, where the data tells them
    item_features: ItemFeatures | None = None  # None: nothing was asked for


def prepare(
    spec: TrainingSpec,
    roots: Sequence[str] | None,
    threads: int,
    on_rows: Callable[[int], None],
    deleted: Sequence[str] = (),
) -> PreparedData:
    """Read and prepare the data of a training.

    roots: where the files must lie; None: checked before. on_rows gets the rows read so far.
    deleted: items to leave out wherever they occur.
    Raises PathNotAllowed, and DataSourceInvalid for files that cannot be used or leave no event.
    """
    table = read_checked(spec.interactions, roots, threads, on_rows)
    table = events_without(table, deleted, spec.interactions.uri)
    table = _supported(table, spec.preparation, spec.interactions.uri)
    if spec.items is None:
        if spec.item_features:
            raise DataSourceInvalid("item features are asked for, but no items are given")
        return PreparedData(table.users, table.items, table.events, None, table.segments)
    source = spec.items
    checked = source if roots is None else replace(source, uri=check_path(source.uri, roots))
    told, features = items_without(read_items(checked), deleted), None
    if spec.item_features:
        table = _with_items(table, told.items)
    attributes = told.align(table.items)
    if spec.item_features:
        described = find_features(attributes, spec.item_features, source.uri)
        features = ItemFeatures(described, encode_features(described, attributes))
    known = attributes if attributes.num_columns else None
    return PreparedData(table.users, table.items, table.events, known, table.segments, features)


def read_checked(
    source: EventSource,
    roots: Sequence[str] | None,
    threads: int,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> EventTable:
    """Read interactions from below the roots; None: the path was checked before."""
    if roots is not None:
        source = replace(source, uri=check_path(source.uri, roots))
    return read_events(source, on_progress=on_rows, threads=threads)


def _supported(table: EventTable, preparation: Preparation, uri: str) -> EventTable:
    """Drop small values, then rare users and items. Raises DataSourceInvalid when none is left."""
    least = preparation.value_min
    if least is not None:
        table = replace(table, events=events_where(table.events, table.events.values >= least))
    table = supported_table(table, preparation.user_events_min, preparation.item_events_min)
    if not len(table.events):
        wanted = f"value_min={least}, user_events_min={preparation.user_events_min}"
        wanted += f", item_events_min={preparation.item_events_min}"
        raise DataSourceInvalid(f"no event is left after {wanted}", file=uri)
    return table


def events_where(events: Events, kept: np.ndarray) -> Events:
    """Return the events that a mask (events,) keeps, in their order."""
    times = None if events.times is None else events.times[kept]
    return Events(events.users[kept], events.items[kept], events.values[kept], times)


def _with_items(table: EventTable, items: Vocabulary) -> EventTable:
    """Return the table with more items, which have no events."""
    builder = VocabularyBuilder()
    codes = builder.add(table.items.utf8, table.items.offsets)
    builder.add(items.utf8, items.offsets)
    every, rows = builder.finish()
    events = replace(table.events, items=rows[codes][table.events.items])
    return replace(table, items=every, events=events)
