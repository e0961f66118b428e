"""The export process: python -m shortlist.server.exporting --data-dir DIR --export ID ...

Prints a JSON object a line: {"progress": ...} after each part, or {"failure": {reason, message,
metadata}}. A process of its own, so that serving keeps its interpreter to itself.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from shortlist.core.parallel import resolve_threads
from shortlist.server.artifacts.artifact import open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.export_files import SPEC_NAME, read_spec
from shortlist.server.domain.exporting import ExportProgress, ExportSpec
from shortlist.server.errors import ExportExists, Overloaded
from shortlist.server.exporting.parts import total_row_count, write_parts
from shortlist.server.reasons import BUG, failure_of
from shortlist.server.serving.hidden import HiddenLists, HiddenRows
from shortlist.server.serving.serving_model import serving_model
from shortlist.server.storage.durable import make_folder, replace_text
from shortlist.server.storage.plain import from_plain, to_plain

_LOG = logging.getLogger("shortlist.exporting")

NICENESS = 10  # serving goes first
LOCK_NAME = ".lock"


def export(
    catalogs: Catalogs, catalog: str, export_id: str, spec: ExportSpec, threads: int
) -> Iterator[ExportProgress]:
    """Write an export, or what is missing of it, and yield how far it is.

    Raises ModelNotFound, QueryKindUnsupported, ExportExists where the id is another export's, and
    Overloaded while another process writes it.
    """
    stored_in = catalogs.catalog(catalog, must_exist=True)
    artifact = open_artifact(stored_in.model_path(spec.model_id))
    model = serving_model(artifact)
    spec = replace(spec, model_created_ms=artifact.manifest.created_ms)
    folder = stored_in.export_path(export_id)
    total = total_row_count(model, spec)
    make_folder(folder)
    with _locked(folder, export_id):
        _claim(folder, export_id, spec)
        started = time.monotonic()
        hidden = HiddenLists(catalogs)

        def hidden_now() -> HiddenRows | None:
            return model.hidden_rows(hidden.of(catalog))

        for written in write_parts(model, spec, folder, threads, hidden_now=hidden_now):
            left = -1.0
            if written.made_count:
                pace = (time.monotonic() - started) / written.made_count
                left = pace * (total - written.row_count)
            yield ExportProgress(
                export_id, spec.model_id, str(folder), written.row_count, total,
                written.size_bytes, left,
            )  # fmt: skip


@contextmanager
def _locked(folder: Path, export_id: str) -> Iterator[None]:
    """Let one process write; the kernel frees the lock however we end."""
    with (folder / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Overloaded(f"export {export_id} is being written already") from None
        yield


def _claim(folder: Path, export_id: str, spec: ExportSpec) -> None:
    """Write what the export is, or see that it still is."""
    path = folder / SPEC_NAME
    if not path.exists():
        replace_text(path, json.dumps(to_plain(spec)))
    elif read_spec(folder) != spec:
        problem = f"export {export_id} exists, of another model or with other settings"
        raise ExportExists(problem, export=export_id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how far the export is, or why it failed; return the exit status."""
    parser = argparse.ArgumentParser(prog="shortlist.server.exporting")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--export", required=True, help="its id")
    parser.add_argument("--spec", required=True, help="an ExportSpec as JSON")
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    given = parser.parse_args(arguments)
    try:
        spec = from_plain(ExportSpec, json.loads(given.spec))
        catalogs = Catalogs(given.data_dir)
        threads = resolve_threads(given.threads)
        for progress in export(catalogs, given.catalog, given.export, spec, threads):
            print(json.dumps({"progress": to_plain(progress)}), flush=True)
    except Exception as error:
        failure = failure_of(error)
        if failure.reason == BUG:
            _LOG.exception("the export failed")
        print(json.dumps({"failure": to_plain(failure)}), flush=True)
    return 0


if __name__ == "__main__":
    os.nice(NICENESS)
    sys.exit(main())
