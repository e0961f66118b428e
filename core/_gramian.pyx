"""Gramians and rotations of factor matrices (see core/gramian.py, the only importer)."""

from libc.stdint cimport int64_t

cdef extern from "simd/gramian.h" nogil:
    int ROTATE_ROWS_MAX
    ctypedef struct GramianFunctions:
        void (*gram)(const float *, int64_t, int, float *) noexcept nogil
        void (*rotate)(float *, int64_t, int, const float *, float *) noexcept nogil
    const GramianFunctions gramian_functions[4]


ROTATE_ROWS = ROTATE_ROWS_MAX  # rows of scratch that rotate() wants


def gram(
    const float[:, ::1] rows,  # (rows, dim), dim a multiple of 16
    int64_t first, int64_t last,
    float[:, ::1] product,     # (dim, dim) added to; of the lower triangle only parts
    int level,
):
    """product += rows' rows over first..last-1."""
    if first < last:
        with nogil:
            gramian_functions[level].gram(
                &rows[first, 0], last - first, rows.shape[1], &product[0, 0]
            )


def rotate(
    float[:, ::1] rows,         # (rows, dim) multiplied in place, dim a multiple of 16
    int64_t first, int64_t last,
    const float[:, ::1] basis,  # (dim, dim)
    float[:, ::1] scratch,      # (ROTATE_ROWS, dim)
    int level,
):
    """rows = rows @ basis over first..last-1."""
    if first < last:
        with nogil:
            gramian_functions[level].rotate(
                &rows[first, 0], last - first, rows.shape[1], &basis[0, 0], &scratch[0, 0]
            )
