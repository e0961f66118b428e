"""Every encoder behind the one verb: what it reads, and that a user is the same in any company."""

import numpy as np
import pytest

from shortlist.core.counts.params import NeighboursParams
from shortlist.core.data.interactions import (
    Events,
    FloatArray,
    Interactions,
    build_interactions,
    select_rows,
)
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.errors import DataInvalid
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import SgdParams
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.domain.encoding import NO_ENCODER, EncoderState
from shortlist.server.encoders.encoder import Additive, Askers, Encoder, Scorer
from shortlist.server.encoders.fold_in import FoldInEncoder
from shortlist.server.encoders.registry import KINDS, open_encoder
from shortlist.server.trainers.registry import trainer_of
from shortlist.server.trainers.trainer import TrainingData
from tests.server.small_contents import small_contents

USERS, ITEMS = 24, 15
UNDRAWN = WalsParams(dim=4, epochs=2, draw_users=False)
DISTILLED = DistilledParams(dim=4, teacher_dim=6, teacher_epochs=2, epochs=2, target_count=4)
ENCODED: list[Params] = [
    WalsParams(dim=4, epochs=2),
    UNDRAWN,
    SgdParams(dim=4, epochs=1),
    RatingParams(dim=4, epochs=2),
    SvdParams(dim=4),
    DISTILLED,
]
SCORED: list[Params] = [NeighboursParams(), NeighboursParams(kind="user")]


def seen() -> tuple[Events, Interactions]:
    rng = np.random.default_rng(3)
    users = np.repeat(np.arange(USERS, dtype=np.int32), 5)
    items = rng.integers(0, ITEMS, len(users)).astype(np.int32)
    events = Events(users, items, rng.choice([1.0, 2.0, -1.0], len(users)).astype(np.float32))
    return events, build_interactions(events, USERS, ITEMS)


def opened(params: Params) -> Encoder | Scorer:
    """Train on small data and open what the training leaves."""
    events, matrix = seen()
    data = TrainingData(events, matrix)
    learned = trainer_of(params).fit(data, params, threads=1, on_epoch=lambda epoch: None)
    base = small_contents(ITEMS, USERS, 0)
    contents = ModelContents(
        items=base.items,
        users=base.users,
        item_vectors=learned.item_vectors,
        user_vectors=learned.user_vectors,
        item_scores=base.item_scores,
        item_counts=np.bincount(matrix.columns, minlength=ITEMS).astype(np.int64),
        seen=matrix,
        encoder=learned.encoder,
        neighbours=learned.neighbours,
    )
    encoder = open_encoder(learned.encoder, contents)
    assert encoder is not None
    return encoder


def name_of(params: Params) -> str:
    return algorithm_of(params).name


@pytest.mark.parametrize("params", ENCODED, ids=name_of)
def test_a_user_has_the_same_bits_alone_and_in_any_company(params: Params) -> None:
    """What is measured for many at once is what a request gets."""
    encoder = opened(params)
    assert not isinstance(encoder, Scorer)
    _, matrix = seen()
    together = encoder.encode(Askers(matrix), threads=3)
    for row in range(USERS):
        alone = encoder.encode(Askers(select_rows(matrix, np.array([row], np.int32))))
        assert alone.tobytes() == together[row].tobytes()


@pytest.mark.parametrize("params", SCORED, ids=name_of)
def test_scores_of_a_user_are_the_same_in_any_company(params: Params) -> None:
    scorer = opened(params)
    assert isinstance(scorer, Scorer)
    _, matrix = seen()
    together = scorer.scores(Askers(matrix))
    assert together.shape == (USERS, ITEMS)
    alone = scorer.scores(Askers(select_rows(matrix, np.array([7], np.int32))))
    assert alone[0].tobytes() == together[7].tobytes()


def test_every_kind_has_an_algorithm_that_leaves_it() -> None:
    """The registry names what trainings make, and nothing else."""
    events, matrix = seen()
    data = TrainingData(events, matrix)
    kinds = {
        trainer_of(params).fit(data, params, threads=1, on_epoch=lambda epoch: None).encoder.kind
        for params in (*ENCODED, *SCORED)
    }
    assert kinds == set(KINDS)


def test_without_a_history_a_user_is_where_features_draw_them_to_the_bit() -> None:
    rng = np.random.default_rng(5)
    items, weights = floats(rng, ITEMS, 4), floats(rng, 3, 4)
    params = WalsParams(dim=4, unobserved_weight=0.1)
    encoder = FoldInEncoder(FoldIn(items, np.ones(ITEMS, np.int64), params), weights)
    nothing = Interactions(np.zeros(3, np.int64), np.empty(0, np.int32), items[:0, 0], ITEMS)
    told = Interactions(
        np.array([0, 2, 3]), np.array([0, 2, 0], np.int32), np.ones(3, np.float32), 3
    )
    vectors = encoder.encode(Askers(nothing, told))
    np.testing.assert_array_equal(vectors[0], weights[0] + weights[2])
    np.testing.assert_array_equal(vectors[1], weights[0])
    np.testing.assert_array_equal(encoder.encode(Askers(nothing))[0], weights[0])


def test_an_encoder_says_what_it_reads() -> None:
    rng = np.random.default_rng(6)
    params = WalsParams(dim=4, unobserved_weight=0.1)
    fold_in = FoldIn(floats(rng, ITEMS, 4), np.ones(ITEMS, np.int64), params)
    assert FoldInEncoder(fold_in).reads == {"history"}
    assert FoldInEncoder(fold_in, floats(rng, 1, 4)).reads == {"history"}, "only the mean user"
    assert FoldInEncoder(fold_in, floats(rng, 3, 4)).reads == {"history", "features"}


@pytest.mark.parametrize("params", [UNDRAWN, SvdParams(dim=4), DISTILLED], ids=name_of)
def test_parts_sum_to_the_vector(params: Params) -> None:
    encoder = opened(params)
    assert isinstance(encoder, Additive)
    _, matrix = seen()
    asker = Askers(select_rows(matrix, np.array([4], np.int32)))
    parts = encoder.parts(asker)
    assert np.abs(parts).max() > 1e-3
    np.testing.assert_allclose(parts.sum(axis=0), encoder.encode(asker)[0], atol=1e-4)


@pytest.mark.parametrize("params", [SgdParams(dim=4, epochs=1), RatingParams(dim=4, epochs=2)])
def test_what_makes_no_sums_explains_nothing(params: Params) -> None:
    assert not isinstance(opened(params), Additive)


def test_a_model_of_an_encoder_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(DataInvalid, match="'oracle', not one of fold_in"):
        open_encoder(EncoderState("oracle"), small_contents())
    assert open_encoder(NO_ENCODER, small_contents()) is None


def floats(rng: np.random.Generator, *shape: int) -> FloatArray:
    return rng.standard_normal(shape).astype(np.float32)
