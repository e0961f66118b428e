"""Items of a catalog that are not returned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HiddenCounts:
    """How many items of a catalog are not returned."""

    hidden_count: int  # hidden, not deleted
    deleted_count: int
    generation: int  # grows by one with every change


@dataclass(frozen=True, slots=True)
class HiddenItem:
    """An item that is not returned."""

    item_id: str
    deleted: bool  # not only hidden


@dataclass(frozen=True, slots=True)
class HiddenItemPage:
    """A part of the list, by item id."""

    items: tuple[HiddenItem, ...]
    next_page_token: str  # empty: there are no more
    counts: HiddenCounts  # of all
