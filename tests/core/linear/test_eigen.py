"""Eigenvectors against their definition, at every SIMD level."""

import numpy as np
import pytest

from shortlist.core.cpu import available_levels, simd_level
from shortlist.core.linear.eigen import eigenpairs


def symmetric(size: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(size)
    if kind == "spread":  # twelve decades
        rows = rng.standard_normal((3 * size, size)) * np.logspace(0, -6, size)
        return rows.T @ rows
    if kind == "padded":  # coordinates in which nothing lies
        rows = rng.standard_normal((3 * size, size))
        rows[:, size // 2 :] = 0
        return rows.T @ rows
    if kind == "repeated":
        return np.diag(np.repeat([1.0, 2.0], size // 2))
    if kind == "zero":
        return np.zeros((size, size))
    return np.ones((size, size))


@pytest.mark.parametrize("kind", ["spread", "padded", "repeated", "zero", "ones"])
@pytest.mark.parametrize("size", [16, 48, 64, 256])
@pytest.mark.parametrize("level", available_levels())
def test_eigenpairs_rebuild_the_matrix(
    kind: str, size: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orthonormal columns, rising values, and their product is the matrix."""
    monkeypatch.setenv("SHORTLIST_SIMD", level)
    matrix = symmetric(size, kind)
    values, vectors = eigenpairs(matrix, simd_level())
    scale = max(float(np.abs(values).max()), 1.0)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), atol=1e-12)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-13 * size * scale)


@pytest.mark.parametrize("size", [16, 1040])
def test_of_nan_everything_is_nan(size: int) -> None:
    """A diverged training gets here before anybody looks at its loss."""
    values, vectors = eigenpairs(np.full((size, size), np.nan), simd_level())
    assert np.isnan(values).all()
    assert np.isnan(vectors).all()
