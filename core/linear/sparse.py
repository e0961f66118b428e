"""Products of a sparse matrix with a dense one."""

import numpy as np

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.errors import DataInvalid
from shortlist.core.linear._sparse import multiply_rows
from shortlist.core.parallel import for_each_chunk, resolve_threads

_CHUNK_ROWS = 1024


def multiply(matrix: Interactions, dense: FloatArray, *, threads: int = 0) -> FloatArray:
    """Return matrix (rows, columns) times dense (columns, width) -> (rows, width) float32.

    Raises DataInvalid when the shapes do not fit.
    """
    if dense.ndim != 2 or len(dense) != matrix.column_count:
        raise DataInvalid(f"dense has shape {dense.shape}, not ({matrix.column_count}, width)")
    dense = np.ascontiguousarray(dense, np.float32)
    product = np.empty((matrix.row_count, dense.shape[1]), np.float32)
    multiply_into(matrix, dense, product, threads=threads)
    return product


def multiply_into(
    matrix: Interactions, dense: FloatArray, product: FloatArray, *, threads: int = 0
) -> None:
    """Write matrix (rows, columns) times dense (columns, width) to product (rows, width)."""
    level = simd_level()

    def work(chunk: int, _thread: int) -> None:
        first = chunk * _CHUNK_ROWS
        last = min(first + _CHUNK_ROWS, matrix.row_count)
        multiply_rows(
            matrix.row_starts, matrix.columns, matrix.values, dense, first, last, product, level
        )

    for_each_chunk(work, -(-matrix.row_count // _CHUNK_ROWS), resolve_threads(threads))
