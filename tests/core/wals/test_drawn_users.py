"""Users drawn to their mean at the end of a training, against dense float64."""

from typing import Any

import numpy as np
import pytest

from shortlist.core.cpu import available_levels
from shortlist.core.data.interactions import Interactions, transposed
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import for_items
from shortlist.core.wals.wals import WalsFactors, train_wals
from tests.core.wals.test_wals import VARIANTS, random_interactions, wals
from tests.oracles import feature_prior as oracle


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("level", available_levels())
def test_users_end_where_the_penalty_from_their_mean_is_least(
    variant: dict[str, Any], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean of the users as they were without; folding in from there gives their rows."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = random_interactions(60, 45)
    for solver in ("cholesky", "conjugate_gradient"):
        params = wals(dim=20, epochs=4, solver=solver, cg_steps=40, **variant)
        plain, drawn = (train_wals(rows, params, draw_users=draw) for draw in (False, True))
        assert plain.user_center is None
        assert drawn.user_center is not None
        np.testing.assert_array_equal(drawn.items, plain.items)
        assert drawn.losses == plain.losses
        np.testing.assert_allclose(drawn.user_center, plain.users.mean(axis=0), atol=1e-5)
        center = np.broadcast_to(drawn.user_center, plain.users.shape)
        turned = transposed(rows), plain.items, center, for_items(params)
        expected = oracle.solve_items(*turned)
        np.testing.assert_allclose(drawn.users, expected, rtol=2e-3, atol=2e-3)
        counts = np.bincount(rows.columns, minlength=45)
        folded = FoldIn(drawn.items, counts, params).solve(
            rows, prior=drawn.user_center[np.newaxis]
        )
        np.testing.assert_allclose(folded, drawn.users, atol=2e-3)


def test_every_epoch_shows_what_the_training_would_end_in_there() -> None:
    """Asking for it changes no bit of what follows."""
    rows = random_interactions(60, 45)
    how: dict[str, Any] = {"dim": 20, "over_relaxation": 1.0}
    shown: list[WalsFactors] = []
    asked = train_wals(
        rows,
        wals(epochs=3, **how),
        draw_users=True,
        on_epoch=lambda epoch, factors: shown.append(factors()),
    )
    for epochs, at_epoch in enumerate(shown, 1):
        whole = train_wals(rows, wals(epochs=epochs, **how), draw_users=True)
        for part in ("users", "items", "user_center"):
            np.testing.assert_array_equal(getattr(at_epoch, part), getattr(whole, part))
    np.testing.assert_array_equal(asked.users, shown[-1].users)


def test_a_mean_of_no_users_is_0() -> None:
    nobody = Interactions(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), 5)
    found = train_wals(nobody, wals(dim=4, epochs=1), draw_users=True)
    assert found.user_center is not None
    assert not found.user_center.any()
    assert not found.users.any()


@pytest.mark.parametrize("count", [1, 2, 60])
def test_one_center_serves_all_histories(count: int) -> None:
    """As if each had been given it."""
    rows = random_interactions(count, 45)
    items = np.random.default_rng(1).standard_normal((45, 9)).astype(np.float32)
    fold_in = FoldIn(items, np.ones(45, np.int64), wals(dim=9))
    center = np.random.default_rng(2).standard_normal((1, 9)).astype(np.float32)
    each = fold_in.solve(rows, prior=np.repeat(center, count, axis=0))
    np.testing.assert_array_equal(fold_in.solve(rows, prior=center), each)
    nothing = Interactions(np.zeros(count + 1, np.int64), rows.columns[:0], rows.values[:0], 45)
    stays = fold_in.solve(nothing, prior=center)
    np.testing.assert_allclose(stays, np.repeat(center, count, axis=0), atol=1e-5)


def test_same_bits_at_any_thread_count() -> None:
    rows = random_interactions(3000, 300, 0.02)
    first, *others = (
        train_wals(rows, wals(dim=24, epochs=2), draw_users=True, threads=threads)
        for threads in (1, 2, 3)
    )
    for other in others:
        np.testing.assert_array_equal(other.users, first.users)
        np.testing.assert_array_equal(other.user_center, first.user_center)
