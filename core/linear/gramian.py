"""Gramians and rotations of tall factor matrices, the same bits at any thread count.

Own kernels rather than numpy's products: a BLAS would run its own threads inside ours, and the bits
of its sums would depend on how many.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray
from shortlist.core.linear._gramian import BLOCK_ROWS, SCRATCH_ROWS, TILE_ROWS, gram, rotate
from shortlist.core.parallel import for_each_chunk

Doubles: TypeAlias = npt.NDArray[np.float64]

LANES = 16  # kernels want rows of a multiple of this many floats
_FLOAT_ROWS = 4096  # floats add up over this many rows, doubles beyond
_PARTS_MAX, _FEW_PARTS = 16, 4  # partial Gramians held at once
_PART_ROWS_MIN = 512
_ROTATED_ROWS_MIN = 512
_CHUNKS_A_THREAD = 4


def padded(factors: FloatArray) -> FloatArray:
    """Return a copy whose rows are whole cache lines: multiples of 16 floats, zeros behind."""
    wide = padded_zeros(*factors.shape)
    wide[:, : factors.shape[1]] = factors
    return wide


def padded_zeros(row_count: int, dim: int) -> FloatArray:
    """Return zeros for rows of dim floats, padded to whole cache lines."""
    return aligned_zeros((row_count, -(-dim // LANES) * LANES))


def aligned_zeros(shape: tuple[int, int]) -> FloatArray:
    """Return zeros that start on a cache line: a row that straddles lines costs one line more."""
    size = shape[0] * shape[1]
    block = np.zeros(size + LANES, np.float32)
    start = -(block.ctypes.data // block.itemsize) % LANES
    return block[start : start + size].reshape(shape)


def aligned_scratch(threads: int, row_count: int, dim: int) -> FloatArray:
    """Return a slab (rows, padded dim) for each thread; no two write to one cache line."""
    if threads == 1:  # folding in one history is over before an address is asked for
        return np.empty((1, row_count, dim), np.float32)
    return aligned_zeros((threads * row_count, dim)).reshape(threads, row_count, dim)


def gramian(factors: FloatArray, threads: int, level: int) -> Doubles:
    """Return factors'factors of (rows, padded dim)."""
    row_count, dim = factors.shape
    # A part takes 8 dim^2 bytes: no more of them than an eighth of the rows, but for the first few.
    most = min(_PARTS_MAX, max(_FEW_PARTS, row_count // (LANES * dim)))
    step = -(-row_count // max(1, min(most, row_count // max(_PART_ROWS_MIN, 4 * dim)))) or 1
    part_count = -(-row_count // step)
    parts = np.zeros((part_count, dim, dim))

    def work(part: int, _thread: int) -> None:
        last = min((part + 1) * step, row_count)
        for first in range(part * step, last, _FLOAT_ROWS):
            product = np.zeros((dim, dim), np.float32)
            gram(factors, first, min(first + _FLOAT_ROWS, last), product, level)
            parts[part] += product

    for_each_chunk(work, part_count, threads)
    total: Doubles = parts.sum(axis=0)
    return np.triu(total) + np.triu(total, 1).T  # the kernel leaves most of the lower half out


def rotate_rows(
    factors: FloatArray,
    basis: Doubles | FloatArray | None,
    threads: int,
    level: int,
    *,
    halved: bool = False,
    halve: bool = False,
) -> None:
    """Multiply (rows, padded dim) by a square matrix (padded dim, padded dim), in place.

    `halved` rows lie in halves before (core/simd/halves.h), where `halve` afterwards; padded dim is
    then a multiple of 32. Without a basis only that changes.
    """
    row_count, dim = factors.shape
    narrow = None if basis is None else np.ascontiguousarray(basis, np.float32)
    scratch_rows = SCRATCH_ROWS if halved or halve else TILE_ROWS
    scratch = aligned_scratch(threads, scratch_rows, dim)

    # A row's bits do not depend on its chunk, so chunks may be as large as the threads allow.
    step = max(_ROTATED_ROWS_MIN, -(-row_count // (_CHUNKS_A_THREAD * threads)))
    step = -(-step // BLOCK_ROWS) * BLOCK_ROWS

    def work(chunk: int, thread: int) -> None:
        first = chunk * step
        last = min(first + step, row_count)
        rotate(factors, first, last, narrow, halved, halve, scratch[thread], level)

    for_each_chunk(work, -(-row_count // step), threads)
