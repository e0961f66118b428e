"""Rows most similar to rows (see core/counts/neighbours.py, the only importer).

    similarity(i, j) = sum_u weights[i, u] * weights[j, u]

A sparse product row by row: for row i, add up w_iu * (row u of the turned matrix), then keep the
largest. Each row is summed by one thread in a fixed order.
"""

from libc.stdint cimport int32_t, int64_t


cdef inline bint worse(float score, int32_t row, float other_score, int32_t other) noexcept nogil:
    """Order of the heap: lower score, and of equal scores the later row."""
    return score < other_score or (score == other_score and row > other)


cdef void sift_down(float *scores, int32_t *rows, int64_t at, int64_t count) noexcept nogil:
    """Move the entry at `at` to where the worst of its heap stays on top."""
    cdef float score = scores[at]
    cdef int32_t row = rows[at]
    cdef int64_t child
    while 2 * at + 1 < count:
        child = 2 * at + 1
        if child + 1 < count and worse(
            scores[child + 1], rows[child + 1], scores[child], rows[child]
        ):
            child += 1
        if not worse(scores[child], rows[child], score, row):
            break
        scores[at] = scores[child]
        rows[at] = rows[child]
        at = child
    scores[at] = score
    rows[at] = row


cdef int64_t keep_best(
    const double *totals, const int32_t *touched, int64_t touched_count, int64_t itself,
    int64_t count_max, float *scores, int32_t *rows,
) noexcept nogil:
    """Write the best of the touched rows, best first; return how many."""
    cdef int64_t i, start, kept = 0
    cdef float score
    cdef int32_t row
    for i in range(touched_count):
        row = touched[i]
        score = <float>totals[row]
        if row == itself or not score > 0:
            continue
        if kept < count_max:
            scores[kept] = score
            rows[kept] = row
            kept += 1
            if kept == count_max:
                for start in range(kept // 2, -1, -1):
                    sift_down(scores, rows, start, kept)
        elif worse(scores[0], rows[0], score, row):
            scores[0] = score
            rows[0] = row
            sift_down(scores, rows, 0, kept)
    if kept < count_max:
        for start in range(kept // 2, -1, -1):
            sift_down(scores, rows, start, kept)
    for i in range(kept - 1, 0, -1):  # the worst of the rest goes behind them
        score = scores[0]
        row = rows[0]
        scores[0] = scores[i]
        rows[0] = rows[i]
        scores[i] = score
        rows[i] = row
        sift_down(scores, rows, 0, i)
    return kept


def nearest_rows(
    const int64_t[::1] row_starts, const int32_t[::1] columns, const float[::1] weights,
    const int64_t[::1] turned_starts, const int32_t[::1] turned_columns,
    const float[::1] turned_weights,
    int64_t first, int64_t last,  # range of rows to work on
    double[::1] totals,           # (rows,) scratch
    int32_t[::1] touched,         # (rows,) scratch
    int32_t[::1] summed_for,      # (rows,) scratch: the last row each was summed for, first -1
    float[:, ::1] scores,         # (rows, count_max) written
    int32_t[:, ::1] nearest,      # (rows, count_max) written
    int64_t[::1] counts,          # (rows,) written: how many of them count
):
    """Write the most similar other rows of rows first..last-1, best first, ties by row."""
    cdef int64_t i, entry, other, touched_count
    cdef int32_t column, row
    cdef double weight
    with nogil:
        for i in range(first, last):
            touched_count = 0
            for entry in range(row_starts[i], row_starts[i + 1]):
                column = columns[entry]
                weight = weights[entry]
                for other in range(turned_starts[column], turned_starts[column + 1]):
                    row = turned_columns[other]
                    if summed_for[row] != i:
                        summed_for[row] = <int32_t>i
                        totals[row] = 0
                        touched[touched_count] = row
                        touched_count += 1
                    totals[row] += weight * turned_weights[other]
            counts[i] = keep_best(&totals[0], &touched[0], touched_count, i, scores.shape[1],
                                  &scores[i, 0], &nearest[i, 0])
