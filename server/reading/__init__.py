"""Reads interactions and items from files, in batches, into the core's arrays."""

from shortlist.server.reading.events import DroppedRows, EventTable, read_events
from shortlist.server.reading.items import ItemTable, read_items
from shortlist.server.reading.paths import check_path
from shortlist.server.reading.sources import EventColumns, EventSource, ItemSource, TextOptions
from shortlist.server.reading.tables import KnownEvents, known_events, supported_table

__all__ = [
    "DroppedRows",
    "EventColumns",
    "EventSource",
    "EventTable",
    "ItemSource",
    "ItemTable",
    "KnownEvents",
    "TextOptions",
    "check_path",
    "known_events",
    "read_events",
    "read_items",
    "supported_table",
]
