"""Sums over the features of rows, in double (see core/wals/feature_prior.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t


def add_outer_products(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,) ascending inside a row
    const float[::1] values,        # (entries,)
    const double[::1] weights,      # (rows,)
    double[:, ::1] total,           # (columns, columns) its upper triangle is added to
):
    """total += sum over the rows of weight x x'."""
    cdef int64_t row, a, b, start, stop
    cdef double scaled
    with nogil:
        for row in range(weights.shape[0]):
            start, stop = row_starts[row], row_starts[row + 1]
            for a in range(start, stop):
                scaled = weights[row] * values[a]
                for b in range(a, stop):
                    total[columns[a], columns[b]] += scaled * values[b]


def add_weighted_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] values,        # (entries,)
    const double[::1] weights,      # (columns,)
    const float[:, ::1] dense,      # (columns, width)
    int64_t first, int64_t last,    # range of rows to add to
    double[:, ::1] sums,            # (rows, width) added to
):
    """sums[i] += sum over the row's entries of value * weight[column] * dense[column]."""
    cdef int64_t row, entry, k, width = dense.shape[1]
    cdef double scaled
    cdef const float *source
    cdef double *target
    with nogil:
        for row in range(first, last):
            target = &sums[row, 0]
            for entry in range(row_starts[row], row_starts[row + 1]):
                scaled = values[entry] * weights[columns[entry]]
                source = &dense[columns[entry], 0]
                for k in range(width):
                    target[k] += scaled * source[k]
