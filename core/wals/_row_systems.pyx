"""The row solves of WALS (see row_systems.py, the only importer; core/simd has the algebra)."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "simd/wals.h" nogil:
    ctypedef struct WalsRows:
        int64_t row_count
        const int64_t *row_starts
        const int32_t *columns
        const float *weights
        const float *fixed
        int halved
        const float *shared
        const float *lambdas
        const float *prior
        int64_t prior_stride
        float *solved
        int dim
        int steps
        float w0
        float tolerance
        float relaxation
        float guard
    ctypedef struct WalsFunctions:
        void (*solve)(const WalsRows *, int64_t, int64_t, float *, double *) noexcept nogil
        int64_t (*solve_exactly)(
            const WalsRows *, int64_t, int64_t, float *, double *) noexcept nogil
        double (*observed_loss)(const WalsRows *, int64_t, int64_t) noexcept nogil
    int WALS_EXACT_ROWS(int)
    const WalsFunctions wals_functions[4]


def exact_scratch_rows(int dim):
    """Return how many rows of dim floats of scratch the exact solver wants."""
    return WALS_EXACT_ROWS(dim)


def solve_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] weights,       # (entries,) w_ij; negative: the target is 0 instead of 1
    const float[:, ::1] fixed,      # (columns, dim) in coordinates where fixed'fixed is diagonal
    bint halved,                    # fixed lies in halves (core/simd/halves.h); not for steps = 0
    const float[::1] shared,        # (dim,) w0 times that diagonal
    const float[::1] lambdas,       # (rows,)
    const float[:, ::1] prior,      # (rows or 1, dim) where lambda draws them to; None: to 0
    float w0, int steps, float tolerance, float relaxation, float guard,
    const int64_t[::1] cuts,        # (chunks + 1,) chunk c holds rows cuts[c]..cuts[c + 1] - 1
    int64_t first, int64_t last,
    float[:, ::1] solved,           # (rows, dim) start of each row's solve; written
    float[:, ::1] scratch,          # (5, dim); for steps = 0 exact_scratch_rows(dim) of them
    double[:, ::1] energies,        # (chunks, 2) the objective, and lambda |x - prior|^2 in it
    int level,
):
    """Move the rows of chunks first..last-1 `relaxation` times the way conjugate gradient finds.

    steps = 0: the way to the exact minimum, by Cholesky factorisation.
    Return how many rows have no unique solution (the exact solver only; they stay as they were).
    """
    cdef WalsRows rows
    cdef int64_t chunk, unsolved = 0
    if first >= last or not columns.shape[0]:
        return 0
    rows.row_count = row_starts.shape[0] - 1
    rows.row_starts, rows.columns, rows.weights = &row_starts[0], &columns[0], &weights[0]
    rows.fixed, rows.shared, rows.lambdas = &fixed[0, 0], &shared[0], &lambdas[0]
    rows.halved = halved
    rows.prior, rows.prior_stride = NULL, 0
    if prior is not None:
        rows.prior, rows.prior_stride = &prior[0, 0], fixed.shape[1] if prior.shape[0] > 1 else 0
    rows.solved, rows.dim = &solved[0, 0], fixed.shape[1]
    rows.w0, rows.steps, rows.tolerance = w0, steps, tolerance
    rows.relaxation, rows.guard = relaxation, guard
    with nogil:
        for chunk in range(first, last):
            if steps:
                wals_functions[level].solve(
                    &rows, cuts[chunk], cuts[chunk + 1], &scratch[0, 0], &energies[chunk, 0]
                )
            else:
                unsolved += wals_functions[level].solve_exactly(
                    &rows, cuts[chunk], cuts[chunk + 1], &scratch[0, 0], &energies[chunk, 0]
                )
    return unsolved


def observed_loss(
    const int64_t[::1] row_starts,
    const int32_t[::1] columns,
    const float[::1] weights,
    const float[:, ::1] fixed,
    const float[:, ::1] solved,
    float w0,
    int64_t first, int64_t last,
    int level,
):
    """Return what the entries of rows first..last-1 add to the loss beyond w0 <u, v>^2."""
    cdef WalsRows rows
    cdef double total = 0
    if first >= last or not columns.shape[0]:
        return 0.0
    rows.row_count = row_starts.shape[0] - 1
    rows.row_starts, rows.columns, rows.weights = &row_starts[0], &columns[0], &weights[0]
    rows.fixed, rows.dim, rows.w0 = &fixed[0, 0], fixed.shape[1], w0
    rows.solved = <float *>&solved[0, 0]  # only read
    with nogil:
        total = wals_functions[level].observed_loss(&rows, first, last)
    return total
