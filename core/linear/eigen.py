"""The eigenvectors of a small symmetric matrix, without the threads of a BLAS.

Those threads spin while they wait: on a machine that also serves, they make the decomposition of a
64 x 64 matrix, a fourth of a millisecond of work, last a tenth of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shortlist.core.linear._eigen import SCRATCH_ROWS, diagonalise

if TYPE_CHECKING:
    from shortlist.core.linear.gramian import Doubles

_OWN_MAX = 1024  # beyond, the blocked algorithms of LAPACK are worth their threads


def eigenpairs(symmetric: Doubles, level: int) -> tuple[Doubles, Doubles]:
    """Return eigenvalues (n,), rising, and eigenvectors (n, n) as columns; n a multiple of 16.

    All NaN where the matrix is not finite: a training that diverges notices by its loss.
    """
    n = len(symmetric)
    if not np.isfinite(symmetric).all():
        return np.full(n, np.nan), np.full((n, n), np.nan)
    if n <= _OWN_MAX:
        values, rows = np.empty(n), np.empty((n, n))
        if diagonalise(symmetric.copy(), values, rows, np.empty((SCRATCH_ROWS, n)), level):
            order = np.argsort(values, kind="stable")
            return values[order], np.ascontiguousarray(rows[order].T)
    pairs = np.linalg.eigh(symmetric)
    return pairs.eigenvalues, pairs.eigenvectors
