/* What a scan is asked for, the lists it fills, and what every level of scan.h reads of them. */
#ifndef SHORTLIST_SCAN_TASK_H
#define SHORTLIST_SCAN_TASK_H

#include <math.h>
#include "simd/levels.h"
#if LEVELS_X86
#include <immintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* 32-byte vectors at the baseline never cross a file */
#endif

#define SCAN_INLINE static inline __attribute__((always_inline))
#define SCAN_LANES_MAX 16
#define SCAN_AHEAD \
    32 /* positions between the tile that is prefetched and the one that is scored \
        */
#define SCAN_AHEAD_BYTES 4096 /* the same for the codes of the int8 scan; both measured */

/* What to score: positions start..stop-1, which are rows of `items`, or entries of `rows`. */
typedef struct {
    const float *items;
    int64_t dim;
    const int32_t *rows;         /* NULL: position p is row p */
    const uint64_t *eligible;    /* NULL: all; else bit p says whether position p may be returned */
    int64_t start, stop;         /* start is a multiple of 64 */
    const float *queries;        /* (query_count, stride), zeros beyond dim */
    int64_t query_count, stride; /* stride: dim rounded up to a multiple of 8 */
    const int64_t
        *excluded_starts; /* NULL: nothing excluded; else rows of query q that never enter */
    const int32_t *excluded_rows; /* ascending within a query */
    const uint64_t *allowed;      /* NULL: all; else bit r says whether row r may be returned */
    int unordered;                /* rows do not come ascending (scan_lists.h) */
    /* The int8 scan only (scan_int8.h): */
    const uint8_t *codes;         /* items in blocks, a multiple of 64 items */
    const float *scales;          /* of each item */
    const int32_t *query_codes;   /* (query_count, groups * ScanKernels.query_words) */
    const int32_t *query_offsets; /* (query_count,) */
    int64_t groups;               /* of four dims */
} ScanTask;

/* The lists of the best so far, one of `capacity` entries a query, ascending rows. */
typedef struct {
    int64_t keep,
        capacity; /* capacity >= keep + SCAN_LANES_MAX, plus as many entries of slack behind */
    int64_t *counts;
    int64_t *cursors; /* next excluded row of each query */
    float *thresholds;
    float *scores;
    int32_t *rows;
} ScanLists;

/* Monotone integer image of a float, for bisection and sorting. */
SCAN_INLINE int32_t float_key(float value) {
    int32_t bits;
    memcpy(&bits, &value, 4);
    return bits ^ ((bits >> 31) & 0x7fffffff);
}
SCAN_INLINE float key_float(int32_t key) {
    float value;
    key ^= (key >> 31) & 0x7fffffff;
    memcpy(&value, &key, 4);
    return value;
}

/* Say whether a row is excluded from query q. Where rows come ascending a cursor follows them. */
SCAN_INLINE int scan_excluded(const ScanTask *task, ScanLists *lists, int64_t q, int32_t row) {
    const int64_t end = task->excluded_starts[q + 1];
    int64_t at = lists->cursors[q];
    if (task->unordered) {
        int64_t stop = end;
        while (at < stop) {
            const int64_t middle = at + (stop - at) / 2;
            if (task->excluded_rows[middle] < row)
                at = middle + 1;
            else
                stop = middle;
        }
        return at < end && task->excluded_rows[at] == row;
    }
    while (at < end && task->excluded_rows[at] < row) at++;
    lists->cursors[q] = at;
    return at < end && task->excluded_rows[at] == row;
}

SCAN_INLINE uint64_t scan_lane_mask(int64_t count) {
    return count >= 64 ? ~0ull : (1ull << count) - 1;
}

/* Bits of eligible positions position..position+lanes-1, within one word of the bitmap. */
SCAN_INLINE uint64_t scan_eligible(const ScanTask *task, int64_t position, int64_t lanes) {
    const int64_t left = task->stop - position;
    uint64_t bits = scan_lane_mask(left < lanes ? left : lanes);
    if (task->eligible) bits &= task->eligible[position >> 6] >> (position & 63);
    return bits;
}

SCAN_INLINE void scan_begin(const ScanTask *task, ScanLists *lists) {
    for (int64_t q = 0; q < task->query_count; q++) {
        lists->counts[q] = 0;
        lists->cursors[q] = task->excluded_starts ? task->excluded_starts[q] : 0;
        lists->thresholds[q] = -INFINITY;
    }
}

#endif
