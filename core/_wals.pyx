"""The loops of WALS (see core/wals.py, the only importer; core/simd/wals_template.h has the algebra)."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "simd/wals.h" nogil:
    ctypedef struct WalsFunctions:
        void (*gram)(const float *, int64_t, int, float *) noexcept nogil
        void (*rotate)(float *, int64_t, int, const float *, float *) noexcept nogil
        void (*solve)(
            int, const int64_t *, const int32_t *, const float *, const float *, const float *,
            const float *, float, int, float, float, int64_t, int64_t, float *, float *,
        ) noexcept nogil
        double (*observed_loss)(
            int, const int64_t *, const int32_t *, const float *, const float *, const float *,
            float, int64_t, int64_t,
        ) noexcept nogil
    const WalsFunctions wals_functions[4]
    int wals_solve_exactly(
        int, const float *, const int32_t *, const float *, int64_t, float, const float *, float,
        double *, double *, float *,
    )


def gram(
    const float[:, ::1] rows,  # (rows, dim), dim a multiple of 16
    int64_t first, int64_t last,
    float[:, ::1] product,     # (dim, dim) added to
    int level,
):
    """product += rows' rows over first..last-1."""
    if first < last:
        with nogil:
            wals_functions[level].gram(&rows[first, 0], last - first, rows.shape[1], &product[0, 0])


def rotate(
    float[:, ::1] rows,         # (rows, dim) multiplied in place
    int64_t first, int64_t last,
    const float[:, ::1] basis,  # (dim, dim)
    float[::1] scratch,         # (4 * dim,)
    int level,
):
    """rows = rows @ basis over first..last-1."""
    if first < last:
        with nogil:
            wals_functions[level].rotate(
                &rows[first, 0], last - first, rows.shape[1], &basis[0, 0], &scratch[0]
            )


def solve_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] weights,       # (entries,) w_ij; negative: the target is 0 instead of 1
    const float[:, ::1] fixed,      # (columns, dim) in coordinates where fixed' fixed is diagonal
    const float[::1] shared,        # (dim,) w0 times that diagonal
    const float[::1] lambdas,       # (rows,)
    float w0, int steps, float tolerance, float relaxation,
    int64_t first, int64_t last,
    float[:, ::1] solved,           # (rows, dim) start of each row's solve; written
    float[::1] scratch,             # (5 * dim,)
    int level,
):
    """Move rows first..last-1 by `relaxation` times the step that conjugate gradient finds."""
    cdef int dim = fixed.shape[1]
    if first >= last or not columns.shape[0]:
        return
    with nogil:
        wals_functions[level].solve(
            dim, &row_starts[0], &columns[0], &weights[0], &fixed[0, 0], &shared[0], &lambdas[0],
            w0, steps, tolerance, relaxation, first, last, &solved[0, 0], &scratch[0],
        )


def solve_rows_exactly(
    const int64_t[::1] row_starts,
    const int32_t[::1] columns,
    const float[::1] weights,
    const float[:, ::1] fixed,
    const float[::1] shared,
    const float[::1] lambdas,
    float w0,
    int64_t first, int64_t last,
    float[:, ::1] solved,           # (rows, dim) written
    double[:, ::1] system,          # (dim + 2, dim) scratch
):
    """Solve rows first..last-1 by Cholesky factorisation; return how many have no unique solution."""
    cdef int dim = fixed.shape[1]
    cdef int64_t row, start, count, unsolved = 0
    if not columns.shape[0]:
        return 0
    with nogil:
        for row in range(first, last):
            start = row_starts[row]
            count = row_starts[row + 1] - start
            if count == 0:
                continue
            unsolved += 1 - wals_solve_exactly(
                dim, &fixed[0, 0], &columns[start], &weights[start], count, w0, &shared[0],
                lambdas[row], &system[2, 0], &system[0, 0], &solved[row, 0],
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
    cdef double total = 0
    if first < last and columns.shape[0]:
        with nogil:
            total = wals_functions[level].observed_loss(
                fixed.shape[1], &row_starts[0], &columns[0], &weights[0], &fixed[0, 0],
                &solved[0, 0], w0, first, last,
            )
    return total
