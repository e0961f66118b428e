"""Which items the restrictions of a request allow: filter, radius, box and window together."""

from __future__ import annotations

from shortlist.core.bitmaps import Bitmap, intersect, pack_bitmap
from shortlist.server.filters.places import within_box, within_radius
from shortlist.server.filters.times import within_window
from shortlist.server.retrieval.attributes import ItemAttributes
from shortlist.server.retrieval.query import Restrictions


def eligible_items(attributes: ItemAttributes, asked: Restrictions, now_ms: int) -> Bitmap | None:
    """Return the items that pass every restriction; None: nothing is restricted.

    Raises FilterSyntax, FilterUnknownField, FieldInvalid, with the path of the field at fault.
    """
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
