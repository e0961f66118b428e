"""What each item of a history adds to the vector: against dense float64, term by term."""

import numpy as np
import pytest

from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import SingularSystem
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from tests.oracles.wals import solve_parts

WEIGHTED = WalsParams(
    dim=5, unobserved_weight=0.2, regularization=0.05, regularization_exponent=0.7,
    value_transform="log", value_alpha=2.0, value_epsilon=0.5,
    user_frequency_exponent=0.3, item_frequency_exponent=0.4,
)  # fmt: skip
PLAIN = WalsParams(dim=17, unobserved_weight=0.0, regularization=0.1)


def some_interactions(seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, 12, 90), rng.integers(0, 20, 90)
    values = rng.normal(0.5, 1, 90).astype(np.float32)  # a third are dislikes
    events = Events(users.astype(np.int32), items.astype(np.int32), values)
    return build_interactions(events, 12, 20)


def history_of(interactions: Interactions, row: int) -> Interactions:
    columns, values = interactions.row(row)
    starts = np.array([0, len(columns)], np.int64)
    return Interactions(starts, columns, values, interactions.column_count)


@pytest.mark.parametrize("params", [WEIGHTED, PLAIN], ids=["weighted", "plain"])
def test_parts_are_what_each_item_adds_and_sum_to_the_folded_in_vector(params: WalsParams) -> None:
    interactions = some_interactions()
    items = np.random.default_rng(1).normal(size=(20, params.dim)).astype(np.float32)
    counts = np.bincount(interactions.columns, minlength=20)
    fold_in = FoldIn(items, counts, params)
    for row in range(interactions.row_count):
        history = history_of(interactions, row)
        parts = fold_in.parts(history)
        np.testing.assert_allclose(
            parts, solve_parts(interactions, items, params, row), rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(parts.sum(axis=0), fold_in.solve(history)[0], atol=2e-4)
        assert not parts[history.values < 0].any()


def test_a_trained_users_vector_is_near_the_sum_of_its_parts() -> None:
    """Training solves the users last, so an explanation's remainder is the solver's error alone."""
    interactions = some_interactions()
    params = WalsParams(dim=4, epochs=8, unobserved_weight=0.1, regularization=0.01)
    factors = train_wals(interactions, params, threads=1)
    fold_in = FoldIn(factors.items, np.bincount(interactions.columns, minlength=20), params)
    sums = np.array([fold_in.parts(history_of(interactions, r)).sum(axis=0) for r in range(12)])
    assert np.abs(factors.users - sums).max() < 0.02 * np.abs(sums).max()


def test_a_history_without_a_unique_vector_has_no_parts() -> None:
    params = WalsParams(dim=3, unobserved_weight=0.0, regularization=0.0)
    fold_in = FoldIn(np.zeros((4, 3), np.float32), np.ones(4, np.int64), params)
    history = Interactions(
        np.array([0, 1], np.int64), np.array([2], np.int32), np.ones(1, np.float32), 4
    )
    with pytest.raises(SingularSystem):
        fold_in.parts(history)
