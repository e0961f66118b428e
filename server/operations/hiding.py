"""What CatalogService does: hide, show and delete items, list them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.hidden import HiddenItems


@dataclass(frozen=True, slots=True)
class HiddenPage:
    """A part of the list, by item id."""

    items: list[tuple[str, bool]]  # id, whether it is deleted
    next_token: str  # empty: there are no more
    whole: HiddenItems


class Hiding:
    """Changes on disk, which workers look at with each request; any thread may call."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    def hide(self, catalog: str, ids: tuple[str, ...]) -> HiddenItems:
        """Hide items. Raises FieldInvalid where the list would grow too long."""
        return self._catalogs.catalog(catalog).change_hidden(lambda items: items.hide(ids))

    def show(self, catalog: str, ids: tuple[str, ...]) -> HiddenItems:
        """Show items again. Raises ItemDeleted."""
        return self._catalogs.catalog(catalog).change_hidden(lambda items: items.show(ids))

    def delete(self, catalog: str, ids: tuple[str, ...]) -> HiddenItems:
        """Delete items. Raises FieldInvalid where the list would grow too long."""
        return self._catalogs.catalog(catalog).change_hidden(lambda items: items.delete(ids))

    def page(self, catalog: str, size: int, token: str) -> HiddenPage:
        """Return up to `size` items whose ids come after `token`, and the next token."""
        whole = self._catalogs.catalog(catalog).hidden()
        ids = sorted((*whole.hidden, *whole.deleted))
        first = bisect.bisect_right(ids, token) if token else 0
        shown = ids[first : first + size]
        deleted = set(whole.deleted)
        more = first + size < len(ids)
        items = [(item_id, item_id in deleted) for item_id in shown]
        return HiddenPage(items, shown[-1] if more else "", whole)
