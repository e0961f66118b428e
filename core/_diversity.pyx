"""Walk down a ranking, at most so many rows a value (see core/diversity.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t


def admit(
    const int64_t[::1] starts,  # (all rows + 1,) where each row's codes start
    const int32_t[::1] codes,   # values of the rows, none twice in a row
    const int32_t[::1] ranked,  # (rows,) best first
    int64_t most,               # rows a value
    int64_t wanted,
    int64_t[::1] admitted,      # (values,) zeros; how many rows of each value were taken
    int64_t[::1] kept,          # (at least wanted,) places in `ranked`, written
):
    """Take rows in order until `wanted` are kept; return how many were."""
    cdef int64_t count = 0
    cdef int64_t place, entry
    cdef int32_t row
    cdef bint free
    with nogil:
        for place in range(ranked.shape[0]):
            if count == wanted:
                break
            row = ranked[place]
            free = True
            for entry in range(starts[row], starts[row + 1]):
                if admitted[codes[entry]] >= most:
                    free = False
                    break
            if not free:
                continue
            for entry in range(starts[row], starts[row + 1]):
                admitted[codes[entry]] += 1
            kept[count] = place
            count += 1
    return count
