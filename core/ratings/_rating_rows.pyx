"""Rows of ratings, in doubles (see core/ratings/rating_rows.py, the only importer)."""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t

# A pivot that elimination brought this far below its place's first value is rounding: the row's
# system has no unique solution.
cdef double PIVOT_MIN = 1e-11


cdef bint _factorize(double *system, const double *diagonal, int64_t width) noexcept nogil:
    """Turn the upper triangle of a symmetric matrix into U of U^T U; return whether that worked."""
    cdef int64_t i, j, k
    cdef double scale, factor
    cdef double *pivot_row
    cdef double *target
    for k in range(width):
        pivot_row = system + k * width
        if not pivot_row[k] > PIVOT_MIN * diagonal[k]:
            return False
        scale = 1 / sqrt(pivot_row[k])
        for j in range(k, width):
            pivot_row[j] *= scale
        for i in range(k + 1, width):
            factor = pivot_row[i]
            target = system + i * width
            for j in range(i, width):
                target[j] -= factor * pivot_row[j]
    return True


cdef void _substitute(const double *factor, double *target, int64_t width) noexcept nogil:
    """Solve U^T U x = target in place."""
    cdef int64_t j, k
    cdef double rest
    cdef const double *row
    for k in range(width):
        row = factor + k * width
        target[k] /= row[k]
        for j in range(k + 1, width):
            target[j] -= row[j] * target[k]
    for k in range(width - 1, -1, -1):
        row = factor + k * width
        rest = target[k]
        for j in range(k + 1, width):
            rest -= row[j] * target[j]
        target[k] = rest / row[k]


def solve_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] values,        # (entries,)
    const double[:, ::1] fixed,     # (columns, dim)
    const double[::1] offsets,      # (columns,)
    const double[::1] ridges,       # (rows,)
    double bias_ridge,
    bint biased,                    # one unknown more, whose feature is 1 everywhere
    int64_t first, int64_t last,    # range of rows to solve
    double[:, ::1] scratch,         # (width + 2, width), width = dim + biased
    double[:, ::1] solved,          # (rows, width) written
    uint8_t[::1] failed,            # (rows,) 1 where the system has no unique solution
):
    """Solve (sum f f^T + ridge) x = sum f (value - offset) over each row's entries."""
    cdef int64_t row, entry, a, b, dim = fixed.shape[1], width = dim + biased
    cdef double value, weight
    cdef const double *feature
    cdef double *system = &scratch[0, 0]
    cdef double *target = system + width * width
    cdef double *diagonal = target + width
    cdef double *line
    with nogil:
        for row in range(first, last):
            failed[row] = 0
            for a in range(width):
                solved[row, a] = 0
            if row_starts[row] == row_starts[row + 1]:
                continue
            for a in range(width * width + width):  # the target as well
                system[a] = 0
            for entry in range(row_starts[row], row_starts[row + 1]):
                feature = &fixed[columns[entry], 0]
                value = values[entry] - offsets[columns[entry]]
                for a in range(dim):
                    weight = feature[a]
                    line = system + a * width
                    for b in range(a, dim):
                        line[b] += weight * feature[b]
                    if biased:
                        line[dim] += weight
                    target[a] += weight * value
                if biased:
                    system[width * width - 1] += 1
                    target[dim] += value
            for a in range(width):
                system[a * width + a] += bias_ridge if biased and a == dim else ridges[row]
                diagonal[a] = system[a * width + a]
            if not _factorize(system, diagonal, width):
                failed[row] = 1
                continue
            _substitute(system, target, width)
            for a in range(width):
                solved[row, a] = target[a]


def entry_errors(
    const int64_t[::1] row_starts,   # (rows + 1,)
    const int32_t[::1] columns,      # (entries,)
    const float[::1] values,         # (entries,)
    const double[:, ::1] rows,       # (rows, dim)
    const double[::1] row_offsets,   # (rows,)
    const double[:, ::1] fixed,      # (columns, dim)
    const double[::1] offsets,       # (columns,)
    int64_t first, int64_t last,     # range of rows
    double[::1] errors,              # (entries,) written
):
    """errors = <row, column> + both offsets - value, for each entry of the rows."""
    cdef int64_t row, entry, k, dim = fixed.shape[1], even = dim - dim % 4
    cdef double s0, s1, s2, s3
    cdef const double *u
    cdef const double *v
    with nogil:
        for row in range(first, last):
            u = &rows[row, 0]
            for entry in range(row_starts[row], row_starts[row + 1]):
                v = &fixed[columns[entry], 0]
                s0 = s1 = s2 = s3 = 0
                for k in range(0, even, 4):  # four sums at a time: one would wait for itself
                    s0 += u[k] * v[k]
                    s1 += u[k + 1] * v[k + 1]
                    s2 += u[k + 2] * v[k + 2]
                    s3 += u[k + 3] * v[k + 3]
                for k in range(even, dim):
                    s0 += u[k] * v[k]
                errors[entry] = (
                    (s0 + s1) + (s2 + s3) + row_offsets[row] + offsets[columns[entry]]
                    - values[entry]
                )


def sum_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const double[::1] weights,      # (entries,)
    const double[:, ::1] fixed,     # (columns, dim)
    int64_t first, int64_t last,    # range of rows to write
    double[:, ::1] sums,            # (rows, dim) written
):
    """sums[row] = sum over the row's entries of weight * fixed[column], in column order."""
    cdef int64_t row, entry, k, dim = fixed.shape[1]
    cdef double weight
    cdef const double *source
    cdef double *target
    with nogil:
        for row in range(first, last):
            target = &sums[row, 0]
            for k in range(dim):
                target[k] = 0
            for entry in range(row_starts[row], row_starts[row + 1]):
                weight = weights[entry]
                source = &fixed[columns[entry], 0]
                for k in range(dim):
                    target[k] += weight * source[k]
