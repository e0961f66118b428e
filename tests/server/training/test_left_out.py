"""What a training does not use is counted by reason, told while it runs, and kept by the model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.core.counts.params import PopularityParams
from shortlist.server.artifacts.artifact import open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import read_manifest
from shortlist.server.domain.left_out import LeftOutRows
from shortlist.server.domain.sources import EventSource, ItemSource
from shortlist.server.domain.training import EvaluationSpec, Preparation, TrainingSpec
from shortlist.server.evaluation.__main__ import evaluate_model
from shortlist.server.storage.layout import MANIFEST_NAME
from shortlist.server.training.pipeline import run_training


def write(path: Path, users: str, items: str, values: list[float]) -> EventSource:
    columns = {"user": [*users], "item": [None if i == "-" else i for i in items], "value": values}
    pq.write_table(pa.table(columns), path)
    return EventSource(str(path))


@pytest.fixture
def spec(tmp_path: Path) -> TrainingSpec:
    """Events of which one reason each leaves some out; "k" and "z" come as deleted items."""
    ids = pa.table({"id": ["x", None, "k", "y", None], "city": [*"abcde"]})
    pq.write_table(ids, tmp_path / "items.parquet")
    values = [1.0, 1, 1, 1, 1, 1, -1, 1, 1, 1]
    return TrainingSpec(
        "default",
        "m",
        write(tmp_path / "events.parquet", "aabbabccda", "xyxy-kxzxw", values),
        items=ItemSource(str(tmp_path / "items.parquet")),
        preparation=Preparation(value_min=0.0, user_events_min=2, item_events_min=2),
        algorithm=PopularityParams(),
        evaluation=EvaluationSpec("none"),
    )


TRAINED = (
    LeftOutRows("interactions", "no_item", 1),
    LeftOutRows("interactions", "deleted_item", 2),
    LeftOutRows("interactions", "value_below_min", 1),
    LeftOutRows("interactions", "rare_user", 1),
    LeftOutRows("interactions", "rare_item", 1),
    LeftOutRows("items", "no_id", 2),
    LeftOutRows("items", "deleted_item", 1),
)


def train(folder: Path, spec: TrainingSpec, told: list[Sequence[LeftOutRows]]) -> Path:
    catalogs = Catalogs(folder / "data")
    catalog = catalogs.catalog("default")
    catalog.change_hidden(lambda hidden: hidden.delete(("k", "z")))
    run_training(
        spec,
        catalogs,
        threads=1,
        report=lambda _: None,
        cancelled=lambda: False,
        on_left_out=told.append,
    )
    return catalog.model_path("m")


def test_every_row_is_used_or_counted_once(tmp_path: Path, spec: TrainingSpec) -> None:
    told: list[Sequence[LeftOutRows]] = []
    manifest = read_manifest(train(tmp_path, spec, told))
    assert manifest.left_out == TRAINED
    assert [tuple(rows) for rows in told] == [TRAINED]
    of_events = sum(each.count for each in TRAINED if each.source == "interactions")
    assert of_events + manifest.interaction_count == 10


def test_test_data_is_counted_in_its_evaluation(tmp_path: Path, spec: TrainingSpec) -> None:
    """Where a training measures on it and where a caller asks for it later."""
    test = write(tmp_path / "test.parquet", "abaab", "xy-qq", [1.0, 1, 1, 1, 1])
    given = EvaluationSpec("given", test_interactions=test)
    told: list[Sequence[LeftOutRows]] = []
    folder = train(tmp_path, replace(spec, evaluation=given), told)
    tested = (
        LeftOutRows("test_interactions", "no_item", 1),
        LeftOutRows("test_interactions", "unknown_item", 2),
    )
    evaluation = read_manifest(folder).evaluation
    assert evaluation is not None
    assert evaluation.left_out == tested
    assert tuple(told[-1]) == (*TRAINED, *tested)
    model = open_artifact(folder)
    assert evaluate_model(model, test, (10,)).left_out == tested
    shared = evaluate_model(model, test, (10,), baseline=model).left_out
    assert shared == (
        LeftOutRows("test_interactions", "no_item", 1),
        LeftOutRows("test_interactions", "not_shared", 4),  # both were trained on the pairs too
    )


def test_a_model_of_an_earlier_version_says_nothing_of_it(
    tmp_path: Path, spec: TrainingSpec
) -> None:
    folder = train(tmp_path, spec, [])
    path = folder / MANIFEST_NAME
    data = json.loads(path.read_text())
    del data["left_out"]
    path.write_text(json.dumps(data))
    assert open_artifact(folder).manifest.left_out == ()
