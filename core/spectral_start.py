"""First vectors along the strongest directions of the data, which training then need not look for.

The objective's gradient at zero is the matrix of the weights, negative where the target is 0. Its
leading right singular vectors, by a randomized range finder (Halko, Martinsson, Tropp, "Finding
structure with randomness", SIAM Review 2011), are where the first epochs from random vectors lead.
"""

import numpy as np

from shortlist.core.eigen import eigenpairs
from shortlist.core.gramian import Doubles, gramian, rotate_rows
from shortlist.core.interactions import FloatArray, Interactions
from shortlist.core.sparse import multiply_into
from shortlist.core.wals_params import observed_weights

_ROUNDS = 2  # there and back; a third is worth less than the time it takes
_ROUNDING = 1e-7  # of the largest eigenvalue: directions below it are none


def start_spectrally(
    by_user: Interactions,
    by_item: Interactions,
    users: FloatArray,
    items: FloatArray,
    threads: int,
    level: int,
) -> None:
    """Turn random items (items, padded dim) into singular vectors, as long as sqrt(value) each.

    by_user and by_item are the signed weights (users x items) and their transpose; users (users,
    padded dim) is written over and left at 0. Columns of zeros stay so.
    """
    dim = int(np.count_nonzero(items.any(axis=0)))
    for _ in range(_ROUNDS):
        multiply_into(by_user, items, users, threads=threads)
        _rescale(users, -0.5, dim, threads, level)  # orthonormal
        multiply_into(by_item, users, items, threads=threads)
    _rescale(items, -0.25, dim, threads, level)
    # Weights may lie far from 1, as scores do not.
    total = float(observed_weights(by_user).sum())
    if total:
        items *= np.float32(np.sqrt(total / float(np.vdot(by_user.values, by_user.values))))
    users[:] = 0


def _rescale(rows: FloatArray, power: float, dim: int, threads: int, level: int) -> None:
    """Rotate rows to orthogonal columns, the longest first; multiply each by |column|^(2 power)."""
    eigenvalues, basis = eigenpairs(gramian(rows, threads, level), level)
    eigenvalues, basis = eigenvalues[::-1], basis[:, ::-1]
    scales = np.zeros(len(eigenvalues))
    told = eigenvalues > _ROUNDING * eigenvalues[0]
    told[dim:] = False
    scales[told] = eigenvalues[told] ** power
    turn: Doubles = basis * scales
    rotate_rows(rows, turn, threads, level)
