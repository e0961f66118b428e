"""Truncated singular value decomposition of the zero-filled matrix: the classic baseline.

Minimises sum over ALL pairs of (a_ij - <u_i, v_j>)^2, an unobserved pair counting as 0: what WALS
minimises with w0 = 1, every weight 1 and no regularization. Randomized range finder with power
iterations (Halko, Martinsson, Tropp, "Finding structure with randomness", SIAM Review 2011).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions, transposed
from shortlist.core.linear.sparse import multiply
from shortlist.core.linear.svd_params import SvdParams

_CONDITION_MIN = 1e-5
_RANK_TOLERANCE = 1e-6  # of the largest singular value: floats hold no smaller ones apart from 0
OVERSAMPLING = 16  # extra directions; the last ones wanted are then as good as the first


@dataclass(frozen=True, slots=True)
class SvdFactors:
    """Singular values shared evenly between the two sides: users @ items.T is the approximation."""

    users: FloatArray  # (users, dim)
    items: FloatArray  # (items, dim)
    singular_values: FloatArray  # (dim,) largest first; zeros beyond the matrix's rank


def decompose(matrix: Interactions, params: SvdParams, *, threads: int = 0) -> SvdFactors:
    """Return the best approximation of rank dim, up to the accuracy of the power iterations."""
    matrix = _entries(matrix, params)
    turned = transposed(matrix)
    width = min(params.dim + OVERSAMPLING, matrix.row_count, matrix.column_count)
    generator = np.random.default_rng(params.seed)
    basis = generator.standard_normal((matrix.column_count, width)).astype(np.float32)
    sample = multiply(matrix, basis, threads=threads)
    for _ in range(params.power_iterations):
        # Orthonormal at every turn: a bare power would drown the small directions in rounding.
        across = _orthonormal(multiply(turned, _orthonormal(sample), threads=threads))
        sample = multiply(matrix, across, threads=threads)
    rows = _orthonormal(sample)  # (users, width)
    small = multiply(turned, rows, threads=threads)  # (items, width) = matrix.T @ rows
    basis = _orthonormal(small).astype(np.float64)
    turn, values, left = np.linalg.svd(basis.T @ small, full_matrices=False)
    right = basis @ turn
    kept = min(params.dim, width)
    scale = np.sqrt(values[:kept])
    return SvdFactors(
        _padded((rows @ left.T)[:, :kept] * scale, params.dim),
        _padded(right[:, :kept] * scale, params.dim),
        _padded(values[None, :kept], params.dim)[0],
    )


class SvdFoldIn:
    """Projects rows that were not in the matrix on its items; immutable, used by many threads.

    A row a of the matrix has the vector a V / sqrt(S) (Sarwar et al., "Incremental SVD-based
    algorithms", 2002); item vectors are V sqrt(S), so their columns' squares sum to S.
    """

    def __init__(self, items: FloatArray, params: SvdParams) -> None:
        """Take item vectors (items, dim) by reference."""
        self._items, self._params = items, params
        values = np.einsum("nd,nd->d", items, items, dtype=np.float64)
        told = values > _RANK_TOLERANCE * values.max(initial=0)  # the others are rounding
        self._inverse = np.divide(1.0, values, out=np.zeros_like(values), where=told)

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of raw event values."""
        sums = multiply(_entries(histories, self._params), self._items, threads=threads)
        with np.errstate(over="ignore"):  # whoever scores with them refuses what is not finite
            vectors: FloatArray = (sums * self._inverse).astype(np.float32)
        return vectors

    def parts(self, history: Interactions) -> npt.NDArray[np.float64]:
        """Return what each entry of one history (1, items) adds to its vector: (entries, dim)."""
        history = _entries(history, self._params)
        vectors = self._items[history.columns].astype(np.float64)
        parts: npt.NDArray[np.float64] = history.values[:, None] * vectors * self._inverse
        return parts


def _entries(matrix: Interactions, params: SvdParams) -> Interactions:
    if not params.binary:
        return matrix
    return replace(matrix, values=(matrix.values >= 0).astype(np.float32))


def _orthonormal(vectors: FloatArray) -> FloatArray:
    """Return an orthonormal basis (n, width) of the columns of a tall matrix (n, width).

    By the Cholesky factor of the Gramian, an order of magnitude faster than Householder QR. In
    doubles it tells float32 columns apart up to condition numbers of 1e5; what is closer to
    singular goes the slow way.
    """
    wide = vectors.astype(np.float64)
    try:
        factor = np.linalg.cholesky(wide.T @ wide)
    except np.linalg.LinAlgError:
        return np.linalg.qr(vectors)[0]
    pivots = np.diag(factor)
    if pivots.min(initial=np.inf) < _CONDITION_MIN * pivots.max(initial=0.0):
        return np.linalg.qr(vectors)[0]
    orthonormal: FloatArray = (wide @ np.linalg.inv(factor).T).astype(np.float32)
    return orthonormal


def _padded(vectors: npt.NDArray[np.floating], dim: int) -> FloatArray:
    """Return (n, dim) float32, zeros behind what there is."""
    padded = np.zeros((len(vectors), dim), np.float32)
    padded[:, : vectors.shape[1]] = vectors
    return padded
