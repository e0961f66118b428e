"""Reads interactions, items and users from files, in batches, into the core's arrays."""

from shortlist.server.reading.attributes import AttributeTable, read_attributes
from shortlist.server.reading.events import EventTable, read_events
from shortlist.server.reading.paths import check_path
from shortlist.server.reading.tables import supported_table

__all__ = [
    "AttributeTable",
    "EventTable",
    "check_path",
    "read_attributes",
    "read_events",
    "supported_table",
]
