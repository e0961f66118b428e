"""Kernel of core/inverted_file.py: search of the chosen lists (core/simd/scan_lists.h)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "simd/scan_lists.h" nogil:
    ctypedef struct ScanTask:
        const float *items
        int64_t dim
        const int32_t *rows
        const float *queries
        int64_t query_count
        int64_t stride
        const int64_t *excluded_starts
        const int32_t *excluded_rows
        const uint64_t *allowed
        int unordered
        const uint8_t *codes
        const float *scales
        const int32_t *query_codes
        const int32_t *query_offsets
        int64_t groups

    ctypedef struct ScanLists:
        int64_t keep
        int64_t capacity
        int64_t *counts
        int64_t *cursors
        float *thresholds
        float *scores
        int32_t *rows

    ctypedef struct InvertedLists:
        const float *bounds
        int64_t list_count
        int64_t stride
        const int64_t *spans

    void quantize_query(int, const float *, int64_t, int64_t, int32_t *, int32_t *) noexcept
    int64_t search_lists(int, const InvertedLists *, ScanTask *, ScanLists *, ScanLists *, uint64_t *, int64_t *) noexcept


def search(
    int level,
    const float[:, ::1] bounds,          # (lists, stride)
    const int64_t[:, ::1] spans,         # (lists, 2) first position, one behind the last
    const int32_t[::1] rows,             # (positions,)
    const uint8_t[:, :, ::1] codes,      # (positions / 16, groups, 64)
    const float[::1] scales,             # (positions,)
    const float[:, ::1] items,           # (n, dim)
    const float[:, ::1] queries,         # (q, stride) the query, its length, zeros
    const uint64_t[::1] allowed,         # (ceil(n / 64),) rows that may enter, or None: all
    const int64_t[::1] excluded_starts,  # (q + 1,) or None
    const int32_t[::1] excluded_rows,    # rows that never enter, ascending a query, or None
    int64_t probes,                      # lists to scan, at most all
    int64_t keep,                        # entries to score again
    int64_t[::1] counts,                 # (q,) written here
    float[:, ::1] top_scores,            # (q, k) written here, best first; k at most keep
    int32_t[:, ::1] top_rows,            # (q, k) written here
    int64_t[::1] scored,                 # (q,) written here: items looked at
    int32_t[::1] query_codes,            # (groups * query_words,) scratch
    float[::1] list_scores,              # (capacity,) scratch, of lists and then of items
    int32_t[::1] list_rows,              # (capacity,) scratch
    int32_t[::1] near_rows,              # (capacity,) scratch
    uint64_t[::1] spare,                 # (2 * capacity,) scratch
):
    """Write the k best rows that the most promising lists hold of each query."""
    cdef InvertedLists file
    cdef ScanTask task
    cdef ScanLists near, best
    cdef int64_t q, found, near_count, best_count, near_cursor, best_cursor
    cdef float near_threshold, best_threshold
    cdef int32_t offset
    memset(&task, 0, sizeof(task))
    file.bounds, file.list_count, file.stride = &bounds[0, 0], bounds.shape[0], bounds.shape[1]
    file.spans = &spans[0, 0]
    task.items, task.dim, task.rows = &items[0, 0], items.shape[1], &rows[0]
    task.query_count, task.stride, task.unordered = 1, queries.shape[1], 1
    task.codes, task.scales, task.groups = &codes[0, 0, 0], &scales[0], codes.shape[1]
    task.query_codes, task.query_offsets = &query_codes[0], &offset
    if allowed is not None:
        task.allowed = &allowed[0]
    near.keep, near.capacity = probes, list_rows.shape[0]
    near.counts, near.cursors, near.thresholds = &near_count, &near_cursor, &near_threshold
    near.scores, near.rows = &list_scores[0], &near_rows[0]
    best.keep, best.capacity = keep, list_rows.shape[0]
    best.counts, best.cursors, best.thresholds = &best_count, &best_cursor, &best_threshold
    best.scores, best.rows = &list_scores[0], &list_rows[0]
    with nogil:
        for q in range(queries.shape[0]):
            task.queries = &queries[q, 0]
            quantize_query(level, task.queries, task.dim, task.groups, &query_codes[0], &offset)
            if excluded_starts is not None:
                task.excluded_starts = &excluded_starts[q]
                task.excluded_rows = &excluded_rows[0]
            found = search_lists(level, &file, &task, &near, &best, &spare[0], &scored[q])
            found = min(found, top_rows.shape[1])
            memcpy(&top_scores[q, 0], &list_scores[0], found * sizeof(float))
            memcpy(&top_rows[q, 0], &list_rows[0], found * sizeof(int32_t))
            counts[q] = found
