"""A training that begins at the vectors of an earlier model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.counts.params import PopularityParams
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec
from shortlist.server.domain.tuning import Tuning
from shortlist.server.errors import FieldInvalid
from shortlist.server.jobs.store import JobStore
from shortlist.server.operations.trainings import Trainings
from shortlist.server.serving.slots import Slots
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import small_spec, write_events


def spec(path: Path, model_id: str, **changes: object) -> TrainingSpec:
    given = {"algorithm": WalsParams(dim=8, epochs=6, unobserved_weight=0.1), **changes}
    return small_spec(path, model_id, evaluation=EvaluationSpec("none"), **given)


def train(folder: Path, wanted: TrainingSpec) -> Manifest:
    return run_training(
        *(wanted, Catalogs(folder)), threads=1, report=lambda _: None, cancelled=lambda: False
    )


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A data folder with the wals model m1, which is live."""
    events = write_events(tmp_path / "events.parquet")
    train(tmp_path, spec(events, "m1"))
    return tmp_path


def submitting(folder: Path) -> Trainings:
    catalogs = Catalogs(folder)
    return Trainings(JobStore(folder / "jobs.sqlite"), catalogs, Slots(catalogs, 2), (str(folder),))


def test_fewer_epochs_reach_the_same_loss_though_users_and_items_are_new(trained: Path) -> None:
    """The new data has a third more users and items; rows are found again by their ids."""
    more = write_events(trained / "more.parquet", user_count=80, item_count=52)
    random = WalsParams(dim=8, epochs=6, unobserved_weight=0.1, init_stddev=0.1)
    cold = train(trained, spec(more, "cold", algorithm=random))
    warm = train(trained, spec(more, "warm", warm_start_model="m1"))
    assert warm.losses[2] < cold.losses[3]
    artifact = open_artifact(Catalogs(trained).catalog("default").model_path("warm"))
    assert artifact.user_vectors is not None
    assert np.abs(artifact.user_vectors).sum(axis=1).all()


def test_an_alias_means_the_model_it_names_when_the_training_is_accepted(trained: Path) -> None:
    job = submitting(trained).submit(
        spec(trained / "events.parquet", "m2", warm_start_model="live")
    )
    assert job.spec.warm_start_model == "m1"


def test_a_model_that_does_not_fit_is_refused(trained: Path) -> None:
    events = trained / "events.parquet"
    train(trained, spec(events, "popular", algorithm=PopularityParams(), alias=None))
    wanted = spec(events, "m2", warm_start_model="m1")
    trainings = submitting(trained)
    for refused in (
        replace(wanted, warm_start_model="nobody"),
        replace(wanted, warm_start_model="popular"),
        replace(wanted, algorithm=WalsParams(dim=9)),
        replace(wanted, tuning=Tuning(dims=(16,))),
    ):
        with pytest.raises(FieldInvalid) as problem:
            trainings.submit(refused)
        assert problem.value.metadata["field"] == "warm_start_model"


def test_what_is_measured_starts_anew(trained: Path) -> None:
    """The earlier model has learned from the events that are held out now."""
    events, split = trained / "events.parquet", EvaluationSpec("random_per_user", cutoffs=(5,))
    cold = train(trained, replace(spec(events, "cold"), evaluation=split))
    warm = train(trained, replace(spec(events, "w", warm_start_model="m1"), evaluation=split))
    assert warm.evaluation == cold.evaluation
    assert warm.losses != cold.losses
