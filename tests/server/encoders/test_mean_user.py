"""Models of WALS draw users to the mean user: what training stored, and what a history becomes."""

from pathlib import Path

import numpy as np
import pytest

from shortlist.core.data.interactions import FloatArray, single_row
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from shortlist.server.artifacts.artifact import Artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.query import Origin, Query, RetrieveQuery, UserQuery
from shortlist.server.domain.training import spec_from_json
from shortlist.server.encoders.fold_in import USER_WEIGHTS
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from tests.oracles.wals import solve_parts
from tests.server.small_contents import small_spec, write_events
from tests.server.training.whole_trainings import opened, train

PARAMS = WalsParams(dim=8, epochs=5, unobserved_weight=0.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    events = write_events(made / "events.parquet", timed=False)
    for model_id, draw_users in (("m1", True), ("plain", False)):
        params = WalsParams(dim=8, epochs=5, unobserved_weight=0.1, draw_users=draw_users)
        train(made, small_spec(events, model_id, algorithm=params))
    return made


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Artifact:
    return opened(folder)


def loaded(folder: Path, model_id: str = "m1") -> ServingModel:
    return load_serving_model(Catalogs(folder).catalog("default").model_path(model_id))


def vector(model: ServingModel, query: Query) -> FloatArray:
    (found,) = embed(model, [query])
    assert found.values is not None
    return found.values


def test_the_stored_users_are_drawn_to_the_stored_mean(artifact: Artifact) -> None:
    trained = train_wals(artifact.seen, PARAMS, threads=1, draw_users=True)
    assert artifact.user_schema is None
    assert artifact.user_features is None
    assert artifact.user_vectors is not None
    assert trained.user_center is not None
    mean = artifact.encoder.arrays[USER_WEIGHTS]
    assert mean.shape == (1, artifact.manifest.dim)
    np.testing.assert_allclose(mean[0], trained.user_center, atol=1e-5)
    np.testing.assert_allclose(artifact.user_vectors, trained.users, atol=1e-4)


def test_a_history_is_folded_in_from_the_mean(folder: Path, artifact: Artifact) -> None:
    model = loaded(folder)
    assert artifact.item_vectors is not None
    ids = artifact.items.ids([2, 5])
    found = vector(model, UserQuery("", tuple(ids), (1.0, 3.0)))
    history = single_row(
        np.array([2, 5], np.int32), np.array([1.0, 3.0], np.float32), len(artifact.items)
    )
    fold_in = FoldIn(artifact.item_vectors, artifact.item_counts, PARAMS)
    mean = artifact.encoder.arrays[USER_WEIGHTS]
    np.testing.assert_array_equal(found, fold_in.solve(history, prior=mean)[0])
    assert np.abs(found - fold_in.solve(history)[0]).max() > 1e-3


def test_a_dislike_alone_leaves_what_everybody_likes(folder: Path) -> None:
    """From 0 it would leave nothing: the vector of a history without a like is 0."""
    asked = RetrieveQuery(UserQuery("", ("i3",), (-5.0,)), count=5)
    drawn, plain = (retrieve(loaded(folder, name), asked) for name in ("m1", "plain"))
    assert drawn.origin is plain.origin is Origin.FOLDED_IN
    assert plain.scores == [0.0] * 5
    assert drawn.scores[-1] > 0
    assert "i3" not in drawn.item_ids


def test_without_drawing_nothing_is_stored_and_a_history_begins_at_0(folder: Path) -> None:
    artifact = opened(folder, "plain")
    assert not artifact.encoder.arrays
    params = spec_from_json(artifact.manifest.spec).algorithm
    assert isinstance(params, WalsParams)
    assert not params.draw_users
    assert artifact.item_vectors is not None
    found = vector(loaded(folder, "plain"), UserQuery("", tuple(artifact.items.ids([2])), (1.0,)))
    history = single_row(np.array([2], np.int32), np.ones(1, np.float32), len(artifact.items))
    fold_in = FoldIn(artifact.item_vectors, artifact.item_counts, params)
    np.testing.assert_array_equal(found, fold_in.solve(history)[0])


def test_what_the_mean_adds_is_the_remainder_of_an_explanation(
    folder: Path, artifact: Artifact
) -> None:
    """The contributions are what they are without it."""
    assert artifact.item_vectors is not None
    rows = np.array([1, 4, 7], np.int32)
    asked = UserQuery("", tuple(artifact.items.ids(rows)), (1.0, 1.0, 1.0))
    found = retrieve(loaded(folder), RetrieveQuery(asked, count=9, contributions_max=3))
    history = single_row(rows, np.ones(3, np.float32), len(artifact.items))
    parts = solve_parts(history, artifact.item_vectors, PARAMS, 0)
    whole = vector(loaded(folder), asked)
    for name, score, reason in zip(found.item_ids, found.scores, found.reasons, strict=True):
        row = artifact.items.row(name)
        assert row is not None
        amounts = parts @ artifact.item_vectors[row].astype(np.float64)
        assert sum(reason.amounts) == pytest.approx(amounts.sum(), abs=1e-5)
        rest = (whole - parts.sum(axis=0)) @ artifact.item_vectors[row]
        assert reason.remainder == pytest.approx(rest, abs=1e-4)
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score, abs=1e-6)
