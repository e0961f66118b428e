"""Where a training got to, on disk: one that was killed goes on from there.

A file a fit (the one that is measured and the one that is published), replaced after an epoch. A
state belongs to its data and params: where either has changed, the fit starts anew.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.progress import Epoch, TrainerState
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.storage.durable import make_folder, sync_file
from shortlist.server.storage.plain import to_plain

_LOG = logging.getLogger("shortlist.training")

CHECKPOINTS_NAME = "checkpoints"  # in the data folder, a folder a job in it
INTERVAL_S = 1.0  # between two states: less than this is soon done again
SHARE = 0.1  # of the time that writing states may take


class Checkpoints:
    """The states of one training, of a folder of the job's own; removed at its end."""

    def __init__(self, data_dir: Path, job_id: str, interval_s: float = INTERVAL_S) -> None:
        self._folder = data_dir / CHECKPOINTS_NAME / job_id
        self._interval_s = interval_s

    def fit(self, name: str, seen: Interactions, params: Params) -> FitCheckpoints:
        """Return the states of one fit of this training."""
        path = self._folder / f"{name}.npz"
        return FitCheckpoints(path, fingerprint(seen, params), self._interval_s)

    def remove(self) -> None:
        """Forget where this training got to."""
        shutil.rmtree(self._folder, ignore_errors=True)


class FitCheckpoints:
    """The last state of one fit."""

    def __init__(self, path: Path, fingerprint: str, interval_s: float) -> None:
        self._path, self._fingerprint = path, fingerprint
        self._pause_s = self._interval_s = interval_s
        self._saved_at = time.monotonic()

    def load(self) -> TrainerState | None:
        """Return the last state of this very fit, None where there is none or it is damaged."""
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                state = {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
            _LOG.warning("cannot read %s, starting anew: %s", self._path, problem)
            return None
        if str(state.pop("fingerprint", "")) != self._fingerprint:
            _LOG.warning("%s is of other data or settings, starting anew", self._path)
            return None
        _LOG.info("going on from %s", self._path)
        return state

    def save(self, epoch: Epoch) -> None:
        """Save an epoch's state, where it is long enough since the last."""
        started = time.monotonic()
        if epoch.state is None or started - self._saved_at < self._pause_s:
            return
        self._write(epoch.state())
        self._saved_at = time.monotonic()
        self._pause_s = max(self._interval_s, (self._saved_at - started) / SHARE)

    def _write(self, state: TrainerState) -> None:
        make_folder(self._path.parent)
        beside = self._path.with_suffix(".new")  # replaced by the next attempt if we die here
        with beside.open("wb") as file:
            arrays: dict[str, Any] = {**state, "fingerprint": np.array(self._fingerprint)}
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        sync_file(self._path.parent)


def sweep_checkpoints(data_dir: Path, open_jobs: set[str]) -> None:
    """Remove the states of jobs that will not run again; for when no training runs."""
    folder = data_dir / CHECKPOINTS_NAME
    for of_job in folder.iterdir() if folder.is_dir() else ():
        if of_job.name not in open_jobs:
            shutil.rmtree(of_job, ignore_errors=True)


def fingerprint(seen: Interactions, params: Params) -> str:
    """Return a text that other data or other settings would not have."""
    settings = {algorithm_of(params).name: to_plain(params)}
    parts = [json.dumps(settings, sort_keys=True), str(seen.column_count)]
    for array in (seen.row_starts, seen.columns, seen.values):
        parts.append(f"{len(array)}-{zlib.crc32(np.ascontiguousarray(array).data):08x}")
    return " ".join(parts)
