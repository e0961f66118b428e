"""Reads interactions and items from files, in batches, into the core's arrays."""

from shortlist.server.reading.events import EventTable, read_events
from shortlist.server.reading.items import ItemTable, read_items
from shortlist.server.reading.paths import check_path
from shortlist.server.reading.sources import EventColumns, EventSource, ItemSource, TextOptions

__all__ = [
    "EventColumns",
    "EventSource",
    "EventTable",
    "ItemSource",
    "ItemTable",
    "TextOptions",
    "check_path",
    "read_events",
    "read_items",
]
