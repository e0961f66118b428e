"""Requests to train with every setting that there is."""

from typing import Any

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
    index=m.IndexSpec(
        kind=m.INDEX_KIND_USEARCH,
        connectivity=16,
        expansion_add=64,
        dtype="bf16",
        parallel_build=True,
    ),
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


def with_fields(**fields: Any) -> m.TrainRequest:
    return m.TrainRequest(**{"interactions": EVENTS, **fields})


def source(**fields: Any) -> m.InteractionSource:
    return m.InteractionSource(source=m.DataSource(**{"uri": "/data/x.csv", **fields}))
