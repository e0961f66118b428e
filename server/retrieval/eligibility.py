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
            eligible = _eligible(attributes, asked, self.now_ms)
            self._found[key] = eligible if hidden is None else _both(eligible, hidden.visible)
        return self._found[key]


def _eligible(attributes: ItemAttributes, asked: Restrictions, now_ms: int) -> Bitmap | None:
    eligible: Bitmap | None = None
    if asked.filter:
        eligible = attributes.filtered(asked.filter)
    if asked.within is not None:
        latitudes, longitudes = attributes.coordinates(
            asked.within.latitude_attribute, asked.within.longitude_attribute, "within"
        )
        near = within_radius(asked.within, latitudes, longitudes)
        eligible = _both(eligible, pack_bitmap(near))
    if asked.box is not None:
        latitudes, longitudes = attributes.coordinates(
            asked.box.latitude_attribute, asked.box.longitude_attribute, "box"
        )
        inside = within_box(asked.box, latitudes, longitudes)
        eligible = _both(eligible, pack_bitmap(inside))
    if asked.window is not None:
        times = attributes.times(asked.window.attribute, "window.attribute")
        eligible = _both(eligible, pack_bitmap(within_window(asked.window, times, now_ms)))
    return eligible


def _both(eligible: Bitmap | None, more: Bitmap) -> Bitmap:
    return more if eligible is None else intersect(eligible, more)
