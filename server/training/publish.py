"""What was learned becomes a model that serves: its index, its files, its place."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from shortlist.server.artifacts.artifact import ModelContents, write_artifact
from shortlist.server.artifacts.catalogs import Catalog
from shortlist.server.artifacts.manifest import IndexReport, Manifest
from shortlist.server.domain.job import JobPhase
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.index.choice import build_index
from shortlist.server.training.progress import Progress


def publish(
    catalog: Catalog,
    contents: ModelContents,
    about: Manifest,
    progress: Progress,
    *,
    threads: int,
    started: float,
    spec: TrainingSpec,
) -> Manifest:
    """Build the index, write everything into a hidden folder, and rename that.

    started: when the training did, on the clock of time.perf_counter. Returns the manifest as
    written; whatever is raised, no part of the model becomes visible.
    """
    staged = catalog.stage(about.model_id)
    try:
        progress.start(JobPhase.INDEXING)
        index = _index(staged, contents, spec, progress, threads, started)
        progress.start(JobPhase.PUBLISHING)
        seconds = time.perf_counter() - started
        about = replace(about, index=index, training_seconds=seconds)
        manifest = write_artifact(staged, contents, about)
        progress.check()
        catalog.publish(staged, about.model_id)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return manifest


def _index(
    folder: Path,
    contents: ModelContents,
    spec: TrainingSpec,
    progress: Progress,
    threads: int,
    trained_from: float,
) -> IndexReport:
    """Build the index of a model that has vectors."""
    if contents.item_vectors is None or contents.user_vectors is None:
        return IndexReport()
    started = time.perf_counter()

    def added(done: int, total: int) -> None:
        progress.done(done / total, time.perf_counter() - started)

    return build_index(
        folder,
        contents.item_vectors,
        contents.user_vectors,
        asked=spec.index,
        target_recall=spec.target_recall,
        trained_seconds=started - trained_from,
        threads=threads,
        on_progress=added,
    )
