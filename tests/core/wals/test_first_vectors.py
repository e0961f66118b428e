"""The first vectors that WALS finds in the data."""

from dataclasses import replace

import numpy as np
import pytest

from shortlist.core.cpu import SIMD_LEVELS, available_levels
from shortlist.core.data.interactions import FloatArray, Interactions, transposed
from shortlist.core.linear.gramian import padded_zeros
from shortlist.core.wals.first_vectors import start_spectrally
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals


def matrix(dense: np.ndarray) -> Interactions:
    rows, columns = np.nonzero(dense)
    starts = np.searchsorted(rows, np.arange(len(dense) + 1)).astype(np.int64)
    values = dense[rows, columns].astype(np.float32)
    return Interactions(starts, columns.astype(np.int32), values, dense.shape[1])


def started(
    dense: np.ndarray, dim: int, *, threads: int = 1, level: str = "baseline"
) -> FloatArray:
    """Return the items (items, dim); the users must be left at 0, the padding too."""
    weights, number = matrix(dense), SIMD_LEVELS.index(level)
    items, users = padded_zeros(dense.shape[1], dim), padded_zeros(len(dense), dim)
    start_spectrally(weights, transposed(weights), users, items, dim, 0, threads, number)
    assert not users.any()
    assert not items[:, dim:].any()
    return items[:, :dim]


def low_rank(users: int, items: int, rank: int, seed: int = 0) -> np.ndarray:
    """Return weights, some of them of dislikes, of blocks of users and items."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 3, (users, rank)) @ rng.integers(-1, 2, (rank, items))).astype(float)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize(("rank", "dim"), [(1, 1), (3, 3), (3, 8), (5, 20), (2, 33)])
def test_the_start_is_the_leading_singular_vectors(rank: int, dim: int, level: str) -> None:
    dense = low_rank(40, 30, rank)
    found = started(dense, dim, level=level)[:, :rank]
    _, sizes, right = np.linalg.svd(dense)
    scale = 0.75**2 * np.abs(dense).sum() / np.square(dense).sum()
    expected = scale * (right[:rank].T * sizes[:rank]) @ right[:rank]
    np.testing.assert_allclose(found @ found.T, expected, atol=2e-3 * np.abs(expected).max())


def test_directions_beyond_the_first_dim_are_left_out() -> None:
    rng = np.random.default_rng(1)
    dense = low_rank(60, 50, 3) + 0.01 * rng.standard_normal((60, 50))
    found = started(dense, 3)
    _, _, right = np.linalg.svd(dense)
    kept = right[:3] @ found  # what of the items lies along the three leading directions
    assert np.square(kept).sum() > 0.9999 * np.square(found).sum()


@pytest.mark.parametrize(("users", "items"), [(0, 0), (0, 4), (4, 0), (3, 5), (1, 1)])
def test_without_events_the_start_is_random(users: int, items: int) -> None:
    found = started(np.zeros((users, items)), 2)
    assert np.unique(found).size == found.size


def test_no_coordinate_is_lost_where_one_weight_is_above_all() -> None:
    """A coordinate at 0 in every vector would stay there."""
    dense = (np.random.default_rng(3).random((60, 40)) < 0.3).astype(float)
    dense[5, 7] = 1e12
    found = started(dense, 12)
    assert np.isfinite(found).all()
    assert found.any(axis=0).all()
    factors = train_wals(matrix(dense), WalsParams(dim=12, epochs=4, unobserved_weight=0.1))
    assert np.linalg.matrix_rank(factors.items) == 12


def test_same_bits_at_any_thread_count() -> None:
    dense = low_rank(3000, 700, 9, seed=4)
    first = started(dense, 24).tobytes()
    assert all(started(dense, 24, threads=threads).tobytes() == first for threads in (2, 3))


def test_every_level_starts_alike() -> None:
    dense = low_rank(300, 70, 9, seed=5) + np.random.default_rng(5).random((300, 70))
    found = [started(dense, 6, level=level) for level in available_levels()]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-4 * np.abs(found[0]).max())


def test_training_begins_at_a_lower_loss_than_from_random_vectors() -> None:
    interactions = matrix((np.random.default_rng(2).random((200, 120)) < 0.1).astype(float))
    params = WalsParams(dim=16, epochs=3, unobserved_weight=0.05)
    random = train_wals(interactions, replace(params, init_stddev=0.1))
    assert train_wals(interactions, params).losses[0] < random.losses[1]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e20])
def test_the_start_does_not_depend_on_the_size_of_the_weights(scale: float) -> None:
    dense = low_rank(40, 30, 3)
    found, expected = started(scale * dense, 3), started(dense, 3)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, rtol=1e-3, atol=1e-3)
