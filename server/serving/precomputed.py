"""Candidates that an export made earlier: looked up instead of scored.

A stored list is the beginning of an exact ranking, so what is left of it after the restrictions of
a request is the beginning of the exact answer: where `count` are left, it is the answer. Where they
are not, and for queries that no list was made for, the request is answered exactly.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import NamedTuple

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.artifacts.export_files import SPEC_NAME, StoredExport, open_rows, read_spec
from shortlist.server.domain.exporting import ExportKind
from shortlist.server.domain.query import ItemsQuery, Query, RetrieveQuery, UserQuery
from shortlist.server.errors import ArtifactCorrupt, ExportNotFound

LOOK_AGAIN_S = 1.0  # a new export serves, and a removed one is missed, so late


class StoredList(NamedTuple):
    """The beginning of one exact ranking."""

    rows: IntArray  # (n,)
    scores: FloatArray  # (n,) falling


class StoredExports:
    """The exports of one model; every method may be called from any thread."""

    def __init__(
        self, folder: Path, model_id: str, created_ms: int, user_count: int, item_count: int
    ) -> None:
        """Take the catalog's folder of exports, which need not exist yet."""
        self._folder, self._model = folder, (model_id, created_ms)
        self._row_counts: dict[ExportKind, int] = {"users": user_count, "items": item_count}
        self._lock = threading.Lock()
        self._found: dict[tuple[ExportKind, str], tuple[float, StoredExport]] = {}

    def find(self, kind: ExportKind, export_id: str) -> StoredExport:
        """Return the named export, or the newest whole one for an empty name.

        Raises ExportNotFound, and ArtifactCorrupt where a file of it is damaged.
        """
        key = kind, export_id
        with self._lock:
            looked_at, known = self._found.get(key, (0.0, None))
            if known is not None and time.monotonic() - looked_at < LOOK_AGAIN_S:
                return known
            folders = [self._folder / export_id] if export_id else self._newest_first()
            for folder in folders:
                spec = read_spec(folder)
                if spec is None or (spec.model_id, spec.model_created_ms) != self._model:
                    continue
                if spec.kind != kind:
                    continue
                opened = open_rows(folder, spec, self._row_counts[kind], self._row_counts["items"])
                if opened is not None:
                    self._found[key] = time.monotonic(), opened
                    return opened
            self._found.pop(key, None)
        named = (
            f"export {export_id} is no whole export" if export_id else "there is no whole export"
        )
        problem = f"{named} of the {kind} of model {self._model[0]}"
        raise ExportNotFound(problem, model=self._model[0], kind=kind, export=export_id)

    def _newest_first(self) -> list[Path]:
        dated = []
        for spec in self._folder.glob(f"*/{SPEC_NAME}"):
            try:
                dated.append((spec.stat().st_mtime_ns, spec.parent))
            except FileNotFoundError:  # removed since it was listed
                continue
        return [folder for _, folder in sorted(dated, reverse=True)]


def stored_list(
    exports: StoredExports | None, users: Vocabulary, items: Vocabulary, query: RetrieveQuery
) -> StoredList | None:
    """Return the list made for a query that asks for one; None: it must be answered otherwise.

    Raises ExportNotFound where the query could have a list, but no export holds it.
    """
    asked = _row(users, items, query.query)
    changed = query.popularity_damping or query.interests > 1 or query.freshness is not None
    if asked is None or changed:
        return None
    kind, row = asked
    if exports is None:
        problem = "the model has no folder of exports"
        raise ExportNotFound(problem, model="", kind=kind, export=query.export_id)
    export = exports.find(kind, query.export_id)
    if query.include_seen and not export.spec.include_seen:
        return None
    try:
        return StoredList(*export.row(row))
    except IndexError as problem:
        raise ArtifactCorrupt(f"the export has no row {row}") from problem


def _row(users: Vocabulary, items: Vocabulary, query: Query) -> tuple[ExportKind, int] | None:
    """Return whose list a query asks for: a stored user's, or that of one item."""
    if isinstance(query, UserQuery):
        told = query.history_item_ids or query.features
        row = None if told or not query.user_id else users.row(query.user_id)
        return None if row is None else ("users", row)
    if isinstance(query, ItemsQuery) and len(query.item_ids) == 1 and not query.negative_item_ids:
        row = items.row(query.item_ids[0])
        return None if row is None else ("items", row)
    return None
