"""TrainRequest: every field is checked, used, and shown again by jobs and models."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message

from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.evaluation_messages import evaluation_request_from_proto
from shortlist.server.rpc.training_messages import training_spec_from_proto, training_spec_to_proto
from shortlist.server.trainers.registry import ALGORITHMS
from shortlist.v1 import algorithms_pb2 as a
from shortlist.v1 import model_service_pb2 as m

EVENTS = m.InteractionSource(source=m.DataSource(uri="/data/events.parquet"))
TEXT = m.InteractionSource(
    source=m.DataSource(
        uri="/data/x.csv", format="csv", separator="::", headerless=True, encoding="latin-1"
    ),
    user_column="0",
    item_column="1",
    value_column="2",
    time_column="3",
    segment_column="4",
)
SEGMENTED = m.InteractionSource(source=EVENTS.source, segment_column="country")
FULL = m.TrainRequest(
    catalog="pins",
    model_id="blue",
    interactions=TEXT,
    items=m.ItemSource(
        source=m.DataSource(uri="/data/items.arrow", format="arrow"),
        id_column="name",
        attribute_columns=["year", "city"],
    ),
    users=m.UserSource(
        source=m.DataSource(uri="/data/users.parquet", format="parquet"),
        id_column="who",
        attribute_columns=["age"],
    ),
    preparation=m.Preparation(
        aggregation=m.AGGREGATION_LAST, user_events_min=2, item_events_min=3, value_min=0.0
    ),
    wals=a.WalsSpec(
        dim=32,
        epochs=7,
        unobserved_weight=0.0,
        regularization=0.5,
        regularization_exponent=0.0,
        value_transform=a.VALUE_TRANSFORM_LOG,
        value_alpha=2.0,
        value_epsilon=3.0,
        user_frequency_exponent=0.25,
        item_frequency_exponent=0.5,
        init_stddev=0.2,
        solver=a.SOLVER_CHOLESKY,
        seed=9,
        over_relaxation=1.25,
        cg_steps=3,
        half_life_days=2.0,
        item_features=["city", "year"],
        feature_regularization=0.5,
        user_features=["age"],
        draw_users=False,
    ),
    evaluation=m.EvaluationSpec(
        split=m.SPLIT_GIVEN,
        held_out_fraction=0.2,
        unseen_user_fraction=0.0,
        cutoffs=[5, 50],
        test_interactions=EVENTS,
        seed=4,
    ),
    alias="next",
    request_id="once",
    target_recall=0.9,
    early_stopping=m.EarlyStopping(
        metric="recall",
        cutoff=50,
        patience=4,
        held_out_fraction=0.2,
        split=m.SPLIT_LEAVE_LAST_OUT,
        seed=2,
    ),
    tuning=m.Tuning(trials=7, dims=[32, 64], seed=5),
    warm_start_model="green",
)


def unset_fields(message: Message, path: str = "") -> Iterator[str]:
    """Yield the paths of fields that a message leaves unset, nested ones included."""
    set_names = {field.name for field, _ in message.ListFields()}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.name not in set_names:
            yield path + field.name
        elif field.message_type and not field.is_repeated:
            yield from unset_fields(value, f"{path}{field.name}.")


def test_nothing_of_a_full_request_is_lost() -> None:
    """What was asked is shown again, field by field; nothing is accepted and ignored."""
    assert training_spec_to_proto(training_spec_from_proto(FULL)) == FULL
    left_out = {name for name in unset_fields(FULL) if "source." not in name}
    others = set(ALGORITHMS) - {"wals"}
    assert left_out == {"keep_aliases"} | others | {
        f"evaluation.test_interactions.{role}_column"
        for role in ("user", "item", "value", "time", "segment")
    }


def test_the_smallest_request_shows_the_choices_of_the_server() -> None:
    shown = training_spec_to_proto(training_spec_from_proto(m.TrainRequest(interactions=EVENTS)))
    assert shown.catalog == "default"
    assert shown.model_id.startswith("wals-")
    assert shown.alias == "live"
    assert (shown.wals.dim, shown.wals.epochs) == (64, 10)
    assert not shown.wals.HasField("unobserved_weight"), "the data decides"
    assert shown.wals.regularization == 0.004
    assert shown.preparation.aggregation == m.AGGREGATION_SUM
    assert list(shown.evaluation.cutoffs) == [10, 20, 100]
    assert (shown.evaluation.held_out_fraction, shown.evaluation.unseen_user_fraction) == (
        0.1,
        0.05,
    )
    assert training_spec_to_proto(training_spec_from_proto(shown)) == shown


def test_popularity_and_kept_aliases_survive() -> None:
    popularity = a.PopularitySpec(half_life_days=30)
    request = m.TrainRequest(interactions=EVENTS, popularity=popularity, keep_aliases=True)
    shown = training_spec_to_proto(training_spec_from_proto(request))
    assert (shown.popularity, shown.keep_aliases, shown.alias) == (popularity, True, "")
    assert shown.model_id.startswith("popularity-")


SPECS = {
    "svd": a.SvdSpec(dim=8, power_iterations=0, binary=True, seed=3),
    "ratings": a.RatingsSpec(
        dim=3,
        epochs=4,
        solver=a.RATING_SOLVER_ADAM,
        mean=a.RATING_MEAN_ITEM,
        item_bias=False,
        regularization=1.0,
        regularization_exponent=0.0,
        bias_regularization=0.0,
        init_stddev=1.0,
        learning_rate=0.5,
        seed=7,
    ),
    "sgd": a.SgdSpec(
        loss=a.SGD_LOSS_LOGISTIC,
        dim=3,
        epochs=2,
        cosine=False,
        temperature=0.5,
        margin=0.25,
        negative_count=20,
        negative_power=0.5,
        negative_weight=2.0,
        gravity=0.5,
        item_bias=True,
        user_bias=True,
        batch_size=64,
        learning_rate=0.5,
        regularization=0.25,
        init_stddev=1.0,
        seed=7,
        uniform_share=0.25,
        hard_count=270,
        in_batch=True,
    ),
    "distilled": a.DistilledSpec(
        dim=3,
        epochs=2,
        target_count=9,
        teacher_temperature=0.5,
        temperature=0.25,
        sampled_items=5,
        batch_size=64,
        learning_rate=0.5,
        seed=7,
        teacher_dim=30,
        teacher_epochs=4,
        unobserved_weight=0.0,
        regularization=0.0,
        regularization_exponent=0.5,
        value_transform=a.VALUE_TRANSFORM_LOG,
        value_alpha=2.0,
        value_epsilon=0.5,
        user_frequency_exponent=0.25,
        item_frequency_exponent=0.5,
        init_stddev=1.0,
        over_relaxation=1.0,
        half_life_days=3.0,
    ),
    "neighbours": a.NeighboursSpec(
        kind=a.NEIGHBOUR_KIND_USER, weighting=a.NEIGHBOUR_WEIGHTING_BM25, count=7
    ),
}
APART = {"sgd": {"correct_sampling"}}  # not together with another setting of SPECS


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_of_an_algorithm_is_shown_again(name: str) -> None:
    """What was asked is shown, a zero that was given and a default that was not."""
    request = with_fields(**{name: SPECS[name]})
    shown = getattr(training_spec_to_proto(training_spec_from_proto(request)), name)
    assert shown == SPECS[name]
    set_fields = {field.name for field, _ in SPECS[name].ListFields()}
    apart = APART.get(name, set())
    assert set_fields == set(SPECS[name].DESCRIPTOR.fields_by_name) - apart
    for field in apart:
        request = m.TrainRequest(interactions=EVENTS)
        setattr(getattr(request, name), field, True)
        shown = getattr(training_spec_to_proto(training_spec_from_proto(request)), name)
        assert getattr(shown, field)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_without_settings_is_shown_with_its_defaults(name: str) -> None:
    request = m.TrainRequest(interactions=EVENTS)
    getattr(request, name).SetInParent()
    spec = training_spec_from_proto(request)
    assert spec.algorithm == ALGORITHMS[name].params_type()
    assert training_spec_from_proto(training_spec_to_proto(spec)) == spec


def with_fields(**fields: Any) -> m.TrainRequest:
    return m.TrainRequest(**{"interactions": EVENTS, **fields})


def source(**fields: Any) -> m.InteractionSource:
    return m.InteractionSource(source=m.DataSource(**{"uri": "/data/x.csv", **fields}))


BAD = [
    (m.TrainRequest(), "interactions"),
    (with_fields(interactions=m.InteractionSource()), "interactions.source"),
    (with_fields(interactions=source(uri="")), "interactions.source.uri"),
    (with_fields(interactions=source(uri="x" * 5000)), "interactions.source.uri"),
    (with_fields(interactions=source(format="xml")), "interactions.source.format"),
    (with_fields(interactions=source(encoding="klingon")), "interactions.source.encoding"),
    (with_fields(interactions=source(separator="x" * 9)), "interactions.source.separator"),
    (with_fields(interactions=source(headerless=True)), "interactions.source.headerless"),
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
