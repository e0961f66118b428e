"""Sparse times dense (see core/sparse.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t


def multiply_rows(
    const int64_t[::1] row_starts,  # (rows + 1,)
    const int32_t[::1] columns,     # (entries,)
    const float[::1] values,        # (entries,)
    const float[:, ::1] dense,      # (columns, width)
    int64_t first, int64_t last,    # range of rows to write
    float[:, ::1] product,          # (rows, width) written
):
    """product[i] = sum over the row's entries of value * dense[column], in column order."""
    cdef int64_t row, entry, k, width = dense.shape[1]
    cdef float value
    cdef const float *source
    cdef float *target
    with nogil:
        for row in range(first, last):
            target = &product[row, 0]
            for k in range(width):
                target[k] = 0
            for entry in range(row_starts[row], row_starts[row + 1]):
                value = values[entry]
                source = &dense[columns[entry], 0]
                for k in range(width):
                    target[k] += value * source[k]
