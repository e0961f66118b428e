"""Eigenvectors of small symmetric matrices (see core/linear/eigen.py, the only importer)."""

cdef extern from "simd/eigen.h" nogil:
    int EIGEN_SCRATCH
    ctypedef int (*EigenFunction)(int, double *, double *, double *, double *) noexcept nogil
    const EigenFunction eigen_functions[4]


SCRATCH_ROWS = EIGEN_SCRATCH  # rows of scratch that diagonalise() wants


def diagonalise(
    double[:, ::1] symmetric,  # (n, n), n a multiple of 16; used up
    double[::1] values,        # (n,) written, in no order
    double[:, ::1] vectors,    # (n, n) written: row i belongs to values[i]
    double[:, ::1] scratch,    # (SCRATCH_ROWS, n)
    int level,
):
    """Return whether it converged."""
    cdef int converged = 1
    if symmetric.shape[0]:
        with nogil:
            converged = eigen_functions[level](
                symmetric.shape[0], &symmetric[0, 0], &values[0], &vectors[0, 0], &scratch[0, 0]
            )
    return bool(converged)
