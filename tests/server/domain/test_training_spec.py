"""Training specs: what is stored comes back, what is out of range is refused."""

import json
from dataclasses import replace

import pytest

from shortlist.core.counts.params import PopularityParams
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.wals.params import WalsParams
from shortlist.server.domain.index import GraphOptions, IndexSpec
from shortlist.server.domain.sources import EventColumns, EventSource, ItemSource, TextOptions
from shortlist.server.domain.training import (
    EvaluationSpec,
    Preparation,
    TrainingSpec,
    spec_from_json,
    spec_to_json,
)
from shortlist.server.domain.tuning import EarlyStopping, Tuning

FULL = TrainingSpec(
    catalog="pins",
    model_id="m1",
    interactions=EventSource(
        "é.csv", "csv", EventColumns("u", "i", "v", "t"), TextOptions("::", "latin-1", False)
    ),
    items=ItemSource("items.parquet", attributes=("city", "year")),
    preparation=Preparation(
        value_min=-0.5, user_events_min=2, item_events_min=3, aggregation="max"
    ),
    algorithm=WalsParams(dim=7, regularization=1e-4, seed=2**64 - 1, value_transform="log"),
    evaluation=EvaluationSpec("given", cutoffs=(1, 1000), test_interactions=EventSource("t.csv")),
    alias=None,
    request_id="r",
    early_stopping=EarlyStopping("recall", 10, 3, 0.25, "leave_last_out", 7),
    tuning=Tuning(5, (32, 64), 8),
    index=IndexSpec("usearch", GraphOptions(16, 64, "i8", True)),
)
SMALL = TrainingSpec("default", "m", EventSource("e"), algorithm=PopularityParams(2.5))


@pytest.mark.parametrize("spec", [FULL, SMALL, TrainingSpec("c", "m", EventSource("e"))])
def test_a_spec_comes_back_from_json(spec: TrainingSpec) -> None:
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


@pytest.mark.parametrize(
    "change",
    [
        *({"unknown": 1}, {"algorithm": {"magic": {}}}, {"algorithm": {}}, {"catalog": 5}),
        *({"algorithm": {"wals": {"dim": "64"}}}, {"preparation": {"aggregation": "mean"}}),
        *({"interactions": None}, {"alias": 1}, {"evaluation": {"cutoffs": [True]}}),
    ],
)
def test_text_that_is_no_spec_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataInvalid):
        spec_from_json(spec_to_json(FULL) | change)


def test_a_spec_from_before_there_was_a_choice_of_index_asks_for_none() -> None:
    data = spec_to_json(FULL)
    del data["index"]
    assert spec_from_json(data) == replace(FULL, index=IndexSpec())


def test_a_missing_key_is_refused() -> None:
    data = spec_to_json(FULL)
    del data["catalog"]
    with pytest.raises(DataInvalid, match="catalog"):
        spec_from_json(data)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("metric", lambda: EarlyStopping("coverage")),
        ("cutoff", lambda: EarlyStopping(cutoff=1001)),
        ("patience", lambda: EarlyStopping(patience=0)),
        ("held_out_fraction", lambda: EarlyStopping(held_out_fraction=1.0)),
        ("split", lambda: EarlyStopping(split="given")),
        ("trials", lambda: Tuning(trials=0)),
        ("dims", lambda: Tuning(dims=(64, 5000))),
        ("tuning", lambda: replace(SMALL, tuning=Tuning())),
        ("early_stopping", lambda: replace(SMALL, early_stopping=EarlyStopping())),
        ("aggregation", lambda: Preparation(aggregation="mean")),  # type: ignore[arg-type]
        ("user_events_min", lambda: Preparation(user_events_min=-1)),
        ("item_events_min", lambda: Preparation(item_events_min=1_000_001)),
        ("value_min", lambda: Preparation(value_min=float("nan"))),
        ("kind", lambda: IndexSpec("hnsw")),
        ("graph", lambda: IndexSpec("lists", GraphOptions())),
        ("graph", lambda: IndexSpec("usearch")),
        ("connectivity", lambda: GraphOptions(connectivity=3)),
        ("connectivity", lambda: GraphOptions(connectivity=257)),
        ("expansion_add", lambda: GraphOptions(expansion_add=7)),
        ("dtype", lambda: GraphOptions(dtype="f64")),
        ("index.kind", lambda: replace(SMALL, index=IndexSpec("lists"))),
        ("index.kind", lambda: replace(FULL, target_recall=1.0)),
        ("half_life_days", lambda: PopularityParams(0)),
        ("half_life_days", lambda: PopularityParams(float("inf"))),
        ("split", lambda: EvaluationSpec("by_luck")),
        ("held_out_fraction", lambda: EvaluationSpec(held_out_fraction=0)),
        ("unseen_user_fraction", lambda: EvaluationSpec(unseen_user_fraction=1)),
        ("cutoffs", lambda: EvaluationSpec(cutoffs=())),
        ("cutoffs", lambda: EvaluationSpec(cutoffs=(10, 10))),
        ("cutoffs", lambda: EvaluationSpec(cutoffs=(0, 10))),
        ("cutoffs", lambda: EvaluationSpec(cutoffs=(1001,))),
        ("cutoffs", lambda: EvaluationSpec(cutoffs=tuple(range(1, 22)))),
        ("test_interactions", lambda: EvaluationSpec("given")),
        ("seed", lambda: EvaluationSpec(seed=-1)),
    ],
)
def test_a_setting_out_of_range_is_named(field: str, make: object) -> None:
    with pytest.raises(SettingInvalid) as failure:
        make()  # type: ignore[operator]
    assert failure.value.field == field
