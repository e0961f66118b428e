"""Stochastic training: gradients against finite differences, and what training must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import SettingInvalid
from shortlist.core.sgd._sgd import block_gradients, scratch_size
from shortlist.core.sgd.fold_in import SgdFoldIn
from shortlist.core.sgd.params import LOSSES, LossKind, SgdParams
from shortlist.core.sgd.sgd import SgdFactors, Trainer, train_sgd
from tests.oracles.sgd import numeric_gradient, pair_loss

USERS, ITEMS, DIM, NEGATIVES = 4, 30, 16, 16
SETTINGS: list[SgdParams] = [
    SgdParams(loss=loss, cosine=cosine, negative_weight=1.5, temperature=0.7, margin=0.1)
    for loss in LOSSES
    for cosine in (False, True)
]
SETTINGS += [replace(one, hard_count=5) for one in SETTINGS]


def some_pairs(users: int = USERS, items: int = ITEMS, count: int = 14) -> Interactions:
    rng = np.random.default_rng(5)
    events = Events(
        rng.integers(users, size=count).astype(np.int32),
        rng.integers(items, size=count).astype(np.int32),
        rng.choice([1.0, 1.0, 1.0, -1.0], count).astype(np.float32),
    )
    return build_interactions(events, users, items, "last")


def tastes(seed: int = 1) -> Interactions:
    """Return 160 users and 60 items: those whose numbers agree modulo 3."""
    rng = np.random.default_rng(seed)
    users = rng.integers(160, size=2400)
    items = rng.integers(20, size=2400) * 3 + users % 3
    values = np.ones(2400, np.float32)
    events = Events(users.astype(np.int32), items.astype(np.int32), values)
    return build_interactions(events, 160, 60)


@pytest.mark.parametrize(
    "params", SETTINGS, ids=lambda one: f"{one.loss}-{one.cosine}-{one.hard_count}"
)
def test_gradients_are_those_of_the_loss(params: SgdParams) -> None:
    """By user, item and negatives; one that the user has counts nothing, nor one too easy."""
    rng = np.random.default_rng(2)
    pairs = some_pairs()
    users = np.repeat(np.arange(USERS, dtype=np.int32), np.diff(pairs.row_starts))
    labels = (pairs.values >= 0).astype(np.float32)
    negatives = np.sort(rng.integers(ITEMS, size=NEGATIVES)).astype(np.int32)
    corrections = rng.normal(size=NEGATIVES).astype(np.float32)
    if params.loss != "softmax" or params.hard_count:
        corrections[:] = 0
    user_vectors = rng.normal(size=(USERS, DIM)).astype(np.float32)
    item_vectors = rng.normal(size=(ITEMS, DIM)).astype(np.float32)
    by_user, by_item = (np.empty((len(users), DIM), np.float32) for _ in range(2))
    by_negative = np.empty((NEGATIVES, DIM), np.float32)
    scratch = np.empty(scratch_size(len(users), NEGATIVES, DIM), np.float32)
    total = block_gradients(
        LOSSES.index(params.loss), params.unit, params.negative_weight, params.temperature,
        params.margin, params.hard_count or 0, users, pairs.columns, labels, negatives, corrections,
        user_vectors, item_vectors, pairs.row_starts, pairs.columns, by_user, by_item,
        by_negative, scratch, simd_level(),
    )  # fmt: skip
    kept = params.hard_count or NEGATIVES
    share = params.negative_weight / kept
    wide_users, wide_items = user_vectors.astype(np.float64), item_vectors.astype(np.float64)
    losses, expected_negative = [], np.zeros((NEGATIVES, DIM))
    for at, (user, item) in enumerate(zip(users.tolist(), pairs.columns.tolist(), strict=True)):
        free = ~np.isin(negatives, pairs.row(user)[0])
        scores = wide_items[negatives] @ wide_users[user]
        if params.unit:
            scores /= np.linalg.norm(wide_items[negatives], axis=1)
        free[np.argsort(np.where(free, -scores, np.inf), kind="stable")[kept:]] = False
        mine, theirs, others = wide_users[user], wide_items[item], wide_items[negatives[free]]

        def loss(
            mine: np.ndarray,
            theirs: np.ndarray,
            others: np.ndarray,
            label: float = float(labels[at]),
            free: np.ndarray = free,
        ) -> float:
            known = corrections[free].astype(np.float64), label, share, params
            return pair_loss(mine, theirs, others, *known)

        losses.append(loss(mine, theirs, others))
        expected = numeric_gradient(lambda x: loss(x, theirs, others), mine)  # noqa: B023
        np.testing.assert_allclose(by_user[at], expected, rtol=1e-3, atol=1e-4)
        expected = numeric_gradient(lambda x: loss(mine, x, others), theirs)  # noqa: B023
        np.testing.assert_allclose(by_item[at], expected, rtol=1e-3, atol=1e-4)
        expected = numeric_gradient(lambda x: loss(mine, theirs, x), others)  # noqa: B023
        expected_negative[free] += expected
    assert total == pytest.approx(sum(losses), rel=1e-5)
    np.testing.assert_allclose(by_negative, expected_negative, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_threads_change_no_bit(loss: LossKind) -> None:
    params = SgdParams(loss, dim=20, epochs=2, negative_count=48, batch_size=700, seed=3)
    params = replace(params, in_batch=loss != "bpr", hard_count=30 if loss == "logistic" else None)
    if loss == "squared":
        params = replace(params, gravity=0.1, item_bias=True, user_bias=True)
    one = train_sgd(tastes(), params, threads=1)
    for threads in (2, 3):
        many = train_sgd(tastes(), params, threads=threads)
        assert many.losses == one.losses
        assert many.users.tobytes() == one.users.tobytes()
        assert many.items.tobytes() == one.items.tobytes()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_the_tastes_and_falls(loss: LossKind) -> None:
    weight = 20.0 if loss == "contrastive" else 5.0
    params = SgdParams(
        *(loss, 12, 30), negative_count=32, batch_size=256, negative_weight=weight, margin=0.3
    )
    factors = train_sgd(tastes(), params, threads=2)
    assert factors.losses[-1] < 0.8 * factors.losses[0]
    assert share_of_own_taste(factors) > 0.95


@pytest.mark.parametrize(
    "negatives",
    [
        {"negative_power": 1.0, "uniform_share": 0.5},
        {"negative_count": 0, "in_batch": True, "correct_sampling": True},
        {"in_batch": True, "negative_power": 1.0, "uniform_share": 0.5},
        {"hard_count": 8},
        {"in_batch": True, "hard_count": 8},
    ],
    ids=["mixed", "in batch", "in batch and mixed", "hard", "hard in batch"],
)
@pytest.mark.parametrize("loss", ["bpr", "softmax"])
def test_every_kind_of_negatives_teaches_the_tastes(
    loss: LossKind, negatives: dict[str, Any]
) -> None:
    if loss == "bpr":
        negatives = {name: one for name, one in negatives.items() if name != "correct_sampling"}
    params = SgdParams(
        *(loss, 12, 20), batch_size=256, negative_weight=5.0, **{"negative_count": 32, **negatives}
    )
    pairs = tastes()
    factors = train_sgd(pairs, params, threads=2)
    assert share_of_own_taste(factors) > 0.95
    counts = np.bincount(pairs.columns, minlength=60)
    history = Interactions(np.array([0, 3]), np.array([1, 4, 7], np.int32), np.ones(3, "f4"), 60)
    folded = SgdFoldIn(factors.items, counts, params).solve(history)
    best = np.argsort(-folded @ factors.items.T, axis=1)[0, :10]
    assert (best % 3 == 1).sum() >= 9


def share_of_own_taste(factors: SgdFactors) -> float:
    """Return how many of everybody's best ten items are of their taste."""
    best = np.argsort(-factors.users @ factors.items.T, axis=1)[:, :10]
    return float((best % 3 == (np.arange(len(best)) % 3)[:, None]).mean())


def test_gravity_pulls_as_the_sum_over_all_pairs() -> None:
    """An epoch's shares add up to the derivative of gravity * |U V'|^2."""
    params = SgdParams("squared", dim=DIM, gravity=0.3, negative_count=0, batch_size=1000)
    pairs = tastes()
    trainer = Trainer(pairs, params, 1)
    users, items = trainer._users, trainer._items
    by_user, by_item = (np.zeros((len(users), trainer._width), np.float32) for _ in range(2))
    trainer._add_gravity(users, items, by_user, by_item)
    u, v = (side.vectors.astype(np.float64) for side in (trainer._user_side, trainer._item_side))
    summed = np.zeros_like(u)
    np.add.at(summed, users, by_user)
    np.testing.assert_allclose(summed, 0.6 * (u @ v.T) @ v, rtol=1e-4, atol=1e-5)
    summed = np.zeros_like(v)
    np.add.at(summed, items, by_item)
    np.testing.assert_allclose(summed, 0.6 * (u @ v.T).T @ u, rtol=1e-4, atol=1e-5)


def test_without_negatives_or_gravity_everything_folds() -> None:
    """Squared loss on what was liked alone says nothing of the rest: tastes fold together."""
    plain = SgdParams(
        "squared", dim=12, epochs=60, negative_count=0, batch_size=256, init_stddev=3.0
    )
    folded = train_sgd(tastes(), plain, threads=2)
    assert folded.losses[-1] < 0.05  # what it was asked for, it reached
    assert share_of_own_taste(folded) < 0.6  # chance is a third
    held = train_sgd(tastes(), replace(plain, gravity=0.1), threads=2)
    assert share_of_own_taste(held) > 0.95


def test_biases_lie_in_the_last_two_coordinates() -> None:
    params = SgdParams("logistic", 12, 3, item_bias=True, user_bias=True, negative_count=16)
    factors = train_sgd(tastes(), params, threads=1)
    assert factors.users.shape == (160, 14)
    np.testing.assert_array_equal(factors.users[:, 12], 1)
    np.testing.assert_array_equal(factors.items[:, 13], 1)
    assert factors.users[:, 13].any()
    assert factors.items[:, 12].any()
    without = train_sgd(tastes(), replace(params, user_bias=False), threads=1)
    assert not without.users[:, 13].any()


def test_who_has_nothing_stays_zero() -> None:
    pairs = tastes()
    starts = np.append(pairs.row_starts, pairs.row_starts[-1])
    wider = Interactions(starts, pairs.columns, pairs.values, pairs.column_count + 1)
    factors = train_sgd(wider, SgdParams(epochs=2, dim=8, item_bias=False), threads=1)
    assert not factors.users[-1].any()
    assert not factors.items[-1].any()
    none = build_interactions(
        Events(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)), 2, 3
    )
    empty = train_sgd(none, SgdParams(epochs=1, dim=8), threads=1)
    assert not empty.users.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_new_history_finds_its_taste(loss: LossKind) -> None:
    weight = 20.0 if loss == "contrastive" else 5.0
    params = SgdParams(
        *(loss, 12, 30), negative_count=32, batch_size=256, negative_weight=weight, margin=0.3
    )
    pairs = tastes()
    factors = train_sgd(pairs, params, threads=2)
    counts = np.bincount(pairs.columns, minlength=60)
    columns = np.array([1, 4, 7, 0, 3, 6], np.int32)
    histories = Interactions(np.array([0, 3, 6, 6]), columns, np.ones(6, np.float32), 60)
    fold_in = SgdFoldIn(factors.items, counts, params)
    users = fold_in.solve(histories, threads=2)
    best = np.argsort(-users @ factors.items.T, axis=1)[:, :10]
    assert (best[0] % 3 == 1).sum() >= 9
    assert (best[1] % 3 == 0).sum() >= 9
    assert not users[2].any()
    np.testing.assert_array_equal(users, fold_in.solve(histories, threads=1))


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("loss", {"loss": "hinge"}),
        ("negative_count", {"loss": "bpr", "negative_count": 0}),
        ("item_bias", {"item_bias": True}),
        ("gravity", {"gravity": 1.0}),
        ("temperature", {"temperature": float("nan")}),
        ("margin", {"margin": 1.5}),
        ("uniform_share", {"negative_power": 1.0, "uniform_share": 1.5}),
        ("uniform_share", {"uniform_share": 0.5}),
        (
            "uniform_share",
            {"uniform_share": 0.5, "negative_power": 1.0, "negative_count": 0, "in_batch": True},
        ),
        ("hard_count", {"hard_count": 0}),
        ("hard_count", {"hard_count": 257}),
        ("hard_count", {"hard_count": 513, "in_batch": True}),
        ("hard_count", {"hard_count": 9, "correct_sampling": True}),
        ("negative_count", {"loss": "softmax", "negative_count": 0}),
    ],
)
def test_settings_out_of_range_are_named(field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingInvalid) as failure:
        SgdParams(**settings)
    assert failure.value.field == field
