"""WALS against dense float64, and the properties that users rely on."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.cpu import available_levels
from shortlist.core.data.interactions import Events, Interactions, build_interactions, select_rows
from shortlist.core.errors import DataInvalid, SettingInvalid, SingularSystem, TrainingCancelled
from shortlist.core.progress import Epoch
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams, with_data_defaults
from shortlist.core.wals.wals import Snapshot, WalsFactors, train_wals, wals_loss
from tests.oracles import wals as oracle

VARIANTS: list[dict[str, Any]] = [
    {},
    {"value_transform": "linear", "value_alpha": 0.5, "regularization_exponent": 0.5},
    {"value_transform": "log", "value_epsilon": 0.1, "user_frequency_exponent": 0.3},
    {"item_frequency_exponent": 0.5, "user_frequency_exponent": 0.5, "unobserved_weight": 0.5},
    {"unobserved_weight": 0.0, "regularization": 0.1, "regularization_exponent": 0.0},
]


def wals(**settings: Any) -> WalsParams:
    """Return params with a weight of unobserved pairs that the data does not decide."""
    return WalsParams(**{"unobserved_weight": 0.1, **settings})


def random_interactions(users: int, items: int, share: float = 0.2, seed: int = 0) -> Interactions:
    """Values from -2 to 5: negative ones are dislikes."""
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(rng.random((users, items)) < share).astype(np.int32)
    values = rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0, 5.0], len(pairs)).astype(np.float32)
    events = Events(pairs[:, 0].copy(), pairs[:, 1].copy(), values)
    return build_interactions(events, users, items, aggregate="sum")


def random_factors(users: int, items: int, dim: int, seed: int = 0) -> WalsFactors:
    rng = np.random.default_rng(seed)
    sides = [rng.standard_normal((n, dim)).astype(np.float32) for n in (users, items)]
    return WalsFactors(sides[0] / np.float32(dim), sides[1] / np.float32(dim))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dim", [1, 5, 16, 33])
@pytest.mark.parametrize("level", available_levels())
def test_loss_is_the_objective_term_by_term(
    variant: dict[str, object], dim: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every transform, exponent and dislike, at every SIMD level."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows, factors = random_interactions(23, 17), random_factors(23, 17, dim)
    params = wals(dim=dim, **variant)
    expected = oracle.loss(rows, factors.users, factors.items, params)
    assert wals_loss(rows, factors, params) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("dim", [1, 5, 16, 33, 64])
@pytest.mark.parametrize("level", available_levels())
def test_an_epoch_solves_every_row(
    variant: dict[str, object], solver: str, dim: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an epoch the users are the exact minimum given the items, by either solver."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = random_interactions(40, 30)
    params = wals(dim=dim, epochs=1, solver=solver, cg_steps=3 * dim + 20, **variant)
    trained = train_wals(rows, params, threads=1)
    expected = oracle.solve_users(rows, trained.items, params)
    np.testing.assert_allclose(trained.users, expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("level", available_levels())
def test_the_loss_reported_is_the_loss_of_the_factors(
    variant: dict[str, object], solver: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It falls out of the solves; over-relaxed epochs and weak solvers included."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = random_interactions(60, 45)
    params = wals(dim=20, epochs=4, solver=solver, cg_steps=1, **variant)

    def check(epoch: Epoch, snapshot: Snapshot) -> None:
        expected = oracle.loss(rows, snapshot().users, snapshot().items, params)
        assert epoch.loss == pytest.approx(expected, rel=1e-4)

    train_wals(rows, params, on_epoch=check)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 20),
    st.floats(0, 0.9),
    st.integers(0, 99),
)
def test_loss_never_rises_over_exact_epochs(
    users: int, items: int, dim: int, share: float, seed: int
) -> None:
    """Each exact half step minimises the loss over one side."""
    rows = random_interactions(users, items, share, seed)
    params = wals(dim=dim, epochs=6, solver="cholesky", regularization=0.01, seed=seed)
    losses = train_wals(rows, params, threads=1).losses
    for earlier, later in itertools.pairwise(losses):
        assert later <= earlier * (1 + 1e-5) + 1e-6


def test_permuting_users_permutes_their_embeddings() -> None:
    """Nothing depends on where a user stands in the matrix."""
    rows = random_interactions(50, 40)
    order = np.random.default_rng(1).permutation(50).astype(np.int32)
    params = wals(dim=8, epochs=5)
    straight, shuffled = (train_wals(r, params) for r in (rows, select_rows(rows, order)))
    wanted = straight.users[order] @ straight.items.T
    np.testing.assert_allclose(shuffled.users @ shuffled.items.T, wanted, atol=1e-3)


@pytest.mark.parametrize("solver", ["conjugate_gradient", "cholesky"])
@pytest.mark.parametrize("level", available_levels())
def test_threads_do_not_change_a_bit(
    solver: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many chunks, so that threads really share the work."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = random_interactions(6000, 300, 0.03)
    params = wals(dim=24, epochs=2, solver=solver)
    first, *others = (train_wals(rows, params, threads=threads) for threads in (1, 2, 3))
    for other in others:
        np.testing.assert_array_equal(other.users, first.users)
        np.testing.assert_array_equal(other.items, first.items)
        assert other.losses == first.losses


def test_over_relaxed_training_gets_as_low_as_the_exact_one() -> None:
    """The guard: over-relaxed conjugate gradient ends no higher than exact steps."""
    rows = random_interactions(400, 200, 0.05)
    exact = train_wals(rows, wals(dim=16, epochs=30, solver="cholesky", seed=2))
    fast = train_wals(rows, wals(dim=16, epochs=30, solver="conjugate_gradient", seed=2))
    assert fast.losses[-1] <= exact.losses[-1] * 1.01


@pytest.mark.parametrize(("users", "items"), [(0, 0), (3, 0), (0, 3), (3, 4)])
def test_no_events_train_to_zero_vectors(users: int, items: int) -> None:
    factors = train_wals(random_interactions(users, items, 0.0), wals(dim=4, epochs=2))
    assert factors.users.shape == (users, 4)
    assert factors.items.shape == (items, 4)
    assert not factors.users.any()


def test_a_row_without_a_unique_solution_is_refused_by_the_exact_solver() -> None:
    """Two observations cannot determine five numbers when nothing else holds them."""
    rows = random_interactions(3, 2, 1.0)
    params = wals(
        dim=5, unobserved_weight=0.0, regularization=0.0, solver="cholesky", init_stddev=0.1
    )
    with pytest.raises(SingularSystem, match="regularization"):
        train_wals(rows, params)


def test_progress_sees_every_epoch_and_may_stop_the_training() -> None:
    """The snapshot taken at an epoch is a whole model."""
    rows = random_interactions(20, 10)
    seen: list[int] = []

    def stop_after_two(epoch: Epoch, snapshot: Snapshot) -> None:
        seen.append(epoch.epoch)
        assert snapshot().items.shape == (10, 4)
        if epoch.epoch == 2:
            raise TrainingCancelled

    with pytest.raises(TrainingCancelled):
        train_wals(rows, wals(dim=4, epochs=9), on_epoch=stop_after_two)
    assert seen == [1, 2]


def test_a_warm_start_goes_on_where_the_other_training_stopped() -> None:
    rows = random_interactions(60, 40)
    long = train_wals(rows, wals(dim=8, epochs=8, solver="cholesky", over_relaxation=1.0))
    begun = train_wals(rows, wals(dim=8, epochs=4, solver="cholesky", over_relaxation=1.0))
    ended = train_wals(
        rows, wals(dim=8, epochs=4, solver="cholesky", over_relaxation=1.0), initial=begun
    )
    assert ended.losses[-1] == pytest.approx(long.losses[-1], rel=1e-4)


def test_a_warm_start_of_another_shape_is_refused() -> None:
    with pytest.raises(DataInvalid, match="shapes"):
        train_wals(random_interactions(5, 5), wals(dim=4), initial=random_factors(5, 5, 3))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dim", [1, 5, 64])
@pytest.mark.parametrize("level", available_levels())
def test_folding_in_solves_the_training_row(
    variant: dict[str, object], dim: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history that training saw gets the vector that a half step would give it."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows, factors = random_interactions(40, 60), random_factors(40, 60, dim)
    params = wals(dim=dim, **variant)
    counts = np.bincount(rows.columns, minlength=60)
    folded = FoldIn(factors.items, counts, params).solve(rows)
    expected = oracle.solve_users(rows, factors.items, params)
    np.testing.assert_allclose(folded, expected, rtol=2e-3, atol=2e-3)


def test_an_empty_history_has_the_zero_vector() -> None:
    factors = random_factors(2, 6, 4)
    empty = Interactions(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), 6)
    folded = FoldIn(factors.items, np.ones(6, np.int64), wals(dim=4)).solve(empty)
    np.testing.assert_array_equal(folded, np.zeros((1, 4)))


def test_folding_many_histories_equals_folding_one_by_one() -> None:
    """More entries than are gathered at once: the parts fit together, at any thread count."""
    rows, factors = random_interactions(3000, 300, 0.1), random_factors(3000, 300, 8)
    fold_in = FoldIn(factors.items, np.ones(300, np.int64), wals(dim=8))
    together = fold_in.solve(rows, threads=2)
    for row in (0, 1, 1500, 2999):
        alone = fold_in.solve(select_rows(rows, np.array([row], np.int32)))
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize(
    ("field", "value"),
    [("dim", 0), ("epochs", 1001), ("unobserved_weight", -0.1), ("regularization", float("nan"))],
)
def test_settings_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(SettingInvalid, match=field):
        WalsParams(**{field: value})  # type: ignore[arg-type]


def test_the_weight_of_unobserved_pairs_follows_the_density_when_left_open() -> None:
    """And what was decided trains the same model as saying it."""
    rows = random_interactions(50, 40, 0.1)
    decided = with_data_defaults(WalsParams(dim=4), rows)
    assert decided.w0 == pytest.approx(3 * (rows.entry_count / 2000) ** 0.7)
    assert with_data_defaults(WalsParams(unobserved_weight=0.5), rows).w0 == 0.5
    one, other = train_wals(rows, WalsParams(dim=4)), train_wals(rows, decided)
    np.testing.assert_array_equal(one.items, other.items)


def test_a_weight_left_open_cannot_fold_in() -> None:
    """A served model must know what it was trained with."""
    rows, factors = random_interactions(3, 5), random_factors(3, 5, 4)
    with pytest.raises(SettingInvalid, match="unobserved_weight"):
        FoldIn(factors.items, np.ones(5, np.int64), WalsParams(dim=4)).solve(rows)
