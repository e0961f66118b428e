"""Sparse times dense (see sparse.py, the only importer; core/simd/sparse_template.h)."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "simd/sparse.h" nogil:
    ctypedef struct SparseFunctions:
        void (*multiply)(
            const int64_t *, const int32_t *, const float *, const float *,
            int64_t, int64_t, int64_t, int64_t, float *) noexcept nogil
    const SparseFunctions sparse_functions[4]


def multiply_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] values,        # (entries,)
    const float[:, ::1] dense,      # (columns, width)
    int64_t first, int64_t last,    # range of rows to write
    float[:, ::1] product,          # (rows, width) written
    int level,
):
    """product[i] = sum over the row's entries of value * dense[column]."""
    if first >= last or not dense.shape[1]:
        return
    if not columns.shape[0]:
        product[first:last] = 0
        return
    with nogil:
        sparse_functions[level].multiply(
            &row_starts[0], &columns[0], &values[0], &dense[0, 0], dense.shape[1],
            first, last, row_starts.shape[0] - 1, &product[0, 0],
        )
