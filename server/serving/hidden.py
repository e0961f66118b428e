"""What is hidden, as requests see it: looked up at each one, so that no worker is ever behind.

A change renames a new file into the place of the old one, which this keeps open. The old file's
inode then cannot be given to another file, so one `stat` of the path tells for certain whether
the list is still the one that was read: 2 us, in every process of the machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TypeAlias

from shortlist.core.data.bitmaps import Bitmap, bitmap_of_rows, complement
from shortlist.core.data.interactions import IntArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.hidden import HiddenItems, hidden_from_bytes
from shortlist.server.serving.known_items import known_rows

HiddenOf: TypeAlias = Callable[[str], HiddenItems | None]  # by catalog; None: nothing is hidden


@dataclass(frozen=True, slots=True, eq=False)
class HiddenRows:
    """The hidden and deleted items that one model knows."""

    rows: IntArray  # ascending: hidden and deleted
    deleted: IntArray  # ascending
    visible: Bitmap  # every other row


@dataclass(frozen=True, slots=True)
class _Read:
    file: IO[bytes]  # kept open: see above
    identity: tuple[int, int]  # device, inode
    hidden: HiddenItems


class HiddenLists:
    """The hidden items of the catalogs of one data folder; any thread may ask."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs
        self._paths: dict[str, bytes] = {}
        self._read: dict[str, _Read] = {}
        self._reading = threading.Lock()

    def of(self, catalog: str) -> HiddenItems | None:
        """Return what is hidden now; None: nothing is. Raises ArtifactCorrupt."""
        path = self._paths.get(catalog)
        if path is None:
            path = os.fsencode(self._catalogs.catalog(catalog).hidden_path)
            self._paths[catalog] = path
        try:
            now = os.stat(path)
        except FileNotFoundError:
            return None
        read = self._read.get(catalog)
        if read is None or read.identity != (now.st_dev, now.st_ino):
            read = self._read_again(catalog)
        return read.hidden if len(read.hidden) else None

    def _read_again(self, catalog: str) -> _Read:
        """Read the list; threads that ask meanwhile wait, as the old one is no answer."""
        path = self._catalogs.catalog(catalog).hidden_path
        with self._reading:
            read = self._read.get(catalog)
            file = path.open("rb")
            status = os.fstat(file.fileno())
            identity = status.st_dev, status.st_ino
            if read is not None and read.identity == identity:
                file.close()  # another thread was here first
                return read
            try:
                made = _Read(file, identity, hidden_from_bytes(path, file.read()))
            except BaseException:
                file.close()
                raise
            self._read[catalog] = made
            if read is not None:
                read.file.close()
            return made

    def close(self) -> None:
        """Let the files go."""
        with self._reading:
            for read in self._read.values():
                read.file.close()
            self._read = {}


def nothing_hidden(_catalog: str) -> None:
    """Return what is hidden where nothing is."""


def rows_of_hidden(items: Vocabulary, item_count: int, hidden: HiddenItems) -> HiddenRows:
    """Return which rows of a model are hidden."""
    rows, _ = known_rows(items, [*hidden.hidden, *hidden.deleted])
    deleted, _ = known_rows(items, hidden.deleted)
    visible = complement(bitmap_of_rows(rows, item_count), item_count)
    return HiddenRows(rows, deleted, visible)
