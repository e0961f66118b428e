"""Every name under DATA_DIR.

supervisor.lock            held by the one server that runs on the folder
jobs.sqlite                trainings, queued, running and ended
live_recall.sqlite         what sampled searches found
logs/JOB.log               what a training said
checkpoints/JOB/FIT.npz    where a running training got to
catalogs/CATALOG/
    .lock                  held while names change
    aliases.json           which model each alias names
    hidden.json            items that must not be returned
    models/MODEL/          a published model, manifest.json and what that lists; whole or not there
    models/.staging-*, models/.deleted-*    one that is being made or deleted
    exports/EXPORT/        _export.json, .lock, part-00000.parquet ..., _rows-00000.arrow ...

Names of the server's own begin with a dot or an underscore where callers choose the others.
"""

from __future__ import annotations

from pathlib import Path

LOCK_NAME = ".lock"  # of a catalog, of an export
MANIFEST_NAME = "manifest.json"
EXPORT_SPEC_NAME = "_export.json"
STAGING_PREFIX = ".staging-"
DELETED_PREFIX = ".deleted-"


def supervisor_lock_path(data_dir: Path) -> Path:
    """Return the file that a server holds locked."""
    return data_dir / "supervisor.lock"


def jobs_path(data_dir: Path) -> Path:
    """Return the database of trainings."""
    return data_dir / "jobs.sqlite"


def live_recall_path(data_dir: Path) -> Path:
    """Return the database of sampled searches."""
    return data_dir / "live_recall.sqlite"


def log_path(data_dir: Path, job_id: str) -> Path:
    """Return the log of a training."""
    return data_dir / "logs" / f"{job_id}.log"


def checkpoints_folder(data_dir: Path) -> Path:
    """Return the folder of states, a folder a job in it."""
    return data_dir / "checkpoints"


def catalogs_folder(data_dir: Path) -> Path:
    """Return the folder of the catalogs."""
    return data_dir / "catalogs"


def models_folder(catalog_folder: Path) -> Path:
    """Return the folder of a catalog's models."""
    return catalog_folder / "models"


def exports_folder(catalog_folder: Path) -> Path:
    """Return the folder of a catalog's exports."""
    return catalog_folder / "exports"


def catalog_of_model(model_folder: Path) -> Path:
    """Return the folder of the catalog that a model's folder lies in."""
    return model_folder.parent.parent


def aliases_path(catalog_folder: Path) -> Path:
    """Return the file of a catalog's aliases."""
    return catalog_folder / "aliases.json"


def hidden_path(catalog_folder: Path) -> Path:
    """Return the file of a catalog's hidden and deleted items."""
    return catalog_folder / "hidden.json"


def export_part_path(folder: Path, place: int) -> Path:
    """Return where a part of an export is for others to read."""
    return folder / f"part-{place:05d}.parquet"


def export_rows_path(folder: Path, place: int) -> Path:
    """Return where the rows of a part are for serving."""
    return folder / f"_rows-{place:05d}.arrow"
