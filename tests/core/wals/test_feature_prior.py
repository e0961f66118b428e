"""WALS with items drawn to a linear map of their features, against dense float64."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.cpu import available_levels
from shortlist.core.data.interactions import Events, Interactions, build_interactions, transposed
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.limits import FEATURES_MAX
from shortlist.core.linear.sparse import multiply
from shortlist.core.progress import Epoch
from shortlist.core.wals.cold_rows import (
    train_with_features,
    without_empty_columns,
    without_empty_rows,
)
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams, for_items
from shortlist.core.wals.wals import Snapshot, train_wals, wals_loss
from tests.core.wals.test_wals import VARIANTS, random_interactions, wals
from tests.oracles import feature_prior as oracle

WITH_PENALTY: list[dict[str, Any]] = [
    {"feature_regularization": 0.5, **variant} for variant in VARIANTS
]


def sparse(dense: np.ndarray) -> Interactions:
    rows, columns = (part.astype(np.int32) for part in np.nonzero(dense))
    return build_interactions(Events(rows, columns, dense[rows, columns]), *dense.shape)


def random_features(items: int, count: int, seed: int = 0) -> np.ndarray:
    """Return (items, count): a constant and features that few items share."""
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((items, count)) * (rng.random((items, count)) < 0.3)
    dense[:, 0] = 1
    return dense.astype(np.float32)


@pytest.mark.parametrize("variant", WITH_PENALTY)
@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("level", available_levels())
def test_the_loss_reported_is_the_loss_of_factors_and_map(
    variant: dict[str, Any], solver: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows, dense = random_interactions(60, 45), random_features(45, 7)
    params = wals(dim=20, epochs=4, solver=solver, cg_steps=1, **variant)

    def check(epoch: Epoch, snapshot: Snapshot) -> None:
        found = snapshot()
        assert found.item_feature_weights is not None
        parts = found.users, found.items, dense, found.item_feature_weights
        assert epoch.loss == pytest.approx(oracle.loss(rows, *parts, params), rel=1e-4)
        again = wals_loss(rows, found, params, item_features=sparse(dense))
        assert again == pytest.approx(epoch.loss, rel=1e-4)

    train_wals(rows, params, on_epoch=check, item_features=sparse(dense))


@pytest.mark.parametrize("variant", WITH_PENALTY)
@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("dim", [1, 5, 33])
def test_at_rest_items_and_map_are_each_others_minimum(
    variant: dict[str, Any], solver: str, dim: int
) -> None:
    """After an epoch the map is the ridge regression of the items; long enough, all is at rest."""
    rows, dense = random_interactions(40, 30, 0.3), random_features(30, 4)
    params = wals(dim=dim, epochs=800, solver=solver, cg_steps=3 * dim + 20, **variant)
    params = replace(params, regularization=0.2, over_relaxation=1.0)
    found = train_wals(rows, params, item_features=sparse(dense))
    assert found.item_feature_weights is not None
    fitted = oracle.solve_weights(rows, found.items, dense, params)
    np.testing.assert_allclose(found.item_feature_weights, fitted, atol=2e-3)
    solved = oracle.solve_items(rows, found.users, dense @ fitted, params)
    np.testing.assert_allclose(found.items, solved, atol=5e-3)


@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("both", [False, True])
def test_users_are_drawn_to_their_features_as_items_are(solver: str, both: bool) -> None:
    """The loss is that of the transposed problem, and the map its ridge regression."""
    rows, of_users = random_interactions(60, 45), random_features(60, 6)
    of_items = sparse(random_features(45, 7)) if both else None
    params = wals(dim=20, epochs=4, solver=solver, cg_steps=30, feature_regularization=0.5)

    def check(epoch: Epoch, snapshot: Snapshot) -> None:
        found = snapshot()
        assert found.user_feature_weights is not None
        again = wals_loss(
            rows, found, params, user_features=sparse(of_users), item_features=of_items
        )
        assert again == pytest.approx(epoch.loss, rel=1e-4)
        by_item, turned = transposed(rows), for_items(params)
        fitted = oracle.solve_weights(by_item, found.users, of_users, turned)
        np.testing.assert_allclose(found.user_feature_weights, fitted, atol=2e-3)
        if not both:
            parts = found.items, found.users, of_users, found.user_feature_weights
            assert epoch.loss == pytest.approx(oracle.loss(by_item, *parts, turned), rel=1e-4)

    train_wals(rows, params, on_epoch=check, user_features=sparse(of_users), item_features=of_items)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 20),
    st.integers(1, 9),
    st.floats(0, 0.9),
    st.integers(0, 99),
    st.booleans(),
)
def test_loss_never_rises_over_exact_epochs(
    users: int, items: int, dim: int, features: int, share: float, seed: int, of_users: bool
) -> None:
    """Rows given the map, and the map given the rows: both are exact minima."""
    rows = random_interactions(users, items, share, seed)
    params = wals(dim=dim, epochs=6, solver="cholesky", regularization=0.01, seed=seed)
    params = replace(params, feature_regularization=0.3)
    dense = random_features(items, features, seed)
    told = sparse(random_features(users, features, seed + 1)) if of_users else None
    trained = train_wals(rows, params, threads=1, item_features=sparse(dense), user_features=told)
    losses = trained.losses
    for earlier, later in itertools.pairwise(losses):
        assert later <= earlier * (1 + 1e-5) + 1e-6


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(["conjugate_gradient", "cholesky"]), st.integers(1, 40), st.integers(0, 99))
def test_features_that_say_nothing_change_no_bit(solver: str, dim: int, seed: int) -> None:
    rows = random_interactions(50, 40, 0.2, seed)
    params = wals(dim=dim, epochs=3, solver=solver, seed=seed)
    plain = train_wals(rows, params)
    silent = train_wals(rows, params, item_features=sparse(np.zeros((40, 3), np.float32)))
    np.testing.assert_array_equal(silent.users, plain.users)
    np.testing.assert_array_equal(silent.items, plain.items)
    assert silent.losses == pytest.approx(plain.losses, rel=1e-6)


@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("level", available_levels())
def test_threads_do_not_change_a_bit(
    solver: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = random_interactions(3000, 1200, 0.01)
    features = [sparse(random_features(count, 40)) for count in (1200, 3000)]
    how: dict[str, Any] = {"item_features": features[0], "user_features": features[1]}
    params = wals(dim=24, epochs=2, solver=solver)
    first, *others = (
        train_with_features(rows, params, threads=threads, **how)[1] for threads in (1, 2, 3)
    )
    for other in others:
        np.testing.assert_array_equal(other.users, first.users)
        np.testing.assert_array_equal(other.items, first.items)
        assert other.losses == first.losses


def test_a_warm_start_goes_on_with_its_map() -> None:
    rows, features = random_interactions(60, 40), sparse(random_features(40, 5))
    how: dict[str, Any] = {"dim": 8, "solver": "cholesky", "over_relaxation": 1.0}
    told: dict[str, Any] = {
        "item_features": features,
        "user_features": sparse(random_features(60, 5)),
    }
    long = train_wals(rows, wals(epochs=8, **how), **told)
    begun = train_wals(rows, wals(epochs=4, **how), **told)
    ended = train_wals(rows, wals(epochs=4, **how), **told, initial=begun)
    assert ended.losses[-1] == pytest.approx(long.losses[-1], rel=1e-4)


def cold_problem() -> tuple[Interactions, Interactions, np.ndarray]:
    """Users 0..59 have items whose kind, a feature, is theirs; every fifth item has no event."""
    kinds = np.arange(40) % 4
    pairs = [(u, i) for u in range(60) for i in range(40) if kinds[i] == u % 4 and i % 5]
    users, items = (np.array(part, np.int32) for part in zip(*pairs, strict=True))
    rows = build_interactions(Events(users, items, np.ones(len(pairs), np.float32)), 60, 40)
    return rows, sparse(np.eye(4, dtype=np.float32)[kinds]), kinds


def test_cold_items_lie_where_their_features_say_and_move_nobody() -> None:
    """The others train as if the cold ones were not there."""
    rows, features, kinds = cold_problem()
    params, factors = train_with_features(rows, WalsParams(dim=8, epochs=8), item_features=features)
    assert factors.item_feature_weights is not None
    cold = np.arange(0, 40, 5)
    drawn = multiply(features, factors.item_feature_weights)
    np.testing.assert_array_equal(factors.items[cold], drawn[cold])
    scores = factors.users @ factors.items[cold].T
    for user in range(60):
        theirs = scores[user, kinds[cold] == user % 4]
        assert theirs.min() > 2 * np.abs(scores[user, kinds[cold] != user % 4]).max()
    warm, observed = without_empty_columns(rows)
    alone = train_wals(
        observed, params, item_features=sparse(np.eye(4, dtype=np.float32)[kinds[warm]])
    )
    np.testing.assert_array_equal(factors.users, alone.users)
    np.testing.assert_array_equal(factors.items[warm], alone.items)


def test_cold_users_lie_where_their_features_say_and_move_nobody() -> None:
    by_item, features, kinds = cold_problem()
    rows = transposed(by_item)  # every fifth user has no event
    params, factors = train_with_features(rows, WalsParams(dim=8, epochs=8), user_features=features)
    assert factors.user_feature_weights is not None
    cold = np.arange(0, 40, 5)
    drawn = multiply(features, factors.user_feature_weights)
    np.testing.assert_array_equal(factors.users[cold], drawn[cold])
    scores = factors.users[cold] @ factors.items.T
    for place, user in enumerate(cold):
        theirs = np.arange(60) % 4 == kinds[user]
        assert scores[place, theirs].min() > 2 * np.abs(scores[place, ~theirs]).max()
    warm, observed = without_empty_rows(rows)
    alone = train_wals(
        observed, params, user_features=sparse(np.eye(4, dtype=np.float32)[kinds[warm]])
    )
    np.testing.assert_array_equal(factors.items, alone.items)
    np.testing.assert_array_equal(factors.users[warm], alone.users)


def test_users_fold_in_among_cold_items_as_they_were_trained() -> None:
    rows, features, _ = cold_problem()
    asked = WalsParams(dim=8, epochs=4, solver="cholesky")
    params, factors = train_with_features(rows, asked, item_features=features)
    counts = np.bincount(rows.columns, minlength=40)
    folded = FoldIn(factors.items, counts, params, cold=counts == 0).solve(rows)
    np.testing.assert_allclose(folded, factors.users, atol=1e-3)


@pytest.mark.parametrize("variant", WITH_PENALTY)
@pytest.mark.parametrize("dim", [5, 64])
def test_folding_an_item_in_over_its_users_solves_its_row(
    variant: dict[str, Any], dim: int
) -> None:
    """From the place that its features give it; without users it stays there."""
    rows = random_interactions(60, 40)
    users = np.random.default_rng(1).standard_normal((60, dim)).astype(np.float32) / np.float32(dim)
    centers = np.random.default_rng(2).standard_normal((40, dim)).astype(np.float32)
    params = wals(dim=dim, **variant)
    counts = np.diff(rows.row_starts)
    by_item = transposed(rows)
    folded = FoldIn(users, counts, for_items(params)).solve(by_item, prior=centers)
    expected = oracle.solve_items(rows, users, centers, params)
    np.testing.assert_allclose(folded, expected, rtol=2e-3, atol=2e-3)
    nobody = Interactions(np.zeros(41, np.int64), by_item.columns[:0], by_item.values[:0], 60)
    stays = FoldIn(users, counts, for_items(params)).solve(nobody, prior=centers)
    np.testing.assert_allclose(stays, centers, atol=1e-5)


def test_a_row_that_met_few_columns_yet_is_told_less_by_the_others() -> None:
    """With exposure e the unobserved pairs weigh e w0; a first click moves a row only a little."""
    rows = random_interactions(60, 40)
    users = np.random.default_rng(1).standard_normal((60, 8)).astype(np.float32) / np.float32(8)
    centers = np.random.default_rng(2).standard_normal((40, 8)).astype(np.float32)
    params = wals(dim=8, regularization=0.05)
    fold_in = FoldIn(users, np.diff(rows.row_starts), for_items(params))
    exposure = np.random.default_rng(3).uniform(0.01, 1, 40).astype(np.float32)
    folded = fold_in.solve(transposed(rows), prior=centers, exposure=exposure)
    expected = oracle.solve_items(rows, users, centers, params, exposure)
    np.testing.assert_allclose(folded, expected, rtol=2e-3, atol=2e-3)


def test_exposure_is_the_share_of_the_events_that_the_prior_foretells() -> None:
    """Never more than all, never less than one event's worth."""
    users = np.full((100, 2), 0.5, np.float32)
    fold_in = FoldIn(users, np.ones(100, np.int64), wals(dim=2))
    counts = np.array([0, 1, 5, 30])
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns = np.concatenate([np.arange(count) for count in counts]).astype(np.int32)
    histories = Interactions(starts, columns, np.ones(len(columns), np.float32), 100)
    prior = np.array([[0.1, 0.1]] * 3 + [[0.1, -0.5]], np.float32)
    np.testing.assert_allclose(fold_in.exposure(histories, prior), [0.1, 0.1, 0.5, 1], rtol=1e-5)


def test_features_of_another_shape_are_refused() -> None:
    rows = random_interactions(5, 5)
    few = sparse(np.ones((4, 2), np.float32))
    with pytest.raises(DataInvalid, match="4 rows"):
        train_wals(rows, wals(dim=4), item_features=few)
    with pytest.raises(DataInvalid, match="for 5 users"):
        train_with_features(rows, wals(dim=4), user_features=few)
    wide = Interactions(np.zeros(6, np.int64), rows.columns[:0], rows.values[:0], FEATURES_MAX + 1)
    with pytest.raises(DataInvalid, match=f"{FEATURES_MAX + 1} features"):
        train_wals(rows, wals(dim=4), item_features=wide)


@pytest.mark.parametrize("found", [0.0, float("nan"), 1e10])
def test_a_regularization_of_the_map_out_of_range_is_named(found: float) -> None:
    with pytest.raises(SettingInvalid, match="feature_regularization"):
        WalsParams(feature_regularization=found)
