"""Trainings with user features: users without events are part of the model, measured and served."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.core.linear.sparse import multiply
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import Artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.query import (
    GivenValue,
    Origin,
    RetrieveQuery,
    SimilarUsersQuery,
    UserQuery,
)
from shortlist.server.domain.sources import EventColumns, EventSource, UserSource
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec
from shortlist.server.domain.tuning import EarlyStopping
from shortlist.server.encoders.fold_in import USER_WEIGHTS
from shortlist.server.errors import DataSourceInvalid, FieldInvalid, QueryKindUnsupported
from shortlist.server.evaluation.__main__ import evaluate_model
from shortlist.server.operations.source_check import check_attributes
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.retrieval.similar_users import similar_users
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from tests.server.small_contents import small_spec
from tests.server.training.whole_trainings import opened, train

USERS, ITEMS, TASTES = 90, 60, 3
NEW = [f"u{user:02d}" for user in range(USERS) if user % 5 == 0]  # they have done nothing
PARAMS = WalsParams(dim=8, epochs=8, user_features=("club", "age"))


def taste(id: str) -> int:
    return int(id[1:]) % TASTES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users like items whose number agrees with theirs modulo 3; every fifth has no event."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    users = rng.integers(USERS, size=2500)
    items = rng.integers(ITEMS // TASTES, size=len(users)) * TASTES + users % TASTES
    ids = [f"u{user:02d}" for user in users]
    old = np.array([name not in NEW for name in ids])
    table = pa.table({"user": ids, "item": [f"i{item:02d}" for item in items]})
    table = table.append_column("country", pa.array([f"c{name[1]}" for name in ids]))
    parquet.write_table(table.filter(old), folder / "events.parquet")
    parquet.write_table(table.filter(~old), folder / "later.parquet")
    every = [f"u{user:02d}" for user in reversed(range(USERS))]  # the table has its own order
    columns: dict[str, list[Any]] = {"id": every, "club": [f"club {taste(name)}" for name in every]}
    columns["age"] = [20 + int(name[1:]) for name in every]
    parquet.write_table(pa.table(columns), folder / "users.parquet")
    return folder


def spec(data: Path, params: WalsParams = PARAMS, **changes: Any) -> TrainingSpec:
    users = UserSource(str(data / "users.parquet"))
    return small_spec(data / "events.parquet", users=users, algorithm=params, **changes)


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    train(made, spec(data))
    return made


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Artifact:
    return opened(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> ServingModel:
    return load_serving_model(Catalogs(folder).catalog("default").model_path("m1"))


def tastes(model: ServingModel, user: UserQuery) -> tuple[set[int], Origin]:
    found = retrieve(model, RetrieveQuery(user, count=10))
    return {taste(name) for name in found.item_ids}, found.origin


def test_users_without_events_get_what_their_like_do(model: ServingModel) -> None:
    """By their id, where the training was told of them, or by the features of the query."""
    for user in NEW:
        assert tastes(model, UserQuery(user)) == ({taste(user)}, Origin.FEATURES)
    for club in range(TASTES):
        stranger = UserQuery(features={"club": f"club {club}"})
        assert tastes(model, stranger) == ({club}, Origin.FEATURES)
    found = retrieve(
        model, RetrieveQuery(UserQuery("nobody", features={"club": "club 1"}), count=5)
    )
    assert (found.origin, found.missing_ids) == (Origin.FEATURES, ["nobody"])


def test_features_of_the_query_take_the_place_of_stored_ones(model: ServingModel) -> None:
    assert tastes(model, UserQuery("u00"))[0] == {0}
    moved = UserQuery("u00", features={"club": "club 2"})
    assert tastes(model, moved) == ({2}, Origin.FEATURES)
    known = model.user_features
    assert known is not None
    kept = known.of(model.users.row("u00"), {"club": "club 2"}, "")
    alone = known.of(None, {"club": "club 2"}, "")
    whole = known.of(None, {"club": "club 2", "age": 20.0}, "")
    assert kept is not None
    assert alone is not None
    assert whole is not None
    np.testing.assert_array_equal(kept.values.columns, whole.values.columns)
    np.testing.assert_allclose(kept.values.values, whole.values.values, atol=1e-6)
    assert len(kept.values.columns) > len(alone.values.columns)


def test_a_history_outweighs_the_features(model: ServingModel) -> None:
    """The vector moves from the features' place to its own data, and stays near with none."""
    wrong = {"club": "club 0"}
    history = tuple(f"i{item:02d}" for item in range(1, ITEMS, 3))
    long = UserQuery("", history, (1.0,) * len(history), features=wrong)
    places = embed(model, [UserQuery(features=wrong), long, replace(long, features={})])
    assert [one.origin for one in places] == [Origin.FEATURES, Origin.FOLDED_IN, Origin.FOLDED_IN]
    start, drawn, free = (one.values for one in places)
    assert start is not None
    assert drawn is not None
    assert free is not None
    assert np.linalg.norm(drawn - free) < 0.5 * np.linalg.norm(drawn - start)
    assert np.linalg.norm(drawn - start) < np.linalg.norm(free - start)
    found = retrieve(model, RetrieveQuery(replace(long, history_item_ids=history[:8])))
    assert taste(found.item_ids[0]) == 1


def test_known_users_fold_in_from_their_own_features(model: ServingModel) -> None:
    """Asked with the features it has, a user gets the vector that training stored."""
    space = model.space
    assert space is not None
    for user in ("u01", "u47"):
        same: dict[str, GivenValue] = {"club": f"club {taste(user)}", "age": 20.0 + int(user[1:])}
        (found,) = embed(model, [UserQuery(user, features=same)])
        assert found.origin is Origin.FOLDED_IN
        row = model.users.row(user)
        assert row is not None
        assert space.user_vectors is not None
        assert found.values is not None
        np.testing.assert_allclose(found.values, space.user_vectors[row], atol=0.03)


def test_what_is_not_known_is_said(model: ServingModel) -> None:
    only = UserQuery(features={"club": "club 9"})
    assert tastes(model, only)[1] is Origin.POPULARITY
    odd = UserQuery(features={"club": "club 9", "age": "30"})
    found = retrieve(model, RetrieveQuery(odd, count=5))
    assert (found.origin, found.missing_ids) == (Origin.FEATURES, ["club 9"])
    with pytest.raises(FieldInvalid, match="club, age") as caught:
        retrieve(model, RetrieveQuery(UserQuery(features={"height": 1.0})))
    assert caught.value.field == "query.user.features['height']"
    with pytest.raises(FieldInvalid, match="ISO 8601") as caught:
        retrieve(model, RetrieveQuery(UserQuery("u01", features={"age": "old"})))
    assert caught.value.field == "query.user.features['age']"


def test_a_model_without_features_refuses_them(data: Path, tmp_path: Path) -> None:
    train(tmp_path, spec(data, WalsParams(dim=8, epochs=2)))
    plain = load_serving_model(Catalogs(tmp_path).catalog("default").model_path("m1"))
    assert len(plain.users) == USERS - len(NEW), "users without events are not kept"
    with pytest.raises(QueryKindUnsupported, match="without features"):
        retrieve(plain, RetrieveQuery(UserQuery(features={"club": "club 1"})))


def test_users_are_similar_before_they_do_anything(model: ServingModel) -> None:
    found = similar_users(model, SimilarUsersQuery(UserQuery("u15"), count=20))
    assert found.origin is Origin.FEATURES
    assert {taste(name) for name in found.user_ids} == {0}
    given = UserQuery(features={"club": "club 1"})
    assert {taste(n) for n in similar_users(model, SimilarUsersQuery(given, count=9)).user_ids} == {
        1
    }


def test_an_explanation_leaves_the_features_in_the_remainder(model: ServingModel) -> None:
    asked = UserQuery("", ("i01", "i04"), (1.0, 1.0), features={"club": "club 1"})
    found = retrieve(model, RetrieveQuery(asked, count=5, contributions_max=2))
    for score, reason in zip(found.scores, found.reasons, strict=True):
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score, abs=1e-5)
    alone = retrieve(model, RetrieveQuery(UserQuery("u15"), count=5, contributions_max=2))
    assert [reason.item_ids for reason in alone.reasons] == [[]] * 5
    assert [one.remainder for one in alone.reasons] == pytest.approx(alone.scores)


def test_interests_begin_where_the_features_say(model: ServingModel) -> None:
    history = ("i01", "i04", "i07", "i02", "i05", "i08")
    asked = UserQuery("", history, (1.0,) * 6, features={"club": "club 1"})
    found = retrieve(model, RetrieveQuery(asked, count=10, interests=2))
    free = retrieve(model, RetrieveQuery(replace(asked, features={}), count=10, interests=2))
    assert len(found.interests) == len(free.interests) == 2
    assert found.scores != free.scores


def test_a_user_is_placed_by_the_stored_features_alone(data: Path, artifact: Artifact) -> None:
    assert artifact.user_schema is not None
    assert artifact.user_features is not None
    assert artifact.user_vectors is not None
    assert len(artifact.users) == USERS
    told = parquet.read_table(data / "users.parquet").sort_by("id")
    values = artifact.user_schema.of_table(told)
    np.testing.assert_array_equal(values.columns, artifact.user_features.columns)
    np.testing.assert_array_equal(values.values, artifact.user_features.values)
    weights = artifact.encoder.arrays[USER_WEIGHTS]
    placed = multiply(artifact.user_features, weights, threads=1)
    new = np.isin(artifact.users.ids(range(USERS)), NEW)
    np.testing.assert_allclose(placed[new], artifact.user_vectors[new], atol=1e-5)
    assert np.abs(placed[~new] - artifact.user_vectors[~new]).max() > 0.01


def test_later_events_of_placed_users_measure_the_model(data: Path, artifact: Artifact) -> None:
    later = EventSource(str(data / "later.parquet"))
    found = evaluate_model(artifact, later, (20,)).rankings
    recall = {(r.method, m.name): m.mean for r in found for m in r.metrics}
    assert {one.user_group for one in found} == {"known"}
    assert recall["wals", "recall"] > 0.9
    assert recall["popularity", "recall"] < 0.6


def test_unseen_users_are_measured_from_their_features(data: Path, tmp_path: Path) -> None:
    """Of one item each, nothing is left to fold in but what the features say."""
    evaluation = EvaluationSpec(cutoffs=(20,), unseen_user_fraction=0.3)
    recalls = []
    for model_id, params in (("told", PARAMS), ("plain", WalsParams(dim=8, epochs=8))):
        manifest = train(tmp_path, spec(data, params, evaluation=evaluation, model_id=model_id))
        assert manifest.evaluation is not None
        (ranking,) = (
            one
            for one in manifest.evaluation.rankings
            if (one.method, one.user_group) == ("wals", "unseen")
        )
        recalls.append(next(m.mean for m in ranking.metrics if m.name == "recall"))
    assert recalls[0] >= recalls[1]
    assert recalls[0] > 0.9


def test_users_without_events_have_no_segment(data: Path, tmp_path: Path) -> None:
    segmented = EventSource(str(data / "events.parquet"), columns=EventColumns(segment="country"))
    train(tmp_path, replace(spec(data), interactions=segmented))
    found = opened(tmp_path)
    assert found.segments is not None
    for row, user in enumerate(found.users.ids(range(USERS))):
        names = found.segments.ids.ids(found.segments.users.row(row)[0])
        assert names == ([] if user in NEW else [f"c{user[1]}"])


def test_a_warm_start_and_early_stopping_keep_the_users(data: Path, tmp_path: Path) -> None:
    train(tmp_path, spec(data))
    again = spec(data, model_id="m2", warm_start_model="m1")
    manifest = train(tmp_path, replace(again, early_stopping=EarlyStopping(cutoff=5, patience=1)))
    assert manifest.user_count == USERS
    assert 1 <= len(manifest.losses) <= PARAMS.epochs


def test_any_thread_count_gives_the_same_files(data: Path, tmp_path: Path) -> None:
    one, three = (
        train(tmp_path / str(threads), spec(data), threads=threads).files for threads in (1, 3)
    )
    assert one == three


def test_a_feature_that_is_no_attribute_of_the_users_is_named(data: Path, tmp_path: Path) -> None:
    source, roots = UserSource(str(data / "users.parquet")), [str(data)]
    with pytest.raises(FieldInvalid, match="no attribute of the users; those are club, age"):
        check_attributes(source, "users", roots, ["height"], "wals.user_features")
    alone = small_spec(data / "events.parquet", algorithm=PARAMS)
    with pytest.raises(DataSourceInvalid, match="no users"):
        train(tmp_path, alone)
    twice = tmp_path / "twice.parquet"
    parquet.write_table(pa.table({"user_id": ["a", "a"], "age": [1, 2]}), twice)
    with pytest.raises(DataSourceInvalid, match="user 'a' occurs twice"):
        train(tmp_path, replace(spec(data), users=UserSource(str(twice))))
