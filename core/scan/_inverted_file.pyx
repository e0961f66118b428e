"""Kernel of core/scan/inverted_file.py: search of the chosen lists (core/simd/scan_lists.h)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from shortlist.core.simd.scan cimport ScanLists, ScanTask, scan_kernels

cdef extern from "simd/scan_lists.h" nogil:
    ctypedef struct InvertedLists:
        const uint8_t *codes
        const float *scales
        int64_t groups
        int64_t list_count
        const int64_t *spans

    void extend_query(const float *, int64_t, int64_t, float, float *) noexcept
    int64_t search_lists(
        int,
        const InvertedLists *,
        ScanTask *,
        int32_t *,
        ScanLists *,
        ScanLists *,
        uint64_t *,
        int64_t *,
    ) noexcept


def scratch_words(int level, int64_t capacity, int64_t dim):
    """Return how much scratch `search` needs, in words of eight bytes."""
    cdef int64_t query = (dim + 4) / 4 * scan_kernels[level].query_words
    return 2 * capacity + (3 * capacity + dim + 8 + query + 1) / 2


def search(
    int level,
    const uint8_t[:, :, ::1] bounds,     # (blocks, groups, 64) codes of (list_count, dim + 1)
    const float[::1] bound_scales,       # (16 * blocks,)
    float length_share,                  # of the query's length, which meets a bound's last value
    const int64_t[:, ::1] spans,         # (lists, 2) first position, one behind the last
    const int32_t[::1] rows,             # (positions,)
    const uint8_t[:, :, ::1] codes,      # (positions / 16, groups, 64)
    const float[::1] scales,             # (positions,)
    const float[:, ::1] items,           # (n, dim)
    const float[:, ::1] queries,         # (q, dim)
    const uint64_t[::1] allowed,         # (ceil(n / 64),) rows that may enter, or None: all
    const int64_t[::1] excluded_starts,  # (q + 1,) or None
    const int32_t[::1] excluded_rows,    # rows that never enter, ascending a query, or None
    int64_t probes,                      # lists to scan, at most all
    int64_t keep,                        # entries to score again
    int64_t[::1] counts,                 # (q,) written here
    float[:, ::1] top_scores,            # (q, k) written here, best first; k at most keep
    int32_t[:, ::1] top_rows,            # (q, k) written here
    int64_t[::1] scored,                 # (q,) written here: items looked at
    int64_t capacity,                    # of a list: keep or probes, and room (scanning.py)
    uint64_t[::1] scratch,               # (scratch_words,)
):
    """Write the k best rows that the most promising lists hold of each query."""
    cdef InvertedLists file
    cdef ScanTask task
    cdef ScanLists near, best
    cdef int64_t q, count, near_count, best_count, near_cursor, best_cursor
    cdef float near_threshold, best_threshold
    cdef int64_t dim = items.shape[1], stride = dim + 8 - dim % 8
    cdef uint64_t *spare = &scratch[0]  # (2 * capacity,)
    cdef float *list_scores = <float *>(spare + 2 * capacity)  # of lists and then of items
    cdef int32_t *list_rows = <int32_t *>(list_scores + capacity)
    cdef int32_t *near_rows = list_rows + capacity
    cdef float *extended = <float *>(near_rows + capacity)  # (stride,)
    cdef int32_t *query_codes = <int32_t *>(extended + stride)
    memset(&task, 0, sizeof(task))
    file.codes, file.scales, file.groups = &bounds[0, 0, 0], &bound_scales[0], bounds.shape[1]
    file.list_count, file.spans = spans.shape[0], &spans[0, 0]
    task.items, task.dim, task.rows = &items[0, 0], dim, &rows[0]
    task.query_count, task.queries, task.stride, task.unordered = 1, extended, stride, 1
    task.codes, task.scales, task.groups = &codes[0, 0, 0], &scales[0], codes.shape[1]
    if allowed is not None:
        task.allowed = &allowed[0]
    near.keep, near.capacity = probes, capacity
    near.counts, near.cursors, near.thresholds = &near_count, &near_cursor, &near_threshold
    near.scores, near.rows = list_scores, near_rows
    best.keep, best.capacity = keep, capacity
    best.counts, best.cursors, best.thresholds = &best_count, &best_cursor, &best_threshold
    best.scores, best.rows = list_scores, list_rows
    with nogil:
        for q in range(queries.shape[0]):
            extend_query(&queries[q, 0], dim, stride, length_share, extended)
            if excluded_starts is not None:
                task.excluded_starts = &excluded_starts[q]
                task.excluded_rows = &excluded_rows[0]
            count = search_lists(level, &file, &task, query_codes, &near, &best, spare, &scored[q])
            count = min(count, top_rows.shape[1])
            memcpy(&top_scores[q, 0], list_scores, count * sizeof(float))
            memcpy(&top_rows[q, 0], list_rows, count * sizeof(int32_t))
            counts[q] = count
