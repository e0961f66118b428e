"""From files to what a training runs on: events with support, and what is known of their items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from shortlist.core.counts.segments import UserSegments
from shortlist.core.data.interactions import Events, IntArray, Interactions
from shortlist.core.data.vocabulary import Vocabulary, VocabularyBuilder
from shortlist.server.domain.training import Preparation, TrainingSpec
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.features.schema import Features, FeatureSchema
from shortlist.server.reading import EventTable, supported_table
from shortlist.server.reading.checked import read_checked, read_checked_attributes
from shortlist.server.reading.tables import events_where
from shortlist.server.training.deleted import events_without, items_without


@dataclass(frozen=True, slots=True)
class PreparedData:
    """What a training runs on; every user and every item has an event or features."""

    users: Vocabulary
    items: Vocabulary
    events: Events
    attributes: pa.Table | None  # a row an item
    segments: UserSegments | None = None  # of the users, where the data tells them
    item_features: Features | None = None  # None: nothing was asked for
    user_features: Features | None = None  # None: nothing was asked for

    @property
    def feature_values(self) -> tuple[Interactions | None, Interactions | None]:
        """Items x features and users x features."""
        items, users = self.item_features, self.user_features
        return None if items is None else items.values, None if users is None else users.values


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
    attributes = None
    item_features = None
    user_features = None
    for noun, source, wanted in (
        ("item", spec.items, spec.item_features),
        ("user", spec.users, spec.user_features),
    ):
        if wanted and source is None:
            raise DataSourceInvalid(f"{noun} features are asked for, but no {noun}s are given")
    if spec.items is not None:
        told = items_without(read_checked_attributes(spec.items, roots), deleted)
        if spec.item_features:
            table = _with_items(table, told.ids)
        attributes = told.align(table.items)
        item_features = _features(attributes, spec.item_features, spec.items.uri)
    if spec.users is not None and spec.user_features:  # nothing else asks what users are
        of_users = read_checked_attributes(spec.users, roots)
        table = _with_users(table, of_users.ids)
        aligned = of_users.align(table.users)
        user_features = _features(aligned, spec.user_features, spec.users.uri)
    return PreparedData(
        table.users,
        table.items,
        table.events,
        attributes=attributes if attributes is not None and attributes.num_columns else None,
        segments=table.segments,
        item_features=item_features,
        user_features=user_features,
    )


def _features(attributes: pa.Table, columns: Sequence[str], uri: str) -> Features | None:
    if not columns:
        return None
    schema = FeatureSchema.find(attributes, columns, uri)
    return Features(schema, schema.of_table(attributes))


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


def _with_items(table: EventTable, items: Vocabulary) -> EventTable:
    """Return the table with more items, which have no events."""
    every, rows = _joined(table.items, items)
    return replace(table, items=every, events=replace(table.events, items=rows[table.events.items]))


def _with_users(table: EventTable, users: Vocabulary) -> EventTable:
    """Return the table with more users, who have no events and no segment."""
    every, rows = _joined(table.users, users)
    events = replace(table.events, users=rows[table.events.users])
    segments = table.segments
    if segments is not None:
        counts = np.zeros(len(every), np.int64)
        counts[rows] = np.diff(segments.users.row_starts)  # ids are sorted: rows stay in order
        starts = np.concatenate([[0], np.cumsum(counts)])
        segments = replace(segments, users=replace(segments.users, row_starts=starts))
    return replace(table, users=every, events=events, segments=segments)


def _joined(ids: Vocabulary, more: Vocabulary) -> tuple[Vocabulary, IntArray]:
    """Return both, and where the rows of the first are in it."""
    builder = VocabularyBuilder()
    codes = builder.add(ids.utf8, ids.offsets)
    builder.add(more.utf8, more.offsets)
    every, rows = builder.finish()
    return every, rows[codes]
