"""Tables that lie in halves while a solve reads them: nothing is lost, and little is rounded."""

import numpy as np
import pytest

from shortlist.core.cpu import SIMD_LEVELS, available_levels
from shortlist.core.data.interactions import Events, FloatArray, Interactions, build_interactions
from shortlist.core.linear.gramian import aligned_zeros, rotate_rows
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.rotated_sides import RotatedSides
from shortlist.core.wals.row_systems import RowSystems
from shortlist.core.wals.wals import train_wals
from tests.oracles import wals as oracle


def table(rows: int, dim: int, seed: int = 0) -> FloatArray:
    values = aligned_zeros((rows, dim))
    values[:] = np.random.default_rng(seed).standard_normal((rows, dim)) / np.sqrt(dim)
    return values


def interactions(users: int, items: int, share: float = 0.1) -> Interactions:
    rng = np.random.default_rng(1)
    pairs = np.argwhere(rng.random((users, items)) < share).astype(np.int32)
    ones = np.ones(len(pairs), np.float32)
    return build_interactions(Events(pairs[:, 0].copy(), pairs[:, 1].copy(), ones), users, items)


def rounded(values: FloatArray) -> FloatArray:
    """Return the nearest numbers of sixteen bits (bfloat16), away from 0 where two are as near."""
    bits = values.view(np.uint32) + np.uint32(0x8000)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("dim", [32, 128, 160])
@pytest.mark.parametrize("rows", [0, 1, 255, 256, 257, 700])
@pytest.mark.parametrize("level", available_levels())
def test_joined_halves_are_the_same_bits(rows: int, dim: int, level: str) -> None:
    """Any bits: tiny and huge numbers, both zeros, infinities, NaN."""
    rng = np.random.default_rng(rows)
    values = aligned_zeros((rows, dim))
    values.view(np.uint32)[:] = rng.integers(0, 1 << 32, (rows, dim), dtype=np.uint32)
    values[:, :7] = [0.0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-45]
    before = values.tobytes()
    rotate_rows(values, None, 2, SIMD_LEVELS.index(level), halve=True)
    assert rows == 0 or values.tobytes() != before
    rotate_rows(values, None, 2, SIMD_LEVELS.index(level), halved=True)
    assert values.tobytes() == before


@pytest.mark.parametrize("level", available_levels())
def test_turning_into_halves_and_on_is_turning(level: str) -> None:
    """A side that lay in halves between two rotations is what it would be had it not."""
    bases = [np.linalg.qr(table(128, 128, seed))[0].astype(np.float64) for seed in (1, 2)]
    found = []
    for halve in (None, 0, 1):
        sides = RotatedSides(table(600, 128, 3), table(333, 128, 4), 2, SIMD_LEVELS.index(level))
        sides.turn(bases[0], halve)
        sides.turn(bases[1], halve)
        found.append(b"".join(side.tobytes() for side in (*sides.join(), sides.turned)))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("dim", [32, 128, 160, 192, 256, 288])
@pytest.mark.parametrize("level", available_levels())
def test_a_solve_in_halves_is_that_of_rounded_rows(dim: int, level: str) -> None:
    """Rows of every block are found, the last and smaller one included."""
    rows, fixed, index = interactions(60, 700, 0.05), table(700, dim), SIMD_LEVELS.index(level)
    eigenvalues = np.einsum("nd,nd->d", fixed, fixed).astype(np.float64)
    lambdas, start = np.full(60, 0.1, np.float32), table(60, dim, 5)
    straight, halved = start.copy(), start.copy()
    exact = RowSystems(rows, lambdas, rounded(fixed), eigenvalues, 0.1)
    wanted = exact.solve(straight, 1, index, steps=2)
    rotate_rows(fixed, None, 1, index, halve=True)
    energy = RowSystems(rows, lambdas, fixed, eigenvalues, 0.1, halved=True).solve(
        halved, 2, index, steps=2
    )
    np.testing.assert_allclose(halved, straight, rtol=1e-3, atol=1e-5)
    assert energy.objective == pytest.approx(wanted.objective, rel=1e-5)


@pytest.mark.parametrize("level", available_levels())
def test_long_rows_train_to_the_same_loss_at_any_thread_count(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the users end at the exact minimum, given the items: what folding in gives."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    rows = interactions(900, 400, 0.05)
    params = WalsParams(dim=128, epochs=4, unobserved_weight=0.1, cg_steps=60)
    first, *others = (train_wals(rows, params, threads=threads) for threads in (1, 2, 3))
    for other in others:
        assert other.users.tobytes() == first.users.tobytes()
        assert other.items.tobytes() == first.items.tobytes()
    expected = oracle.solve_users(rows, first.items, params)
    np.testing.assert_allclose(first.users, expected, rtol=2e-3, atol=2e-4)
    monkeypatch.setattr("shortlist.core.wals.rotated_sides.HALVED_DIM_MIN", 1 << 20)
    floats = train_wals(rows, params)
    assert floats.losses != first.losses
    np.testing.assert_allclose(first.losses, floats.losses, rtol=3e-4)
