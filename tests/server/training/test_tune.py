"""Early stopping and tuning: what is chosen is the best that was measured, on other events."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import SgdParams
from shortlist.core.sgd.sgd import train_sgd
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec, spec_from_json
from shortlist.server.domain.tuning import EarlyStopping, Trial, Tuning
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.evaluation.holdout import hold_out
from shortlist.server.evaluation.measure import evaluate
from shortlist.server.training.fit import fit
from shortlist.server.training.pipeline import run_training
from shortlist.server.training.prepare import prepare
from tests.server.small_contents import small_spec, write_events

WALS = WalsParams(dim=8, epochs=6, unobserved_weight=0.1, init_stddev=0.5)
STOPPING = EarlyStopping("recall", 5, patience=6, held_out_fraction=0.2, seed=3)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("events") / "events.parquet")


def train(folder: Path, spec: TrainingSpec, threads: int = 1) -> Manifest:
    return run_training(
        *(spec, Catalogs(folder)),
        threads=threads,
        report=lambda _: None,
        cancelled=lambda: False,
    )


def opened(folder: Path) -> Artifact:
    return open_artifact(Catalogs(folder).catalog("default").model_path("m1"))


def params_of(manifest: Manifest) -> WalsParams:
    found = spec_from_json(manifest.spec).algorithm
    assert isinstance(found, WalsParams)
    return found


def decided(trials: tuple[Trial, ...]) -> list[Trial]:
    """Return the trials without what a clock decides."""
    return [replace(trial, seconds=0.0) for trial in trials]


def test_training_stops_at_the_best_epoch(tmp_path: Path, events: Path) -> None:
    """The model is the one that so many epochs give on all events, with nothing stopped."""
    spec = small_spec(events, algorithm=WALS, early_stopping=STOPPING)
    manifest = train(tmp_path, spec)
    (trial,) = manifest.trials
    assert trial.chosen
    assert trial.quality == max(trial.qualities)
    assert trial.epochs == 1 + trial.qualities.index(trial.quality)
    chosen = params_of(manifest)
    assert chosen == replace(WALS, epochs=trial.epochs, over_relaxation=1.0)
    assert len(manifest.losses) == trial.epochs
    artifact = opened(tmp_path)
    plain = train_wals(artifact.seen, chosen, threads=1)
    np.testing.assert_array_equal(artifact.item_vectors, plain.items)


def test_each_epoch_is_measured_as_a_whole_training_of_so_many_is(events: Path) -> None:
    """On the held-out part of the events that train, by the evaluation that models get."""
    spec = small_spec(
        events, algorithm=WALS, early_stopping=STOPPING, evaluation=EvaluationSpec("none")
    )
    data = prepare(spec, None, 1, lambda rows: None)
    shape = len(data.users), len(data.items)
    how = EvaluationSpec("auto", 0.2, unseen_user_fraction=0.0, seed=STOPPING.seed)
    holdout = hold_out(data.events, *shape, how, "sum")
    assert holdout is not None
    wanted = []
    for epochs in range(1, 1 + WALS.epochs):
        params = replace(WALS, epochs=epochs, over_relaxation=1.0)
        fitted = fit(
            *(data, holdout.train, params, spec.preparation),
            threads=1,
            on_epoch=lambda epoch: None,
        )
        found = evaluate(
            fitted.contents,
            algorithm_of(params),
            holdout.test,
            split="",
            cutoffs=(5,),
            threads=1,
        )
        wanted += [one.mean for one in found.rankings[0].metrics if one.name == "recall"]
    folder = events.parent / "measured"
    assert train(folder, spec).trials[0].qualities == pytest.approx(wanted)


def test_test_events_take_no_part_in_the_choice(tmp_path: Path) -> None:
    """Other test events, the same trials; other events that train, other trials."""
    path = write_events(tmp_path / "events.parquet")
    table = parquet.read_table(path)
    newest = np.argsort(table["timestamp"].to_numpy())[::-1]
    found = []
    for name, rows in (("a", []), ("b", newest[:60]), ("c", newest[-60:])):
        items = np.array(table["item"].to_pylist())
        items[rows] = np.roll(items[rows], 7)
        other = table.set_column(1, "item", pa.array(items))
        parquet.write_table(other, tmp_path / f"{name}.parquet")
        evaluation = EvaluationSpec("temporal", unseen_user_fraction=0.0)
        spec = small_spec(
            tmp_path / f"{name}.parquet",
            algorithm=WALS,
            evaluation=evaluation,
            tuning=Tuning(trials=3),
        )
        found.append(decided(train(tmp_path / name, spec).trials))
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_best_trial_is_the_model(tmp_path: Path, events: Path, threads: int) -> None:
    """The first trial is of the settings given; the same ones at any thread count."""
    spec = small_spec(
        events,
        algorithm=WALS,
        early_stopping=replace(STOPPING, patience=2),
        tuning=Tuning(trials=8, dims=(4, 12), seed=1),
    )
    manifest = train(tmp_path, spec, threads)
    trials = manifest.trials
    assert len(trials) == 8 + 2
    assert trials[0].settings["unobserved_weight"] == WALS.unobserved_weight
    assert [trial.settings["dim"] for trial in trials] == [8.0] * 8 + [4.0, 12.0]
    (best,) = (trial for trial in trials if trial.chosen)
    assert best.quality == max(trial.quality for trial in trials)
    chosen = params_of(manifest)
    for name, value in best.settings.items():
        assert getattr(chosen, name) == value
    assert chosen.epochs == best.epochs
    assert opened(tmp_path).item_vectors is not None
    one = train(tmp_path / "one", spec, 1)
    assert decided(one.trials) == decided(trials)
    assert one.files == manifest.files


def test_poor_trials_are_stopped_early(tmp_path: Path, events: Path) -> None:
    """With all the patience, only the better half of the trials goes on beyond a rung."""
    spec = small_spec(
        events,
        algorithm=WALS,
        early_stopping=STOPPING,
        tuning=Tuning(trials=16),
    )
    lengths = [len(trial.qualities) for trial in train(tmp_path, spec).trials]
    assert set(lengths) <= {2, 4, WALS.epochs}
    assert lengths.count(WALS.epochs) < len(lengths) - 3
    assert lengths[:4] == [WALS.epochs] * 4, "there is nothing yet to be worse than"


def test_too_few_events_to_hold_any_out_are_told(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    parquet.write_table(pa.table({"user": ["a", "b"], "item": ["x", "y"]}), path)
    spec = TrainingSpec(
        *("default", "m1", EventSource(str(path))), algorithm=WALS, early_stopping=STOPPING
    )
    with pytest.raises(DataSourceInvalid, match="held out"):
        train(tmp_path, spec)


SGD = SgdParams(dim=8, epochs=6, negative_count=16, batch_size=128, seed=2)
RATINGS = RatingParams(dim=4, epochs=6)


def test_stochastic_training_stops_at_the_best_epoch_too(tmp_path: Path, events: Path) -> None:
    """The model is the one that so many epochs give on all events, with nothing stopped."""
    manifest = train(tmp_path, small_spec(events, algorithm=SGD, early_stopping=STOPPING))
    (trial,) = manifest.trials
    assert trial.epochs == 1 + trial.qualities.index(max(trial.qualities))
    chosen = spec_from_json(manifest.spec).algorithm
    assert chosen == replace(SGD, epochs=trial.epochs)
    artifact = opened(tmp_path)
    plain = train_sgd(artifact.seen, replace(SGD, epochs=trial.epochs), threads=1)
    np.testing.assert_array_equal(artifact.item_vectors, plain.items)


@pytest.mark.parametrize(
    ("given", "metric", "searched"),
    [
        (SGD, "recall", {"learning_rate", "regularization", "temperature", "negative_power"}),
        (RATINGS, "rmse", {"regularization", "bias_regularization"}),
        (SvdParams(dim=16), "ndcg", set()),
    ],
    ids=["sgd", "ratings", "svd"],
)
def test_every_tunable_algorithm_gets_the_best_of_its_trials(
    tmp_path: Path, events: Path, given: Params, metric: str, searched: set[str]
) -> None:
    """Errors are best where they are smallest; the same trials at any thread count."""
    spec = small_spec(
        events,
        algorithm=given,
        early_stopping=replace(STOPPING, metric=metric, patience=2),
        tuning=Tuning(trials=7, dims=(3,), seed=1),
    )
    manifest = train(tmp_path, spec, 2)
    trials = manifest.trials
    assert set(trials[0].settings) == searched | {"dim"}
    assert len({tuple(trial.settings.values()) for trial in trials}) >= 5
    assert trials[-1].settings["dim"] == 3
    (best,) = (trial for trial in trials if trial.chosen)
    pick = min if metric == "rmse" else max
    assert best.quality == pick(trial.quality for trial in trials)
    assert best.quality == best.qualities[best.epochs - 1] == pick(best.qualities)
    chosen = spec_from_json(manifest.spec).algorithm
    for name, value in best.settings.items():
        assert getattr(chosen, name) == value
    if not isinstance(given, SvdParams):
        assert getattr(chosen, "epochs", 0) == best.epochs
    one = train(tmp_path / "one", spec, 1)
    assert decided(one.trials) == decided(trials)


def test_a_trial_of_ratings_is_measured_as_a_whole_training_is(events: Path) -> None:
    """The error of each epoch is the one that an evaluation of such a model finds."""
    stopping = replace(STOPPING, metric="rmse", split="random_per_user")
    none = EvaluationSpec("none")
    spec = small_spec(events, algorithm=RATINGS, early_stopping=stopping, evaluation=none)
    data = prepare(spec, None, 1, lambda rows: None)
    shape = len(data.users), len(data.items)
    how = EvaluationSpec("random_per_user", 0.2, unseen_user_fraction=0.0, seed=STOPPING.seed)
    holdout = hold_out(data.events, *shape, how, spec.preparation.aggregation)
    assert holdout is not None
    params = replace(RATINGS, epochs=2)
    fitted = fit(
        *(data, holdout.train, params, spec.preparation), threads=1, on_epoch=lambda epoch: None
    )
    seen, held_out = fitted.contents.seen, holdout.test.known
    placed = np.bincount(seen.columns, minlength=seen.column_count) > 0
    rows = np.repeat(np.arange(held_out.row_count), np.diff(held_out.row_starts))
    kept = placed[held_out.columns]
    assert fitted.contents.user_vectors is not None
    assert fitted.contents.item_vectors is not None
    users = fitted.contents.user_vectors[rows[kept]]
    items = fitted.contents.item_vectors[held_out.columns[kept]]
    errors = np.einsum("nd,nd->n", users, items, dtype=np.float64) - held_out.values[kept]
    trial = train(events.parent / "rated", spec).trials[0]
    assert trial.qualities[1] == pytest.approx(np.sqrt(np.square(errors).mean()))
