"""Reads interactions, items and users from files, in batches, into the core's arrays."""

from shortlist.server.reading.attributes import AttributeTable, read_attributes
from shortlist.server.reading.events import DroppedRows, EventTable, read_events
from shortlist.server.reading.paths import check_path
from shortlist.server.reading.tables import KnownEvents, known_events, supported_table

__all__ = [
    "AttributeTable",
    "DroppedRows",
    "EventTable",
    "KnownEvents",
    "check_path",
    "known_events",
    "read_attributes",
    "read_events",
    "supported_table",
]
