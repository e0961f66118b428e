"""TrainRequest: every field that cannot be used is refused by its name."""

import math

import pytest

from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.evaluation_messages import evaluation_request_from_proto
from shortlist.server.rpc.training_messages import training_spec_from_proto
from shortlist.v1 import algorithms_pb2 as a
from shortlist.v1 import model_service_pb2 as m
from tests.server.rpc.train_requests import EVENTS, SEGMENTED, SPECS, source, with_fields

BAD = [
    (m.TrainRequest(), "interactions"),
    (with_fields(interactions=m.InteractionSource()), "interactions.source"),
    (with_fields(interactions=source(uri="")), "interactions.source.uri"),
    (with_fields(interactions=source(uri="x" * 5000)), "interactions.source.uri"),
    (with_fields(interactions=source(format="xml")), "interactions.source.format"),
    (with_fields(interactions=source(encoding="klingon")), "interactions.source.encoding"),
    (with_fields(interactions=source(separator="x" * 9)), "interactions.source.separator"),
    (with_fields(interactions=source(headerless=True)), "interactions.source.headerless"),
    (with_fields(interactions=source(separator="::", quoted=True)), "interactions.source.quoted"),
    (with_fields(items=m.ItemSource()), "items.source"),
    (
        with_fields(items=m.ItemSource(source=m.DataSource(uri="x", format="adjacency"))),
        "items.source.format",
    ),
    (
        with_fields(items=m.ItemSource(source=EVENTS.source, attribute_columns=["a"] * 101)),
        "items.attribute_columns",
    ),
    (
        with_fields(items=m.ItemSource(source=EVENTS.source, attribute_columns=["a", ""])),
        "items.attribute_columns[1]",
    ),
    (with_fields(users=m.UserSource()), "users.source"),
    (
        with_fields(users=m.UserSource(source=EVENTS.source, attribute_columns=["a", ""])),
        "users.attribute_columns[1]",
    ),
    (with_fields(catalog="No"), "catalog"),
    (with_fields(model_id="a/b"), "model_id"),
    (with_fields(model_id=".."), "model_id"),
    (with_fields(alias="a b"), "alias"),
    (with_fields(alias="a", keep_aliases=True), "alias"),
    (with_fields(request_id="x" * 129), "request_id"),
    (with_fields(target_recall=0.49), "target_recall"),
    (with_fields(target_recall=1.01), "target_recall"),
    (with_fields(target_recall=math.nan), "target_recall"),
    (with_fields(preparation=m.Preparation(aggregation=9)), "preparation.aggregation"),  # type: ignore[arg-type]
    (with_fields(preparation=m.Preparation(user_events_min=-1)), "preparation.user_events_min"),
    (
        with_fields(preparation=m.Preparation(item_events_min=2_000_000)),
        "preparation.item_events_min",
    ),
    (with_fields(preparation=m.Preparation(value_min=math.inf)), "preparation.value_min"),
    (with_fields(wals=a.WalsSpec(dim=-1)), "wals.dim"),
    (with_fields(wals=a.WalsSpec(dim=4097)), "wals.dim"),
    (with_fields(wals=a.WalsSpec(epochs=1001)), "wals.epochs"),
    (with_fields(wals=a.WalsSpec(unobserved_weight=-1)), "wals.unobserved_weight"),
    (with_fields(wals=a.WalsSpec(regularization=math.nan)), "wals.regularization"),
    (
        with_fields(wals=a.WalsSpec(regularization_exponent=3)),
        "wals.regularization_exponent",
    ),
    (with_fields(wals=a.WalsSpec(value_epsilon=0)), "wals.value_epsilon"),
    (with_fields(wals=a.WalsSpec(value_transform=9)), "wals.value_transform"),  # type: ignore[arg-type]
    (
        with_fields(wals=a.WalsSpec(item_frequency_exponent=2)),
        "wals.item_frequency_exponent",
    ),
    (with_fields(wals=a.WalsSpec(init_stddev=0)), "wals.init_stddev"),
    (with_fields(wals=a.WalsSpec(cg_steps=1001)), "wals.cg_steps"),
    (with_fields(svd=a.SvdSpec(dim=5000)), "svd.dim"),
    (with_fields(neighbours=a.NeighboursSpec(count=10_001)), "neighbours.count"),
    (with_fields(sgd=a.SgdSpec(loss=a.SGD_LOSS_BPR, negative_count=0)), "sgd.negative_count"),
    (with_fields(sgd=a.SgdSpec(uniform_share=0.5)), "sgd.uniform_share"),
    (with_fields(sgd=a.SgdSpec(hard_count=300)), "sgd.hard_count"),
    (with_fields(sgd=a.SgdSpec(hard_count=9, correct_sampling=True)), "sgd.hard_count"),
    (with_fields(sgd=a.SgdSpec(item_bias=True)), "sgd.item_bias"),
    (with_fields(sgd=a.SgdSpec(gravity=1)), "sgd.gravity"),
    (with_fields(sgd=a.SgdSpec(temperature=0)), "sgd.temperature"),
    (with_fields(distilled=a.DistilledSpec(teacher_dim=-1)), "distilled.teacher_dim"),
    (with_fields(distilled=a.DistilledSpec(half_life_days=-1)), "distilled.half_life_days"),
    (with_fields(neighbours=a.NeighboursSpec(kind=3)), "neighbours.kind"),  # type: ignore[arg-type]
    (with_fields(svd=a.SvdSpec(power_iterations=101)), "svd.power_iterations"),
    (with_fields(ratings=a.RatingsSpec(solver=5)), "ratings.solver"),  # type: ignore[arg-type]
    (with_fields(ratings=a.RatingsSpec(learning_rate=-1)), "ratings.learning_rate"),
    (with_fields(wals=a.WalsSpec(solver=9)), "wals.solver"),  # type: ignore[arg-type]
    (
        with_fields(popularity=a.PopularitySpec(half_life_days=0)),
        "popularity.half_life_days",
    ),
    (with_fields(evaluation=m.EvaluationSpec(split=9)), "evaluation.split"),  # type: ignore[arg-type]
    (with_fields(evaluation=m.EvaluationSpec(split=m.SPLIT_GIVEN)), "evaluation.test_interactions"),
    (
        with_fields(evaluation=m.EvaluationSpec(test_interactions=EVENTS)),
        "evaluation.test_interactions",
    ),
    (
        with_fields(evaluation=m.EvaluationSpec(split=m.SPLIT_GIVEN, test_interactions=SEGMENTED)),
        "evaluation.test_interactions.segment_column",
    ),
    (with_fields(evaluation=m.EvaluationSpec(held_out_fraction=1)), "evaluation.held_out_fraction"),
    (
        with_fields(evaluation=m.EvaluationSpec(unseen_user_fraction=1)),
        "evaluation.unseen_user_fraction",
    ),
    (with_fields(evaluation=m.EvaluationSpec(cutoffs=[10, 0])), "evaluation.cutoffs[1]"),
    (with_fields(early_stopping=m.EarlyStopping(metric="coverage")), "early_stopping.metric"),
    (with_fields(early_stopping=m.EarlyStopping(cutoff=1001)), "early_stopping.cutoff"),
    (with_fields(early_stopping=m.EarlyStopping(patience=-1)), "early_stopping.patience"),
    (
        with_fields(early_stopping=m.EarlyStopping(held_out_fraction=math.nan)),
        "early_stopping.held_out_fraction",
    ),
    (with_fields(early_stopping=m.EarlyStopping(split=m.SPLIT_GIVEN)), "early_stopping.split"),
    (with_fields(tuning=m.Tuning(trials=1001)), "tuning.trials"),
    (with_fields(tuning=m.Tuning(dims=[64, 0])), "tuning.dims"),
    (with_fields(tuning=m.Tuning(), popularity=a.PopularitySpec()), "tuning"),
    (with_fields(tuning=m.Tuning(dims=[64, 4095]), sgd=a.SgdSpec()), "tuning.dims"),
    (
        with_fields(early_stopping=m.EarlyStopping(metric="rmse"), sgd=a.SgdSpec()),
        "early_stopping.metric",
    ),
    (
        with_fields(early_stopping=m.EarlyStopping(), neighbours=a.NeighboursSpec()),
        "early_stopping",
    ),
    (with_fields(warm_start_model="../live"), "warm_start_model"),
    (with_fields(warm_start_model="live", svd=a.SvdSpec()), "warm_start_model"),
    (with_fields(early_stopping=m.EarlyStopping(), svd=a.SvdSpec()), "early_stopping"),
    (with_fields(evaluation=m.EvaluationSpec(cutoffs=[1] * 21)), "evaluation.cutoffs"),
]


@pytest.mark.parametrize(("request_", "path"), BAD, ids=[path for _, path in BAD])
def test_a_bad_field_of_a_training_is_named(request_: m.TrainRequest, path: str) -> None:
    with pytest.raises(FieldInvalid) as failure:
        training_spec_from_proto(request_)
    assert failure.value.field == path


def is_flag(name: str, field: str) -> bool:
    return isinstance(getattr(SPECS[name], field), bool)


NUMBERS = [
    (name, field.name)
    for name, spec in SPECS.items()
    for field in spec.DESCRIPTOR.fields
    if not field.enum_type
    and field.name not in ("seed", "margin")
    and not is_flag(name, field.name)
]


@pytest.mark.parametrize("value", [-1, 2**31 - 1])
@pytest.mark.parametrize(("name", "field"), NUMBERS)
def test_every_number_of_an_algorithm_has_a_range_that_is_told(
    name: str, field: str, value: int
) -> None:
    request = m.TrainRequest(interactions=EVENTS)
    setattr(getattr(request, name), field, value)
    with pytest.raises(FieldInvalid, match=r"\d+ (to|at most)|above 0, \d+ at most") as failure:
        training_spec_from_proto(request)
    assert failure.value.field == f"{name}.{field}"
    assert str(value) in str(failure.value)


def test_an_evaluation_of_a_model_is_checked_too() -> None:
    with pytest.raises(FieldInvalid) as failure:
        evaluation_request_from_proto(m.EvaluateModelRequest())
    assert failure.value.field == "test_interactions"
    request = m.EvaluateModelRequest(test_interactions=EVENTS, cutoffs=[20, 10, 20], seed=3)
    found = evaluation_request_from_proto(request)
    assert (found.catalog, found.model, found.cutoffs, found.seed) == (
        "default",
        "live",
        (10, 20),
        3,
    )
