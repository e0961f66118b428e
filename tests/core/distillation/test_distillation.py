"""Distillation: gradients against finite differences, and what a student must hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import Events, Interactions, build_interactions, select_rows
from shortlist.core.distillation._distillation import distilled_gradients, scratch_size
from shortlist.core.distillation.distillation import (
    DistilledFactors,
    Trainer,
    leading_directions,
    rankings,
    train_distilled,
)
from shortlist.core.distillation.fold_in import DistilledFoldIn
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.errors import SettingInvalid
from shortlist.core.wals.wals import train_wals
from tests.core.sgd.test_sgd import tastes
from tests.oracles.distillation import user_loss
from tests.oracles.sgd import numeric_gradient

USERS, ITEMS, DIM = 3, 40, 16
PARAMS = DistilledParams(
    dim=12, epochs=10, target_count=10, teacher_dim=24, batch_size=64, learning_rate=0.02
)


def distilled(data: Interactions, params: DistilledParams, threads: int = 2) -> DistilledFactors:
    teacher = train_wals(data, params.teacher, threads=threads)
    return train_distilled(data, teacher.users, teacher.items, params, threads=threads)


def rows_of(lists: list[list[int]], values: list[float] | None = None) -> Interactions:
    users = np.repeat(np.arange(len(lists), dtype=np.int32), [len(one) for one in lists])
    items = np.array([item for one in lists for item in one], np.int32)
    weights = np.ones(len(items), np.float32) if values is None else np.array(values, np.float32)
    return build_interactions(Events(users, items, weights), len(lists), ITEMS, "last")


def test_gradients_are_those_of_the_loss() -> None:
    """By user and by candidate; what the user has and what fills a line up count nothing."""
    rng = np.random.default_rng(4)
    positives = rows_of([[1, 7, 8], [], [0, 2, 30]])
    targets = rows_of([[2, 9], [5, 7], []], [0.75, 0.25, 0.5, 0.5])
    drawn = [0, 1, 2, 5, 7, 9, 12, 20, 21, 30, 31, 39]
    candidates = np.array([*drawn, 39, 39, 39, 39], np.int32)
    corrections = np.where(np.arange(16) < 12, rng.normal(size=16), 1e30).astype(np.float32)
    users = rng.normal(size=(USERS, DIM)).astype(np.float32)
    items = rng.normal(size=(ITEMS, DIM)).astype(np.float32)
    by_user = np.empty((USERS, DIM), np.float32)
    by_candidate = np.empty((16, DIM), np.float32)
    total = distilled_gradients(
        0.4, users, positives.row_starts, positives.columns, candidates, corrections, items,
        targets.row_starts, targets.columns, targets.values, by_user, by_candidate,
        np.empty(scratch_size(USERS, 16, DIM), np.float32), simd_level(),
    )  # fmt: skip
    losses, expected_items = [], np.zeros((16, DIM))
    for user in range(USERS):
        free = np.flatnonzero(~np.isin(drawn, positives.row(user)[0]))
        wanted = dict(zip(*(one.tolist() for one in targets.row(user)), strict=True))
        weights = np.array([wanted.get(drawn[at], 0.0) for at in free])
        known = weights, corrections[free].astype(np.float64), 0.4
        mine, others = users[user].astype(np.float64), items[candidates[free]].astype(np.float64)
        losses.append(user_loss(mine, others, *known))
        expected = numeric_gradient(lambda x: user_loss(x, others, *known), mine)  # noqa: B023
        np.testing.assert_allclose(by_user[user], expected, rtol=1e-3, atol=1e-4)
        expected = numeric_gradient(lambda x: user_loss(mine, x, *known), others)  # noqa: B023
        expected_items[free] += expected
    assert total == pytest.approx(sum(losses), rel=1e-5)
    np.testing.assert_allclose(by_candidate, expected_items, rtol=1e-3, atol=1e-4)


def test_threads_change_no_bit() -> None:
    params = replace(PARAMS, epochs=2, sampled_items=16)
    one = distilled(tastes(), params, threads=1)
    for threads in (2, 3):
        many = distilled(tastes(), params, threads=threads)
        assert many.losses == one.losses
        assert many.users.tobytes() == one.users.tobytes()
        assert many.items.tobytes() == one.items.tobytes()
        assert many.histories.tobytes() == one.histories.tobytes()


def test_the_sum_over_all_items_is_estimated_without_bias() -> None:
    """Whatever is drawn, candidates stand for the whole catalog."""
    trainer = Trainer(
        tastes(), rows_of([[1]]), np.ones((60, 4), np.float32), replace(PARAMS, sampled_items=8), 1
    )
    ranked = np.array([3, 5, 5, 59], np.int32)
    for seed in range(20):
        rows, corrections = trainer.candidates(ranked, np.random.default_rng(seed))
        assert len(rows) % 16 == 0
        assert np.all(np.diff(rows) >= 0)
        assert np.exp(-corrections.astype(np.float64)).sum() == pytest.approx(60)
        assert np.all(corrections[np.isin(rows, ranked)][:3] == 0)


def test_a_student_finds_what_its_teacher_finds() -> None:
    """In a third of the teacher's dimensions, the best of what users of a taste do not have."""
    data = tastes()
    factors = distilled(data, PARAMS)
    scores = factors.users @ factors.items.T
    users = np.repeat(np.arange(160), np.diff(data.row_starts))
    scores[users, data.columns] = -np.inf
    assert factors.losses[-1] < factors.losses[0]
    assert np.mean(scores.argmax(axis=1) % 3 == np.arange(160) % 3) > 0.95


def test_rankings_are_the_teachers_without_what_the_user_has() -> None:
    data, params = tastes(), replace(PARAMS, target_count=7, teacher_temperature=0.5)
    teacher = train_wals(data, params.teacher, threads=1)
    found = rankings(teacher.users, teacher.items, data, params, 1)
    for user in (0, 80, 159):
        scores = teacher.users[user].astype(np.float64) @ teacher.items.T
        scores[data.row(user)[0]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:7]
        columns, weights = found.row(user)
        assert sorted(columns.tolist()) == sorted(best.tolist())
        powers = np.exp((scores[columns] - scores.max()) / 0.5)
        np.testing.assert_allclose(weights, powers / powers.sum(), rtol=1e-4)


def test_a_stored_user_is_what_the_history_folds_in_to() -> None:
    data = tastes()
    factors = distilled(data, replace(PARAMS, epochs=1))
    folded = DistilledFoldIn(factors.histories).solve(
        select_rows(data, np.arange(160, dtype=np.int32))
    )
    assert folded.tobytes() == factors.users.tobytes()
    np.testing.assert_allclose(np.linalg.norm(folded, axis=1), 1, rtol=1e-5)


def test_parts_sum_to_the_vector_and_dislikes_add_nothing() -> None:
    added = np.random.default_rng(1).normal(size=(ITEMS, 5)).astype(np.float32)
    fold_in = DistilledFoldIn(added)
    history = rows_of([[3, 8, 9]], [2.0, -1.0, 1.0])
    parts = fold_in.parts(history)
    np.testing.assert_allclose(parts.sum(axis=0), fold_in.solve(history)[0], rtol=1e-5)
    assert not parts[1].any()
    assert fold_in.solve(rows_of([[3, 9]])).tobytes() == fold_in.solve(history).tobytes()
    assert not fold_in.solve(rows_of([[3, 9], []], [-1.0, -2.0])).any(), "nothing was liked"


@pytest.mark.parametrize("dim", [1, 16, 20])
def test_leading_directions_hold_most_of_the_vectors(dim: int) -> None:
    vectors = np.random.default_rng(2).normal(size=(200, 20)).astype(np.float32)
    vectors[:, 4:] *= 0.1
    values = np.linalg.svd(vectors.astype(np.float64), compute_uv=False)
    found = leading_directions(vectors, dim, 2)
    assert found.shape == (200, dim)
    assert np.square(found).sum() == pytest.approx(np.square(values[:dim]).sum(), rel=1e-4)


def test_a_student_may_be_wider_than_its_teacher_or_have_nothing_to_learn() -> None:
    wide = distilled(tastes(), replace(PARAMS, dim=20, teacher_dim=8, epochs=1))
    assert wide.items.shape == (60, 20)
    nobody = np.zeros(0, np.int32)
    none = build_interactions(Events(nobody, nobody, np.zeros(0, np.float32)), 3, 5)
    empty = distilled(none, replace(PARAMS, epochs=1))
    assert empty.users.shape == (3, 12)
    assert not empty.users.any()
    assert empty.losses == (0.0,)
    everything = rows_of([list(range(ITEMS)), [1]])
    assert np.isfinite(distilled(everything, replace(PARAMS, epochs=1)).items).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [("dim", 0), ("target_count", 10_001), ("temperature", 0.0), ("teacher_dim", 5000),
     ("regularization", -1.0), ("learning_rate", float("nan")), ("sampled_items", 0)],
)  # fmt: skip
def test_settings_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(SettingInvalid, match=field):
        DistilledParams(**{field: value})  # type: ignore[arg-type]
