/* Approximate search of an inverted file: choose lists, scan their int8 blocks, score the best
 * again.
 *
 * Items lie list after list, each list from a block's first position on
 * (core/scan/inverted_file.py). A list's bound is a vector whose inner product with the query says
 * how good its best items can be.
 */
#ifndef SHORTLIST_SCAN_LISTS_H
#define SHORTLIST_SCAN_LISTS_H

#include "simd/scan.h"

#define LISTS_HEAD_BYTES 4096 /* of the next list to ask for before this one is scanned */

typedef struct {
    const uint8_t *codes; /* of the bounds, in blocks (scan_int8.h) */
    const float *scales;
    int64_t groups;
    int64_t list_count;
    const int64_t
        *spans; /* (list_count, 2) first position, a multiple of 16, and one behind the last */
} InvertedLists;

/* Write (query, a share of its length, zeros up to `stride`): its inner product with a bound is
 * what the list is worth. Scoring items reads no further than their dim, so it never touches a
 * score. */
static void extend_query(
    const float *query, int64_t dim, int64_t stride, float length_share, float *extended) {
    double squares = 0;
    for (int64_t d = 0; d < dim; d++) squares += (double)query[d] * query[d];
    memcpy(extended, query, sizeof(float) * dim);
    memset(extended + dim, 0, sizeof(float) * (stride - dim));
    extended[dim] = length_share * (float)sqrt(squares);
}

/* Leave the `near->keep` lists of largest bound in `near`, best first; return how many. */
static int64_t choose_lists(int level, const InvertedLists *file, const ScanTask *items,
    int32_t *codes, ScanLists *near, uint64_t *spare) {
    const ScanKernels *kernels = &scan_kernels[level];
    int32_t offset;
    const ScanTask task = {.codes = file->codes,
        .scales = file->scales,
        .groups = file->groups,
        .stop = file->list_count,
        .query_count = 1,
        .query_codes = codes,
        .query_offsets = &offset};
    float threshold;
    quantize_query(level, items->queries, items->dim + 1, file->groups, codes, &offset);
    kernels->scan_int8(&task, near);
    int64_t count = near->counts[0];
    if (count > near->keep)
        count = kernels->select(near->scores, near->rows, count, near->keep, 0, &threshold);
    sort_best_first(near->scores, near->rows, count, 0, spare);
    return count;
}

/* Answer the one query of `task`: the best of the chosen lists stay in `best`, sorted, equal scores
 * by row. Returns how many there are, at most best->keep; *scored becomes how many were looked at.
 * codes is scratch for the query's codes, with and without its length. */
static int64_t search_lists(int level, const InvertedLists *file, ScanTask *task, int32_t *codes,
    ScanLists *near, ScanLists *best, uint64_t *spare, int64_t *scored) {
    const ScanKernels *kernels = &scan_kernels[level];
    const int64_t chosen = choose_lists(level, file, task, codes, near, spare);
    int32_t offset;
    quantize_query(level, task->queries, task->dim, task->groups, codes, &offset);
    task->query_codes = codes;
    task->query_offsets = &offset;
    float threshold;
    *scored = 0;
    scan_begin(task, best);
    for (int64_t i = 0; i < chosen; i++) {
        const int32_t list = near->rows[i];
        if (i + 1 < chosen) {
            const uint8_t *next =
                task->codes + file->spans[2 * near->rows[i + 1]] * task->groups * 4;
            for (int64_t byte = 0; byte < LISTS_HEAD_BYTES; byte += 64)
                __builtin_prefetch(next + byte);
        }
        task->start = file->spans[2 * list];
        task->stop = file->spans[2 * list + 1];
        *scored += task->stop - task->start;
        kernels->scan_int8_more(task, best);
    }
    int64_t count = best->counts[0];
    if (count > best->keep)
        count = kernels->select(best->scores, best->rows, count, best->keep, 0, &threshold);
    kernels->score_rows(task->items, task->dim, task->queries, best->rows, count, best->scores);
    sort_best_first(best->scores, best->rows, count, 1, spare);
    return count;
}

#endif
