"""A training that was killed goes on from its last checkpoint, and leaves nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.errors import TrainingCancelled
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.job import JobPhase
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.storage.layout import checkpoints_folder
from shortlist.server.training.checkpoints import (
    Checkpoints,
    sweep_checkpoints,
)
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import long_spec, write_events


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("events") / "events.parquet")


def train(folder: Path, spec: TrainingSpec, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Run or go on with a training."""
    run_training(
        *(spec, Catalogs(folder)),
        threads=1,
        report=lambda _: None,
        cancelled=cancelled,
        resumed=True,
        checkpoints=Checkpoints(folder, "job", interval_s=0.0),
    )


def kill(folder: Path, events: Path, phase: JobPhase, epoch: int) -> None:
    """Run a training in a process that is killed after this epoch or a little later."""
    module = "tests.server.training.killed_training"
    command = [sys.executable, "-m", module, str(folder), str(events)]
    ended = subprocess.run(
        [*command, phase, str(epoch)], cwd=Path(__file__).parents[3], check=False
    )
    assert ended.returncode == -signal.SIGKILL


def published(folder: Path) -> Artifact:
    return open_artifact(Catalogs(folder).catalog("default").model_path("m1"))


def left_over(folder: Path) -> list[str]:
    return [path.name for path in checkpoints_folder(folder).glob("*")]


@pytest.mark.parametrize("phase", [JobPhase.EVALUATING, JobPhase.TRAINING])
def test_a_killed_training_goes_on_and_ends_in_the_same_bits(
    phase: JobPhase, tmp_path: Path, events: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kill(tmp_path / "killed", events, phase, 100)
    assert left_over(tmp_path / "killed") == ["job"]
    with caplog.at_level("INFO", "shortlist.training"):
        train(tmp_path / "killed", long_spec(events))
        assert f"going on from {tmp_path}/killed/checkpoints/job/{phase}.npz" in caplog.text
        caplog.clear()
        train(tmp_path / "whole", long_spec(events))
        assert "going on" not in caplog.text
    ours, whole = published(tmp_path / "killed"), published(tmp_path / "whole")
    assert ours.manifest.losses == whole.manifest.losses
    assert ours.manifest.evaluation == whole.manifest.evaluation
    for name in ("user_vectors", "item_vectors"):
        assert getattr(ours, name).tobytes() == getattr(whole, name).tobytes()
    assert left_over(tmp_path / "killed") == left_over(tmp_path / "whole") == []


@pytest.mark.parametrize("change", ["settings", "data", "damage"])
def test_a_state_that_does_not_fit_is_left_aside(change: str, tmp_path: Path, events: Path) -> None:
    """What is published is what an uninterrupted training of the new data and settings gives."""
    kill(tmp_path / "killed", events, JobPhase.TRAINING, 20)
    spec = long_spec(events)
    if change == "settings":
        spec = replace(spec, algorithm=WalsParams(dim=8, epochs=30, regularization=0.1))
    elif change == "data":
        spec = long_spec(write_events(tmp_path / "other.parquet", seed=1))
    else:
        for path in (checkpoints_folder(tmp_path / "killed") / "job").glob("*.npz"):
            path.write_bytes(path.read_bytes()[:-40])
    train(tmp_path / "killed", spec)
    train(tmp_path / "whole", spec)
    ours, whole = published(tmp_path / "killed"), published(tmp_path / "whole")
    np.testing.assert_array_equal(ours.user_vectors, whole.user_vectors)


def test_a_cancelled_training_leaves_no_state(tmp_path: Path, events: Path) -> None:
    kill(tmp_path, events, JobPhase.TRAINING, 20)
    with pytest.raises(TrainingCancelled):
        train(tmp_path, long_spec(events), cancelled=lambda: True)
    assert left_over(tmp_path) == []


def test_states_of_jobs_that_will_not_run_again_are_swept(tmp_path: Path) -> None:
    for job in ("open", "ended"):
        (checkpoints_folder(tmp_path) / job).mkdir(parents=True)
    sweep_checkpoints(tmp_path, {"open"})
    assert left_over(tmp_path) == ["open"]
    sweep_checkpoints(tmp_path / "new", set())
