/* Approximate search of an inverted file: choose lists, scan their int8 blocks, score the best again.
 *
 * Items lie list after list, each list from a block's first position on (core/inverted_file.py). A
 * list's bound is a vector whose inner product with the query says how good its best items can be.
 */
#ifndef SHORTLIST_SCAN_LISTS_H
#define SHORTLIST_SCAN_LISTS_H

#include "simd/scan.h"

#define LISTS_HEAD_BYTES 4096 /* of the next list to ask for before this one is scanned */

typedef struct {
    const float *bounds;   /* (list_count, stride) */
    int64_t list_count;
    int64_t stride;        /* of bounds and queries, a multiple of 8 */
    const int64_t *spans;  /* (list_count, 2) first position, a multiple of 16, and one behind the last */
} InvertedLists;

/* Write (query, its length, zeros): its inner product with a bound is what the list is worth.
 * Scoring items reads no further than their dim, so the length never touches an item's score. */
static void extend_query(const float *query, int64_t dim, int64_t stride, float *extended) {
    double squares = 0;
    for (int64_t d = 0; d < dim; d++) squares += (double)query[d] * query[d];
    memcpy(extended, query, sizeof(float) * dim);
    memset(extended + dim, 0, sizeof(float) * (stride - dim));
    extended[dim] = (float)sqrt(squares);
}

/* Leave the `near->keep` lists of largest bound in `near`, best first; return how many. */
static int64_t choose_lists(const ScanKernels *kernels, const InvertedLists *file, const float *query,
                            ScanLists *near, uint64_t *spare) {
    const ScanTask task = {.items = file->bounds, .dim = file->stride, .stop = file->list_count,
                           .queries = query, .query_count = 1, .stride = file->stride};
    float threshold;
    kernels->scan(&task, near, NULL); /* the panel is for four queries and more */
    int64_t count = near->counts[0];
    if (count > near->keep) count = kernels->select(near->scores, near->rows, count, near->keep, 0, &threshold);
    sort_best_first(near->scores, near->rows, count, 0, spare);
    return count;
}

/* Answer the one query of `task`: the best of the chosen lists stay in `best`, sorted, equal scores
 * by row. Returns how many there are, at most best->keep; *scored becomes how many were looked at. */
static int64_t search_lists(int level, const InvertedLists *file, ScanTask *task, ScanLists *near,
                            ScanLists *best, uint64_t *spare, int64_t *scored) {
    const ScanKernels *kernels = &scan_kernels[level];
    const int64_t chosen = choose_lists(kernels, file, task->queries, near, spare);
    float threshold;
    *scored = 0;
    scan_begin(task, best);
    for (int64_t i = 0; i < chosen; i++) {
        const int32_t list = near->rows[i];
        if (i + 1 < chosen) {
            const uint8_t *next = task->codes + file->spans[2 * near->rows[i + 1]] * task->groups * 4;
            for (int64_t byte = 0; byte < LISTS_HEAD_BYTES; byte += 64) __builtin_prefetch(next + byte);
        }
        task->start = file->spans[2 * list];
        task->stop = file->spans[2 * list + 1];
        *scored += task->stop - task->start;
        kernels->scan_int8_more(task, best);
    }
    int64_t count = best->counts[0];
    if (count > best->keep) count = kernels->select(best->scores, best->rows, count, best->keep, 0, &threshold);
    kernels->score_rows(task->items, task->dim, task->queries, best->rows, count, best->scores);
    sort_best_first(best->scores, best->rows, count, 1, spare);
    return count;
}

#endif
