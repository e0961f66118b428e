/* Sums of weighted rows, written once; sparse.h includes this per level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h; rows of any length here), and SPARSE_TILE vectors of
 * sums that the level's registers hold twice.
 */
#include "simd/lanes.h"

/* out[0 .. width vectors) = sum of value * row over the entries: even and odd ones apart, added at
 * the end. */
INLINE void LEVEL_NAME(tile)(const int width, const float *dense, int64_t length,
    const int32_t *columns, const float *values, int64_t count, int64_t ahead, float *out) {
    VEC even[SPARSE_TILE], odd[SPARSE_TILE];
#pragma GCC unroll 8
    for (int k = 0; k < width; k++) even[k] = odd[k] = (VEC){0};
    int64_t e = 0;
    for (; e + 2 <= count; e += 2) {
        for (int64_t next = e + SPARSE_AHEAD; next < e + SPARSE_AHEAD + 2 && next < ahead; next++) {
            const char *far = (const char *)(dense + columns[next] * length);
            for (int byte = 0; byte < width * LANES * 4; byte += 64) __builtin_prefetch(far + byte);
        }
        const float *a = dense + columns[e] * length, *b = dense + columns[e + 1] * length;
        const VEC va = values[e] - (VEC){0}, vb = values[e + 1] - (VEC){0};
#pragma GCC unroll 8
        for (int k = 0; k < width; k++) {
            even[k] += va * AT(a, k);
            odd[k] += vb * AT(b, k);
        }
    }
    if (e < count) {
        const float *a = dense + columns[e] * length;
        const VEC va = values[e] - (VEC){0};
#pragma GCC unroll 8
        for (int k = 0; k < width; k++) even[k] += va * AT(a, k);
    }
#pragma GCC unroll 8
    for (int k = 0; k < width; k++) SET(out, k) = even[k] + odd[k];
}

/* product = sum over a row's entries of value * dense[column], for rows first .. last - 1. */
static void LEVEL_NAME(multiply)(const int64_t *row_starts, const int32_t *columns,
    const float *values, const float *dense, int64_t length, int64_t first, int64_t last,
    int64_t row_count, float *product) {
    const int64_t entries = row_starts[row_count];
    for (int64_t row = first; row < last; row++) {
        const int64_t start = row_starts[row], count = row_starts[row + 1] - start,
                      ahead = entries - start;
        const int32_t *near = columns + start;
        const float *weights = values + start;
        float *out = product + row * length;
        int64_t k = 0;
        for (; k + SPARSE_TILE * LANES <= length; k += SPARSE_TILE * LANES)
            LEVEL_NAME(tile)(SPARSE_TILE, dense + k, length, near, weights, count, ahead, out + k);
        for (; k + LANES <= length; k += LANES)
            LEVEL_NAME(tile)(1, dense + k, length, near, weights, count, ahead, out + k);
        for (; k < length; k++) {
            float sum = 0;
            for (int64_t e = 0; e < count; e++) sum += weights[e] * dense[near[e] * length + k];
            out[k] = sum;
        }
    }
}

#include "simd/lanes_end.h"
