"""Runs exports beside the serving, each in a process of its own, and says how far they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.domain.exporting import ExportProgress, ExportRequest, ExportSpec
from shortlist.server.errors import Overloaded
from shortlist.server.operations.child_output import objects_from
from shortlist.server.storage.plain import from_plain, to_plain

MODULE = "shortlist.server.exporting"


class Exports:
    """Starts exports and follows them; every method may be called from any thread."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        self._settings = settings
        self._catalogs = catalogs
        self._free = threading.BoundedSemaphore(settings.limits.exports_max)

    def export(
        self, request: ExportRequest, is_wanted: Callable[[], bool]
    ) -> Iterator[ExportProgress]:
        """Yield the progress after each part; stops the work when nobody waits any more.

        Raises CatalogNotFound, ModelNotFound, Overloaded, and ProcessFailure with the reason of
        what the process met: EXPORT_EXISTS, QUERY_KIND_UNSUPPORTED, OVERLOADED.
        """
        model_id = self._catalogs.catalog(request.catalog, must_exist=True).resolve(request.model)
        spec = ExportSpec(model_id, request.kind, request.count, request.include_seen)
        seen = "-seen" if request.include_seen else ""
        export_id = request.export_id or f"{model_id}-{request.kind}-{request.count}{seen}"
        if not self._free.acquire(blocking=False):
            limit = self._settings.limits.exports_max
            raise Overloaded(f"{limit} exports are running, which is the limit", limit=limit)
        try:
            yield from self._run(request.catalog, export_id, spec, is_wanted)
        finally:
            self._free.release()

    def _run(
        self, catalog: str, export_id: str, spec: ExportSpec, is_wanted: Callable[[], bool]
    ) -> Iterator[ExportProgress]:
        arguments = ["--data-dir", str(self._settings.data.dir), "--catalog", catalog]
        arguments += ["--export", export_id, "--spec", json.dumps(to_plain(spec))]
        arguments += ["--threads", str(self._settings.training.threads)]
        for printed in objects_from(MODULE, arguments, is_wanted):
            yield from_plain(ExportProgress, printed["progress"])
