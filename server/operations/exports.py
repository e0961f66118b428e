"""Runs exports beside the serving, each in a process of its own, and says how far they are."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.domain.exporting import ExportProgress, ExportRequest, ExportSpec
from shortlist.server.errors import NotReady, Overloaded, ProcessFailure, ServerError
from shortlist.server.storage.children import stop_child
from shortlist.server.storage.plain import from_plain, to_plain

MODULE = "shortlist.server.exporting"
POLL_S = 0.2
STOP_PATIENCE_S = 1.0  # a part half written is not there, so there is nothing to wait for


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
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,  # or a line could wait in a buffer that select does not see
            process_group=0,  # Ctrl-C is for the supervisor alone
        )
        assert child.stdout is not None
        try:
            for line in _lines(child.stdout, is_wanted):
                yield _progress(line)
            if child.wait() != 0:
                raise ServerError(f"the export process ended with status {child.returncode}")
        finally:
            stop_child(child, STOP_PATIENCE_S)
            child.stdout.close()


def _lines(stream: IO[bytes], is_wanted: Callable[[], bool]) -> Iterator[bytes]:
    """Yield lines as they come, until the stream ends."""
    while True:
        ready, _, _ = select.select([stream], [], [], POLL_S)
        if not is_wanted():
            problem = "The export was given up: its caller left or the server stops."
            raise NotReady(problem, draining=True)
        if ready:
            line = stream.readline()
            if not line:
                return
            yield line


def _progress(line: bytes) -> ExportProgress:
    """Return what a line says, or raise why the export failed."""
    data = json.loads(line)
    failure = data.get("failure")
    if failure is not None:
        raise ProcessFailure(failure["reason"], failure["message"], failure["metadata"])
    return from_plain(ExportProgress, data["progress"])
