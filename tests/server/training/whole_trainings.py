"""Whole trainings in this process, and what they leave behind."""

from collections.abc import Callable
from pathlib import Path

from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.job import JobProgress
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.training.pipeline import run_training
from shortlist.server.training.progress import Report


def silent(_: JobProgress) -> None:
    """Listen to no progress."""


def train(
    folder: Path,
    spec: TrainingSpec,
    *,
    threads: int = 1,
    report: Report = silent,
    cancelled: Callable[[], bool] = lambda: False,
    roots: tuple[str, ...] | None = None,
    resumed: bool = False,
) -> Manifest:
    return run_training(
        spec,
        Catalogs(folder),
        threads=threads,
        report=report,
        cancelled=cancelled,
        roots=roots,
        resumed=resumed,
    )


def opened(folder: Path, model_id: str = "m1") -> Artifact:
    return open_artifact(Catalogs(folder).catalog("default").model_path(model_id))


def left_over(folder: Path) -> list[str]:
    """Return every name in the catalog's models, hidden ones included."""
    models = folder / "catalogs" / "default" / "models"
    return sorted(path.name for path in models.iterdir()) if models.is_dir() else []
