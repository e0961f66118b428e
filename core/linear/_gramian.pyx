"""Gramians and rotations of factor matrices (see core/linear/gramian.py, the only importer)."""

from libc.stdint cimport int64_t

cdef extern from "simd/gramian.h" nogil:
    int ROTATE_SCRATCH_ROWS, ROTATE_TILE_ROWS, HALVES_ROWS
    ctypedef struct GramianFunctions:
        void (*gram)(const float *, int64_t, int, float *) noexcept nogil
        void (*rotate)(float *, int64_t, int, const float *, int, int, float *) noexcept nogil
    const GramianFunctions gramian_functions[4]


TILE_ROWS = ROTATE_TILE_ROWS  # of scratch that rotate() wants
SCRATCH_ROWS = ROTATE_SCRATCH_ROWS  # the same where rows lie in halves
BLOCK_ROWS = HALVES_ROWS  # `first` of rotate() is a multiple of it, where rows lie in halves


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
    const float[:, ::1] basis,  # (dim, dim); None: the rows stay what they are
    bint halved, bint halve,    # whether rows lie in halves before and after (core/simd/halves.h)
    float[:, ::1] scratch,      # (TILE_ROWS, dim), or (SCRATCH_ROWS, dim)
    int level,
):
    """rows = rows @ basis over first..last-1."""
    cdef const float *matrix = NULL
    if first < last:
        if basis is not None:
            matrix = &basis[0, 0]
        with nogil:
            gramian_functions[level].rotate(
                &rows[first, 0], last - first, rows.shape[1], matrix, halved, halve, &scratch[0, 0]
            )
