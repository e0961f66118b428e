"""Which items a request may return: not hidden; filter, radius, box and window together."""

from __future__ import annotations

import time
from typing import TypeAlias

from shortlist.core.data.bitmaps import Bitmap, intersect, pack_bitmap
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.domain.restrictions import Restrictions
from shortlist.server.filters.places import within_box, within_radius
from shortlist.server.filters.times import within_window
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.hidden import HiddenOf, HiddenRows, nothing_hidden
from shortlist.server.serving.serving_model import ServingModel

_Key: TypeAlias = tuple[ItemAttributes, Restrictions, HiddenRows | None]


class Eligibility:
    """The eligible items of requests that are answered together, all at one moment.

    Equal restrictions of one model give the same bitmap, so that its requests can share a scan.
    """

    def __init__(self, hidden_of: HiddenOf = nothing_hidden) -> None:
        self.now_ms = time.time_ns() // 1_000_000
        self._hidden_of = hidden_of
        self._hidden: dict[str, HiddenItems | None] = {}
        self._found: dict[_Key, Bitmap | None] = {}

    def hidden(self, model: ServingModel) -> HiddenRows | None:
        """Return which rows of a model are hidden; None: none is. Raises ArtifactCorrupt."""
        name = model.catalog
        if name not in self._hidden:
            self._hidden[name] = self._hidden_of(name)
        return model.hidden_rows(self._hidden[name])

    def items(
        self, attributes: ItemAttributes, asked: Restrictions, hidden: HiddenRows | None = None
    ) -> Bitmap | None:
        """Return the items that pass every restriction; None: nothing is restricted.

        Raises FilterSyntax, FilterUnknownField, FieldInvalid, with the path of the field at fault.
        """
        key = attributes, asked, hidden
        if key not in self._found:
            found = _eligible(attributes, asked, self.now_ms)
            self._found[key] = found if hidden is None else _both(found, hidden.visible)
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
