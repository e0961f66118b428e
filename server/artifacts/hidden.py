"""hidden.json: which items of a catalog must not be returned, replaced whole with every change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from shortlist.core.errors import DataInvalid
from shortlist.server.errors import ArtifactCorrupt, FieldInvalid, ItemDeleted
from shortlist.server.storage.durable import replace_text
from shortlist.server.storage.plain import from_plain, to_plain

HIDDEN_NAME = "hidden.json"
# Hidden and deleted together. Each worker reads the list again at the first request after a change.
ITEMS_MAX = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class HiddenItems:
    """What is hidden in one catalog at one moment; equal only to itself, so it can be a key."""

    generation: int = 0  # grows by one with every change; 0 before the first
    hidden: tuple[str, ...] = ()  # ids, sorted; can be shown again
    deleted: tuple[str, ...] = ()  # ids, sorted, none of the hidden ones

    def __len__(self) -> int:
        return len(self.hidden) + len(self.deleted)

    def hide(self, ids: tuple[str, ...]) -> HiddenItems:
        """Return the list with more hidden items; deleted ones stay deleted."""
        return self._with({*self.hidden, *ids} - set(self.deleted), set(self.deleted))

    def show(self, ids: tuple[str, ...]) -> HiddenItems:
        """Return the list without these items. Raises ItemDeleted where one is deleted."""
        gone = sorted(set(ids) & set(self.deleted))
        if gone:
            problem = f"{len(gone)} of the items are deleted, which cannot be undone: {gone[0]!r}"
            raise ItemDeleted(problem, item=gone[0], count=len(gone))
        return self._with(set(self.hidden) - set(ids), set(self.deleted))

    def delete(self, ids: tuple[str, ...]) -> HiddenItems:
        """Return the list with more deleted items, hidden before or not."""
        return self._with(set(self.hidden) - set(ids), {*self.deleted, *ids})

    def _with(self, hidden: set[str], deleted: set[str]) -> HiddenItems:
        count = len(hidden) + len(deleted)
        if count > ITEMS_MAX:
            problem = f"{count} items would be hidden or deleted; at most {ITEMS_MAX} may be"
            raise FieldInvalid("item_ids", problem, found=count, limit=ITEMS_MAX)
        return HiddenItems(self.generation + 1, tuple(sorted(hidden)), tuple(sorted(deleted)))


def read_hidden(path: Path) -> HiddenItems:
    """Return what a file says; nothing before the first change. Raises ArtifactCorrupt."""
    try:
        return hidden_from_bytes(path, path.read_bytes())
    except FileNotFoundError:
        return HiddenItems()


def hidden_from_bytes(path: Path, content: bytes) -> HiddenItems:
    """Return what the file at `path` holds. Raises ArtifactCorrupt."""
    try:
        return from_plain(HiddenItems, json.loads(content))
    except (ValueError, DataInvalid) as problem:
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem


def write_hidden(path: Path, hidden: HiddenItems) -> None:
    """Replace the list in one step; the caller holds the catalog's lock."""
    replace_text(path, json.dumps(to_plain(hidden), ensure_ascii=False) + "\n")
