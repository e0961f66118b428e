"""The vectors of the items that WALS begins with: random, or along the strongest directions.

The objective's gradient at zero is the matrix of the weights, negative where the target is 0. Its
leading right singular vectors, by a randomized range finder (Halko, Martinsson, Tropp, "Finding
structure with randomness", SIAM Review 2011), are where the first epochs from random vectors lead.
"""

import numpy as np

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.linear.eigen import eigenpairs
from shortlist.core.linear.gramian import Doubles, gramian, rotate_rows
from shortlist.core.linear.sparse import multiply_into

INIT_STDDEV = 0.1  # of random vectors, times sqrt(dim)
_ROUNDS = 2  # there and back; a third is worth less than the time it takes
_BLOCK_ENTRIES, _BLOCK_ROWS = 1 << 15, 1 << 10  # at once: not to hold copies of what is large
_LENGTH = 0.75  # of the vectors, in roots of their singular values: what reaches a low loss soonest
_ROUNDING = 1e-7  # of the largest eigenvalue: directions below it are none


def start_randomly(items: FloatArray, dim: int, stddev: float, seed: int) -> None:
    """Write normal vectors of deviation stddev / sqrt(dim) to items (items, padded dim)."""
    generator = np.random.default_rng(seed)
    if items.shape[1] == dim:  # no copy of what may be most of the memory
        generator.standard_normal(dtype=np.float32, out=items)
    else:
        items[:, :dim] = generator.standard_normal((len(items), dim), np.float32)
    items *= np.float32(stddev / np.sqrt(dim))


def start_spectrally(
    by_user: Interactions,
    by_item: Interactions,
    users: FloatArray,
    items: FloatArray,
    dim: int,
    seed: int,
    threads: int,
    level: int,
) -> None:
    """Write singular vectors to items (items, padded dim), as long as .75 sqrt(value) each.

    by_user and by_item are the signed weights (users x items) and their transpose; users (users,
    padded dim) is written over and left at 0. Where the matrix has fewer directions than dim, or
    some so strong that float32 cannot tell the others, the rest is random.
    """
    # Any symmetric distribution serves; normal vectors would take as long as all that follows.
    generator = np.random.default_rng(seed)
    for first in range(0, len(items), _BLOCK_ROWS):
        block = items[first : first + _BLOCK_ROWS, :dim]
        block[:] = np.frombuffer(generator.bytes(block.size), np.int8).reshape(block.shape)
    largest, mean, mean_square = _sizes(by_user.values)
    unit = np.float32(1 / largest) if largest else np.float32(1)  # of the weights: no overflow
    for _ in range(_ROUNDS):
        multiply_into(by_user, items, users, threads=threads)
        users *= unit
        _rescale(users, -0.5, dim, threads, level)  # orthonormal
        multiply_into(by_item, users, items, threads=threads)
        items *= unit
    _rescale(items, -0.25, dim, threads, level)
    # An eigenvector's sign is rounding's; a column's largest entry above 0 is every machine's.
    lowest, highest = items.min(axis=0, initial=0), items.max(axis=0, initial=0)
    turns = np.where(-lowest > highest, np.float32(-1), np.float32(1))
    if largest:  # weights may lie far from 1, as scores do not
        turns *= np.float32(_LENGTH * np.sqrt(mean * largest / mean_square))
    items *= turns
    users[:] = 0
    filled = int(np.count_nonzero(items.any(axis=0)))  # the strongest come first
    if filled < dim:
        rest = np.random.default_rng(seed).standard_normal((len(items), dim - filled), np.float32)
        items[:, filled:dim] = rest * np.float32(INIT_STDDEV / np.sqrt(dim))


def _sizes(values: FloatArray) -> tuple[float, float, float]:
    """Return the largest, the mean and the mean square of |values|; they may be most of memory."""
    largest = total = squares = 0.0
    for first in range(0, len(values), _BLOCK_ENTRIES):
        sizes = np.abs(values[first : first + _BLOCK_ENTRIES]).astype(np.float64)
        largest = max(largest, float(sizes.max()))
        total += float(sizes.sum())
        squares += float((sizes * sizes).sum())  # by BLAS its threads would wait beside ours
    count = max(len(values), 1)
    return largest, total / count, squares / count


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
