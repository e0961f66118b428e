"""The SVD baseline against numpy's, and the sparse product under it."""

import numpy as np
import pytest

from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.linear.sparse import multiply
from shortlist.core.linear.svd import SvdFoldIn, decompose
from shortlist.core.linear.svd_params import SvdParams


def random_matrix(rows: int, columns: int, share: float, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(rng.random((rows, columns)) < share).astype(np.int32)
    values = rng.integers(1, 6, len(pairs)).astype(np.float32)
    events = Events(pairs[:, 0].copy(), pairs[:, 1].copy(), values)
    return build_interactions(events, rows, columns, aggregate="sum")


def dense_of(matrix: Interactions) -> np.ndarray:
    dense = np.zeros((matrix.row_count, matrix.column_count))
    for row in range(matrix.row_count):
        columns, values = matrix.row(row)
        dense[row, columns] = values
    return dense


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 7, 64])
def test_product_is_the_dense_product_at_any_thread_count(threads: int, width: int) -> None:
    matrix = random_matrix(3000, 50, 0.05)
    dense = np.random.default_rng(1).standard_normal((50, width)).astype(np.float32)
    product = multiply(matrix, dense, threads=threads)
    np.testing.assert_allclose(product, dense_of(matrix) @ dense, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(product, multiply(matrix, dense, threads=1))


def test_product_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(DataInvalid, match="shape"):
        multiply(random_matrix(3, 4, 0.5), np.zeros((3, 2), np.float32))


def test_factors_are_the_best_approximation() -> None:
    """Eckart and Young: nothing of that rank is nearer than the singular vectors."""
    matrix = random_matrix(60, 40, 0.2)
    factors = decompose(matrix, SvdParams(dim=8))
    left, values, right = np.linalg.svd(dense_of(matrix))
    best = (left[:, :8] * values[:8]) @ right[:8]
    np.testing.assert_allclose(factors.singular_values, values[:8], rtol=1e-4)
    np.testing.assert_allclose(factors.users @ factors.items.T, best, atol=2e-2)


@pytest.mark.parametrize("decades", [1, 4, 7])
def test_singular_values_decades_apart_are_all_found(decades: int) -> None:
    """Directions far smaller than the largest do not drown in its rounding."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(n, 40)))[0] for n in (80, 60))
    values = np.logspace(0, -decades, 40)
    dense = ((left * values) @ right.T).astype(np.float32)
    rows, columns = (part.astype(np.int32) for part in dense.nonzero())
    matrix = build_interactions(Events(rows, columns, dense[rows, columns]), 80, 60)
    found = decompose(matrix, SvdParams(dim=20)).singular_values
    np.testing.assert_allclose(found, values[:20], rtol=1e-4)


def test_a_rank_beyond_the_matrix_is_filled_with_zeros() -> None:
    factors = decompose(random_matrix(3, 5, 0.9), SvdParams(dim=6))
    assert factors.users.shape == (3, 6)
    assert not factors.singular_values[3:].any()


def test_an_empty_matrix_decomposes_to_zeros() -> None:
    factors = decompose(random_matrix(4, 3, 0.0), SvdParams(dim=2))
    assert not (factors.users @ factors.items.T).any()


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(SettingInvalid, match="dim"):
        SvdParams(dim=0)


@pytest.mark.parametrize("binary", [False, True])
def test_the_parts_of_a_history_are_the_vectors_of_its_single_items(binary: bool) -> None:
    """Folding in is linear, so what an item adds is what it would be alone."""
    params = SvdParams(dim=4, binary=binary)
    matrix = random_matrix(30, 20, 0.3)
    fold_in = SvdFoldIn(decompose(matrix, params).items, params)
    columns, values = matrix.row(3)
    starts = np.array([0, len(columns)], np.int64)
    parts = fold_in.parts(Interactions(starts, columns, values, 20))
    alone = Interactions(np.arange(len(columns) + 1), columns, values, 20)
    np.testing.assert_allclose(parts, fold_in.solve(alone), rtol=1e-4, atol=1e-6)
