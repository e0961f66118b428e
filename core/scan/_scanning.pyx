"""Kernels of core/scan/scanning.py: exact scan, selection, gathered scores (core/simd/scan.h)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from shortlist.core.simd.scan cimport (
    ScanLists,
    ScanTask,
    first_beyond,
    quantize_query,
    scan_finish,
    scan_kernels,
)


def panel_floats(int level):
    """Return how many floats of panel scratch `scan` needs per padded dim."""
    return scan_kernels[level].panel_floats_per_dim


def first_value_beyond(const float[::1] values, float limit):
    """Return the index of the first value that is NaN or beyond +-limit, or -1."""
    cdef int64_t place
    with nogil:
        place = first_beyond(&values[0], values.shape[0], limit) if values.shape[0] else -1
    return place


def query_words(int level):
    """Return how many words hold a query's codes of a group of four dims."""
    return scan_kernels[level].query_words


def quantize_queries(
    int level,
    const float[:, ::1] queries,  # (q, stride)
    int64_t dim,
    int32_t[:, ::1] codes,        # (q, groups * query_words) written here
    int32_t[::1] offsets,         # (q,) written here: -128 times the sum of a query's codes
):
    """Round each query to int8, its largest magnitude to 127."""
    cdef int64_t q, groups = (dim + 3) / 4
    with nogil:
        for q in range(queries.shape[0]):
            quantize_query(level, &queries[q, 0], dim, groups, &codes[q, 0], &offsets[q])


def scan(
    int level,
    const float[:, ::1] items,           # (n, dim)
    const float[:, ::1] queries,         # (q, stride) zeros beyond dim; stride a multiple of 8
    const int32_t[::1] rows,             # (m,) ascending rows to score, or None: all
    float[::1] panel,                    # (panel_floats * stride,) scratch
    const uint64_t[::1] eligible,        # (ceil(n / 64),) positions that may enter, or None: all
    const int64_t[::1] excluded_starts,  # (q + 1,) or None
    const int32_t[::1] excluded_rows,    # rows that never enter, ascending a query, or None
    int64_t start,                       # positions start..stop-1; start a multiple of 64
    int64_t stop,
    int64_t keep,                        # entries wanted
    int64_t[::1] counts,                 # (q,) length of each list, written here
    float[:, ::1] list_scores,           # (q, capacity) written here
    int32_t[:, ::1] list_rows,           # (q, capacity) written here, ascending
    int64_t[::1] cursors,                # (q,) scratch
    float[::1] thresholds,               # (q,) scratch
):
    """Leave in each list at least the `keep` best of the positions, and few others."""
    cdef ScanLists lists = lists_of(keep, counts, list_scores, list_rows, cursors, thresholds)
    cdef ScanTask task = task_of(eligible, excluded_starts, excluded_rows, start, stop)
    task.items = &items[0, 0]
    task.dim = items.shape[1]
    task.queries = &queries[0, 0]
    task.query_count = queries.shape[0]
    task.stride = queries.shape[1]
    if rows is not None:
        task.rows = &rows[0]
    with nogil:
        scan_kernels[level].scan(&task, &lists, &panel[0])


def scan_int8(
    int level,
    const uint8_t[:, :, ::1] codes,      # (blocks, groups, 64) items, a multiple of four blocks
    const float[::1] scales,             # (16 * blocks,)
    const int32_t[:, ::1] query_codes,   # (q, groups * query_words)
    const int32_t[::1] query_offsets,    # (q,)
    const uint64_t[::1] eligible,        # as in scan
    const int64_t[::1] excluded_starts,
    const int32_t[::1] excluded_rows,
    int64_t start,
    int64_t stop,
    int64_t keep,
    int64_t[::1] counts,
    float[:, ::1] list_scores,           # estimates, without the query's scale
    int32_t[:, ::1] list_rows,
    int64_t[::1] cursors,
    float[::1] thresholds,
):
    """Do what `scan` does with estimated scores."""
    cdef ScanLists lists = lists_of(keep, counts, list_scores, list_rows, cursors, thresholds)
    cdef ScanTask task = task_of(eligible, excluded_starts, excluded_rows, start, stop)
    task.codes = &codes[0, 0, 0]
    task.scales = &scales[0]
    task.groups = codes.shape[1]
    task.query_count = query_codes.shape[0]
    task.query_codes = &query_codes[0, 0]
    task.query_offsets = &query_offsets[0]
    with nogil:
        scan_kernels[level].scan_int8(&task, &lists)


def finish(
    int level,
    const float[:, ::1] items,             # (n, dim) to score estimated lists again, or None
    const float[:, ::1] queries,           # (q, stride), or None
    float margin,                          # estimates err by at most this times the worst seen
    int64_t keep,                          # how many to score again
    const int64_t[:, ::1] counts,          # (parts, q)
    const float[:, :, ::1] list_scores,    # (parts, q, capacity)
    const int32_t[:, :, ::1] list_rows,    # (parts, q, capacity); part p's rows before part p+1's
    int64_t[::1] top_counts,               # (q,) written here
    float[:, ::1] top_scores,              # (q, k) written here, best first
    int32_t[:, ::1] top_rows,              # (q, k) written here
    float[::1] merged_scores,              # (parts * capacity,) scratch
    int32_t[::1] merged_rows,              # (parts * capacity,) scratch
    uint64_t[::1] spare,                   # (2 * parts * capacity,) scratch
    uint8_t[::1] doubtful,                 # (q,) written: 1 where estimates may hide a result
):
    """Merge the lists of every part and write the k best of each query, equal scores by row."""
    cdef int64_t q, k = top_rows.shape[1], count
    cdef ScanTask task
    cdef const ScanTask *rescore = NULL
    if items is not None:
        task.items = &items[0, 0]
        task.dim = items.shape[1]
        task.queries = &queries[0, 0]
        task.stride = queries.shape[1]
        rescore = &task
    with nogil:
        for q in range(top_rows.shape[0]):
            count = scan_finish(
                level, rescore, margin, keep,
                &list_scores[0, 0, 0], &list_rows[0, 0, 0], &counts[0, 0],
                counts.shape[0], counts.shape[1], list_rows.shape[2], q, k,
                &merged_scores[0], &merged_rows[0], &spare[0], &doubtful[q],
            )
            memcpy(&top_scores[q, 0], &merged_scores[0], count * sizeof(float))
            memcpy(&top_rows[q, 0], &merged_rows[0], count * sizeof(int32_t))
            top_counts[q] = count


def score_rows(
    int level,
    const float[:, ::1] items,  # (n, dim)
    const float[::1] query,     # (stride,) zeros beyond dim; stride a multiple of 8
    const int32_t[::1] rows,    # (m,)
    float[::1] scores,          # (m,) written here
):
    """Score the named rows with one query, with the arithmetic of `scan`."""
    if rows.shape[0] == 0:
        return
    with nogil:
        scan_kernels[level].score_rows(
            &items[0, 0], items.shape[1], &query[0], &rows[0], rows.shape[0], &scores[0]
        )


cdef ScanTask task_of(
    const uint64_t[::1] eligible,
    const int64_t[::1] excluded_starts,
    const int32_t[::1] excluded_rows,
    int64_t start,
    int64_t stop,
) noexcept:
    cdef ScanTask task
    memset(&task, 0, sizeof(task))
    task.start = start
    task.stop = stop
    if eligible is not None:
        task.eligible = &eligible[0]
    if excluded_starts is not None:
        task.excluded_starts = &excluded_starts[0]
        task.excluded_rows = &excluded_rows[0]
    return task


cdef ScanLists lists_of(
    int64_t keep,
    int64_t[::1] counts,
    float[:, ::1] list_scores,
    int32_t[:, ::1] list_rows,
    int64_t[::1] cursors,
    float[::1] thresholds,
) noexcept:
    cdef ScanLists lists
    lists.keep = keep
    lists.capacity = list_scores.shape[1]
    lists.counts = &counts[0]
    lists.cursors = &cursors[0]
    lists.thresholds = &thresholds[0]
    lists.scores = &list_scores[0, 0]
    lists.rows = &list_rows[0, 0]
    return lists
