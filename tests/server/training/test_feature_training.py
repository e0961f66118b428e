"""Trainings with item features: items without events are part of the model, measured and served."""

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
from shortlist.server.domain.query import Origin, RetrieveQuery, UserQuery
from shortlist.server.domain.sources import EventSource, ItemSource
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.domain.tuning import EarlyStopping
from shortlist.server.encoders.fold_in import ITEM_WEIGHTS
from shortlist.server.errors import DataSourceInvalid, FieldInvalid
from shortlist.server.evaluation.__main__ import evaluate_model
from shortlist.server.operations.source_check import check_attributes
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import load_serving_model
from tests.server.small_contents import small_spec
from tests.server.training.whole_trainings import opened, train

USERS, ITEMS, TASTES = 80, 60, 3
NEW = [f"i{item:02d}" for item in range(ITEMS) if item % 5 == 0]  # nobody has them
PARAMS = WalsParams(dim=8, epochs=8, item_features=("taste", "year"))


def taste(item_id: str) -> int:
    return int(item_id[1:]) % TASTES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users like items whose number agrees with theirs modulo 3; every fifth item has no event."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    users = rng.integers(USERS, size=4000)
    items = rng.integers(ITEMS // TASTES, size=len(users)) * TASTES + users % TASTES
    ids = [f"i{item:02d}" for item in items]
    old = np.array([name not in NEW for name in ids])
    table = pa.table({"user": [f"u{user:02d}" for user in users], "item": ids})
    parquet.write_table(table.filter(old), folder / "events.parquet")
    parquet.write_table(table.filter(~old), folder / "later.parquet")
    every = [f"i{item:02d}" for item in range(ITEMS)]
    columns: dict[str, list[Any]] = {
        "item": every,
        "taste": [f"kind {taste(name)}" for name in every],
    }
    columns["year"] = [1980 + int(name[1:]) for name in every]
    parquet.write_table(pa.table(columns), folder / "items.parquet")
    return folder


def spec(data: Path, params: WalsParams = PARAMS) -> TrainingSpec:
    items = ItemSource(str(data / "items.parquet"))
    return small_spec(data / "events.parquet", items=items, algorithm=params)


@pytest.fixture(scope="module")
def artifact(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("models")
    train(folder, spec(data))
    return opened(folder)


def test_items_without_events_are_retrieved_by_what_they_are(data: Path, tmp_path: Path) -> None:
    """For known users and for histories sent with the request."""
    train(tmp_path, spec(data))
    model = load_serving_model(Catalogs(tmp_path).catalog("default").model_path("m1"))
    for query, origin in (
        (UserQuery("u04"), Origin.STORED),
        (UserQuery("", ("i01", "i04", "i07"), (1.0, 1.0, 1.0)), Origin.FOLDED_IN),
    ):
        found = retrieve(model, RetrieveQuery(query, count=4, candidate_item_ids=tuple(NEW)))
        assert found.origin is origin
        assert {taste(name) for name in found.item_ids} == {1}
    everything = retrieve(model, RetrieveQuery(UserQuery("u04"), count=18, include_seen=True))
    assert {taste(name) for name in everything.item_ids} == {1}
    assert set(NEW) & set(everything.item_ids)


def test_an_item_is_placed_by_the_stored_features_alone(artifact: Artifact) -> None:
    """Those that nobody has lie there; the others have moved to their own data."""
    assert artifact.item_schema is not None
    assert artifact.attributes is not None
    assert artifact.item_vectors is not None
    weights = artifact.encoder.arrays[ITEM_WEIGHTS]
    placed = multiply(artifact.item_schema.of_table(artifact.attributes), weights, threads=1)
    new = np.isin(artifact.items.ids(range(ITEMS)), NEW)
    assert (artifact.item_counts[new] == 0).all()
    np.testing.assert_allclose(placed[new], artifact.item_vectors[new], atol=1e-5)
    assert np.abs(placed[~new] - artifact.item_vectors[~new]).max() > 0.01


def test_items_without_events_are_worth_finding_where_features_place_them(
    data: Path, artifact: Artifact, tmp_path: Path
) -> None:
    """Their later events measure the model; without features it does not know them."""
    later = EventSource(str(data / "later.parquet"))
    found = evaluate_model(artifact, later, (12,)).rankings
    recall = {r.method: m.mean for r in found for m in r.metrics if m.name == "recall"}
    assert recall["wals"] > 0.9
    assert recall["popularity"] < 0.2
    train(tmp_path, spec(data, WalsParams(dim=8, epochs=8)))
    assert not evaluate_model(opened(tmp_path), later, (12,)).rankings


def test_any_thread_count_gives_the_same_files(data: Path, tmp_path: Path) -> None:
    one, three = (
        train(tmp_path / str(threads), spec(data), threads=threads).files for threads in (1, 3)
    )
    assert one == three


def test_early_stopping_measures_items_with_and_without_events(data: Path, tmp_path: Path) -> None:
    """Each epoch's vectors are of the whole catalog."""
    stopping = replace(spec(data), early_stopping=EarlyStopping(cutoff=5, patience=1))
    manifest = train(tmp_path, stopping)
    assert manifest.item_count == ITEMS
    assert 1 <= len(manifest.losses) <= PARAMS.epochs


def test_a_feature_that_is_no_attribute_is_named_with_those_that_are(data: Path) -> None:
    source, roots = ItemSource(str(data / "items.parquet")), [str(data)]
    with pytest.raises(FieldInvalid, match="taste, year") as caught:
        check_attributes(source, "items", roots, ["year", "colour"], "wals.item_features")
    assert caught.value.field == "wals.item_features[1]"
    kept = ItemSource(str(data / "items.parquet"), attributes=("year",))
    with pytest.raises(FieldInvalid, match="'taste' is no attribute"):
        check_attributes(kept, "items", roots, ["taste"], "wals.item_features")
    with pytest.raises(FieldInvalid, match="needs items") as caught:
        check_attributes(None, "items", roots, ["taste"], "wals.item_features")
    assert caught.value.field == "wals.item_features"


def test_a_training_without_items_has_no_features(data: Path, tmp_path: Path) -> None:
    alone = small_spec(data / "events.parquet", algorithm=PARAMS)
    with pytest.raises(DataSourceInvalid, match="no items"):
        train(tmp_path, alone)
