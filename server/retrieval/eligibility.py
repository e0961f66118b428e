"""Which items the restrictions of a request allow: filter, radius, box and window together."""

from __future__ import annotations

import time

from shortlist.core.bitmaps import Bitmap, intersect, pack_bitmap
from shortlist.server.filters.places import within_box, within_radius
from shortlist.server.filters.times import within_window
from shortlist.server.retrieval.attributes import ItemAttributes
from shortlist.server.retrieval.query import Restrictions


class Eligibility:
    """The eligible items of requests that are answered together, all at one moment.

    Equal restrictions of one model give the same bitmap, so that its requests can share a scan.
    """

    def __init__(self) -> None:
        self.now_ms = time.time_ns() // 1_000_000
        self._found: dict[tuple[ItemAttributes, Restrictions], Bitmap | None] = {}

    def items(self, attributes: ItemAttributes, asked: Restrictions) -> Bitmap | None:
        """Return the items that pass every restriction; None: nothing is restricted.

        Raises FilterSyntax, FilterUnknownField, FieldInvalid, with the path of the field at fault.
        """
        key = attributes, asked
        if key not in self._found:
            self._found[key] = _eligible(attributes, asked, self.now_ms)
        return self._found[key]


def _eligible(attributes: ItemAttributes, asked: Restrictions, now_ms: int) -> Bitmap | None:
    found: Bitmap | None = None
    if asked.filter:
        found = attributes.filtered(asked.filter)
    if asked.within is not None:
        names = asked.within.latitude_attribute, asked.within.longitude_attribute
        places = attributes.coordinates(*names, "within")
        found = _both(found, pack_bitmap(within_radius(asked.within, *places)))
    if asked.box is not None:
        names = asked.box.latitude_attribute, asked.box.longitude_attribute
        places = attributes.coordinates(*names, "box")
        found = _both(found, pack_bitmap(within_box(asked.box, *places)))
    if asked.window is not None:
        times = attributes.times(asked.window.attribute, "window.attribute")
        found = _both(found, pack_bitmap(within_window(asked.window, times, now_ms)))
    return found


def _both(found: Bitmap | None, more: Bitmap) -> Bitmap:
    return more if found is None else intersect(found, more)
