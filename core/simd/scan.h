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

#include "simd/scan_task.h"

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
    int64_t
        query_words; /* of a group of four dims: 1 of bytes, or 2 of 16-bit pairs (scan_int8.h) */
    void (*scan)(const ScanTask *, ScanLists *, float *);
    void (*scan_int8)(const ScanTask *, ScanLists *);
    void (*scan_int8_more)(const ScanTask *, ScanLists *);
    int64_t (*select)(float *, int32_t *, int64_t, int64_t, int64_t, float *);
    void (*score_rows)(const float *, int64_t, const float *, const int32_t *, int64_t, float *);
} ScanKernels;

#define SCAN_KERNELS(level, floats, words) \
    {floats, words, scan_##level, scan_int8_##level, scan_int8_more_##level, select_best_##level, \
        score_rows_##level}
static const ScanKernels scan_kernels[LEVEL_COUNT] = {
    SCAN_KERNELS(baseline, 16, 2),
#if LEVELS_X86
    SCAN_KERNELS(avx2, 16, 2),
    SCAN_KERNELS(avx512, 32, 2),
    SCAN_KERNELS(avx512vnni, 32, 1),
#endif
};

#include "simd/scan_finish.h"

/* Codes of one query, and -128 times their sum (scan_int8.h). Doubles, so that the largest
 * magnitude becomes 127 however small it is. */
static void quantize_query(
    int level, const float *query, int64_t dim, int64_t groups, int32_t *codes, int32_t *offset) {
    const double rounder =
        6755399441055744.0; /* 1.5 * 2^52: adding it rounds to the nearest integer */
    const int64_t words = scan_kernels[level].query_words;
    int8_t *bytes = (int8_t *)codes;
    int16_t *pairs = (int16_t *)codes;
    float largest = 0;
    int32_t sum = 0;
    for (int64_t d = 0; d < dim; d++)
        largest = fabsf(query[d]) > largest ? fabsf(query[d]) : largest;
    const double factor = largest > 0 ? 127.0 / largest : 0;
    memset(codes, 0, 4 * groups * words);
    for (int64_t d = 0; d < dim; d++) {
        const int code = (int)(query[d] * factor + rounder - rounder);
        if (words == 1)
            bytes[d] = (int8_t)code;
        else
            pairs[d / 4 * 4 + d % 2 * 2 + d / 2 % 2] = (int16_t)code;
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
