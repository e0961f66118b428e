/* Exact scan: inner products of queries with every item, and the k best of each query.
 *
 * THE SUM. Every path (one query, batch, gathered rows, masked) adds in one order, so that a score
 * has the same bits whichever path computed it:
 *     p_l   = products of dims l, l+8, l+16, ... added in ascending order to 0, for l = 0..7
 *     score = ((((((p_0 + p_1) + p_2) + p_3) + p_4) + p_5) + p_6) + p_7
 * with fused multiply-add at the AVX2 level and above (so these agree with one another as well) and
 * with separate roundings at the baseline.
 *
 * SELECTION. A score enters its query's list when it is above the query's threshold; a full list is
 * cut back to about k by bisection on the threshold, which then rises. Lists stay in ascending row
 * order, so a later row that equals the k-th best loses: ties go to the smaller row.
 */
#ifndef SHORTLIST_SCAN_H
#define SHORTLIST_SCAN_H

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
#define SCAN_AHEAD 32 /* positions between the tile that is prefetched and the one that is scored */
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
    const int64_t *excluded_starts; /* NULL: nothing excluded; else rows of query q that never enter */
    const int32_t *excluded_rows;   /* ascending within a query */
    const uint64_t *allowed; /* NULL: all; else bit r says whether row r may be returned */
    int unordered;           /* rows do not come ascending (scan_lists.h) */
    /* The int8 scan only (scan_int8.h): */
    const uint8_t *codes;         /* items in blocks, a multiple of 64 items */
    const float *scales;          /* of each item */
    const int32_t *query_codes;   /* (query_count, groups * ScanKernels.query_words) */
    const int32_t *query_offsets; /* (query_count,) */
    int64_t groups;               /* of four dims */
} ScanTask;

/* The lists of the best so far, one of `capacity` entries a query, ascending rows. */
typedef struct {
    int64_t keep, capacity; /* capacity >= keep + SCAN_LANES_MAX, plus as many entries of slack behind */
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
            if (task->excluded_rows[middle] < row) at = middle + 1;
            else stop = middle;
        }
        return at < end && task->excluded_rows[at] == row;
    }
    while (at < end && task->excluded_rows[at] < row) at++;
    lists->cursors[q] = at;
    return at < end && task->excluded_rows[at] == row;
}

SCAN_INLINE uint64_t scan_lane_mask(int64_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

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

#define SCAN_JOIN_(a, b) a##_##b
#define SCAN_JOIN(a, b) SCAN_JOIN_(a, b)
#define NAME(stem) SCAN_JOIN(stem, LEVEL)

/* ---- baseline: four lanes of portable vectors, half a group */
#define LEVEL baseline
#define LANES 4
#define PANELS 4
#define QUERIES_WIDE 2
#define PANELS8 4
#define PANELS8_LONE 4
#define QUERIES_WIDE8 2
#define FMA(a, b, c) ((a) * (b) + (c))
#include "simd/scan_level.h"

#if LEVELS_X86
/* ---- AVX2: eight lanes, one group */
LEVEL_AVX2_BEGIN
#define SCAN_AVX2
#define LEVEL avx2
#define LANES 8
#define PANELS 2
#define QUERIES_WIDE 4
#define PANELS8 2
#define PANELS8_LONE 2
#define QUERIES_WIDE8 4
#define FMA(a, b, c) ((NAME(vf))_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#include "simd/scan_level.h"
#undef SCAN_AVX2
LEVEL_END

/* ---- AVX-512: sixteen lanes, a group of two rows */
LEVEL_AVX512_BEGIN
#define SCAN_AVX512
#define LEVEL avx512
#define LANES 16
#define PANELS 2
#define QUERIES_WIDE 8
#define PANELS8 4
#define PANELS8_LONE 1
#define QUERIES_WIDE8 4
#define FMA(a, b, c) ((NAME(vf))_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "simd/scan_level.h"
LEVEL_END

/* ---- AVX-512 with int8 dot products */
LEVEL_AVX512VNNI_BEGIN
#define SCAN_VNNI
#define LEVEL avx512vnni
#define LANES 16
#define PANELS 2
#define QUERIES_WIDE 8
#define PANELS8 4
#define PANELS8_LONE 1
#define QUERIES_WIDE8 6
#define FMA(a, b, c) ((NAME(vf))_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "simd/scan_level.h"
#undef SCAN_VNNI
#undef SCAN_AVX512
LEVEL_END
#endif

typedef struct {
    int64_t panel_floats_per_dim; /* scratch of `scan`: this times the query stride */
    int64_t query_words;          /* of a group of four dims: 1 of bytes, or 2 of 16-bit pairs (scan_int8.h) */
    void (*scan)(const ScanTask *, ScanLists *, float *);
    void (*scan_int8)(const ScanTask *, ScanLists *);
    void (*scan_int8_more)(const ScanTask *, ScanLists *);
    int64_t (*select)(float *, int32_t *, int64_t, int64_t, int64_t, float *);
    void (*score_rows)(const float *, int64_t, const float *, const int32_t *, int64_t, float *);
} ScanKernels;

#define SCAN_KERNELS(level, floats, words) {floats, words, scan_##level, scan_int8_##level, scan_int8_more_##level, select_best_##level, score_rows_##level}
static const ScanKernels scan_kernels[LEVEL_COUNT] = {
    SCAN_KERNELS(baseline, 16, 2),
#if LEVELS_X86
    SCAN_KERNELS(avx2, 16, 2),
    SCAN_KERNELS(avx512, 32, 2),
    SCAN_KERNELS(avx512vnni, 32, 1),
#endif
};

/* Sort entries by score, best first, equal scores in the order given or by row: stable byte passes. */
static void sort_best_first(float *scores, int32_t *rows, int64_t count, int ties_by_row, uint64_t *spare /* (2 * count,) */) {
    const int first_pass = ties_by_row ? 0 : 4;
    uint32_t starts[8][256];
    uint64_t *from = spare, *to = spare + count;
    memset(starts, 0, sizeof starts);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t key = ~((uint32_t)float_key(scores[i] + 0.0f) ^ 0x80000000u); /* + 0: -0 ties with 0 */
        from[i] = (uint64_t)key << 32 | (uint32_t)rows[i];
        for (int pass = first_pass; pass < 8; pass++) starts[pass][from[i] >> (8 * pass) & 255]++;
    }
    for (int pass = first_pass; pass < 8; pass++) {
        uint32_t sum = 0;
        for (int b = 0; b < 256; b++) {
            const uint32_t here = starts[pass][b];
            starts[pass][b] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) to[starts[pass][from[i] >> (8 * pass) & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    for (int64_t i = 0; i < count; i++) {
        scores[i] = key_float((int32_t)(~(uint32_t)(from[i] >> 32) ^ 0x80000000u));
        rows[i] = (int32_t)(uint32_t)from[i];
    }
}

/* What an entry that was left out may score at most: no more was estimated than the least of those kept,
 * and an estimate is taken to be wrong by no more than `margin` times the worst of theirs. */
static float most_left_out(const float *query, int64_t dim, const float *estimates, const float *scores, int64_t count, float margin) {
    float largest = 0, least = estimates[0], error = 0;
    for (int64_t d = 0; d < dim; d++) largest = fabsf(query[d]) > largest ? fabsf(query[d]) : largest;
    const float scale = largest / 127; /* of the query, which estimates lack */
    for (int64_t i = 0; i < count; i++) {
        const float wrong = fabsf(scores[i] - estimates[i] * scale);
        least = estimates[i] < least ? estimates[i] : least;
        error = wrong > error ? wrong : error;
    }
    return least * scale + margin * error;
}

/* Gather the lists of query q from every part (rows of part p before those of p + 1) and leave the
 * k best, sorted; scores and rows have room for all parts' lists. With `rescore` the lists hold
 * estimates: the `keep` > k best are scored in float32 first, and *doubtful says whether one that was
 * left out may score as much as the last of the k (most_left_out). */
static int64_t scan_finish(int level, const ScanTask *rescore, float margin, int64_t keep, const float *list_scores,
                           const int32_t *list_rows, const int64_t *counts, int64_t part_count, int64_t query_count,
                           int64_t capacity, int64_t q, int64_t k, float *scores, int32_t *rows, uint64_t *spare,
                           uint8_t *doubtful) {
    const ScanKernels *kernels = &scan_kernels[level];
    int64_t count = 0;
    float threshold, left_out = 0;
    int chosen = 0; /* by estimates */
    for (int64_t p = 0; p < part_count; p++) {
        const int64_t list = p * query_count + q;
        memcpy(scores + count, list_scores + list * capacity, sizeof(float) * counts[list]);
        memcpy(rows + count, list_rows + list * capacity, sizeof(int32_t) * counts[list]);
        count += counts[list];
    }
    if (rescore) {
        const float *query = rescore->queries + q * rescore->stride;
        float *estimates = (float *)spare;
        if (count > keep) count = kernels->select(scores, rows, count, keep, 0, &threshold);
        memcpy(estimates, scores, sizeof(float) * count);
        kernels->score_rows(rescore->items, rescore->dim, query, rows, count, scores);
        chosen = count >= keep;
        if (chosen) left_out = most_left_out(query, rescore->dim, estimates, scores, count, margin);
    }
    if (count > k) count = kernels->select(scores, rows, count, k, 0, &threshold);
    sort_best_first(scores, rows, count, 0, spare);
    *doubtful = chosen && scores[count - 1] <= left_out;
    return count;
}

/* Codes of one query, and -128 times their sum (scan_int8.h). Doubles, so that the largest
 * magnitude becomes 127 however small it is. */
static void quantize_query(int level, const float *query, int64_t dim, int64_t groups, int32_t *codes, int32_t *offset) {
    const double rounder = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to the nearest integer */
    const int64_t words = scan_kernels[level].query_words;
    int8_t *bytes = (int8_t *)codes;
    int16_t *pairs = (int16_t *)codes;
    float largest = 0;
    int32_t sum = 0;
    for (int64_t d = 0; d < dim; d++) largest = fabsf(query[d]) > largest ? fabsf(query[d]) : largest;
    const double factor = largest > 0 ? 127.0 / largest : 0;
    memset(codes, 0, 4 * groups * words);
    for (int64_t d = 0; d < dim; d++) {
        const int code = (int)(query[d] * factor + rounder - rounder);
        if (words == 1) bytes[d] = (int8_t)code;
        else pairs[d / 4 * 4 + d % 2 * 2 + d / 2 % 2] = (int16_t)code;
        sum += code;
    }
    *offset = -128 * sum;
}

/* Index of the first value that is NaN or beyond +-limit, or -1. */
static int64_t first_beyond(const float *values, int64_t count, float limit) {
    for (int64_t start = 0; start < count; start += 1024) {
        const int64_t stop = start + 1024 < count ? start + 1024 : count;
        int bad = 0;
        for (int64_t i = start; i < stop; i++) bad |= !(fabsf(values[i]) <= limit);
        for (int64_t i = start; bad && i < stop; i++)
            if (!(fabsf(values[i]) <= limit)) return i;
    }
    return -1;
}

#endif
