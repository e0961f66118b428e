/* One pass over the entries of a row: dot products with each gathered row, and its share of the
 * update; part of wals_template.h, which has the algebra.
 */

#include "simd/wals_gather.h"

/* Up to eight entries, `live` of them real: t_e = w_e a_e - excess_e <v_e, x> of the residual
 * (WALS_RESIDUAL), excess_e <v_e, x> of a product with A (WALS_PRODUCT); then out += sum_e t_e v_e.
 * Each gathered row comes once from far away for its dot product and again from the first-level
 * cache for the update. `sum` gains what the entries add to the objective at x, or to x'A x
 * (WALS_CURVATURE, which has no use for the product itself). */
INLINE void LEVEL_NAME(entries)(const int dim, const int halved, const int width, const int kind,
    const float *const *v, const float *weights, int live, float w0, const float *x, float *out,
    EIGHT *sum) {
    const int vectors = dim / LANES;
    VEC sums[8];
#pragma GCC unroll 8
    for (int a = 0; a < 8; a++) sums[a] = (VEC){0};
    for (int k = 0; k < vectors && !halved; k++) {
        const VEC xk = AT(x, k);
#pragma GCC unroll 8
        for (int a = 0; a < width; a++) sums[a] += AT(v[a], k) * xk;
    }
    for (int k = 0; k < vectors / 2 && halved; k++) {
        const VEC even = AT(x, 2 * k), odd = AT(x, 2 * k + 1);
#pragma GCC unroll 8
        for (int a = 0; a < width; a++) {
            sums[a] += EVEN_HALVES(v[a], k) * even;
            sums[a] += ODD_HALVES(v[a], k) * odd;
        }
    }
    const EIGHT dots = LEVEL_NAME(sum_eight)(sums);
    const MASK used = (MASK){0, 1, 2, 3, 4, 5, 6, 7} < live;
    const EIGHT w = (EIGHT)(*(const MASK *)weights & used);
    const EIGHT liked = (EIGHT)((MASK)w & (w > 0)); /* w a */
    const EIGHT size = (EIGHT)((MASK)w & 0x7fffffff);
    const EIGHT excess = (EIGHT)((MASK)(size - w0) & used);
    EIGHT t;
    if (kind == WALS_RESIDUAL) {
        t = liked - excess * dots;
        *sum += liked - dots * (liked + t); /* w (a - s)^2 - w0 s^2 */
    } else {
        t = excess * dots;
        *sum += t * dots;
    }
    if (kind == WALS_CURVATURE) return;
    float amounts[8];
    *(EIGHT *)amounts = t;
    __asm__(""
        : "+m"(amounts)); /* a number from memory costs less to spread than one of a vector */
    VEC scale[8];
#pragma GCC unroll 8
    for (int a = 0; a < width; a++) scale[a] = amounts[a] - (VEC){0};
    for (int k = 0; k < vectors && !halved; k++) {
        VEC even = AT(out, k), odd = scale[1] * AT(v[1], k);
#pragma GCC unroll 4
        for (int a = 0; a < width; a += 2) even += scale[a] * AT(v[a], k);
#pragma GCC unroll 4
        for (int a = 3; a < width; a += 2) odd += scale[a] * AT(v[a], k);
        SET(out, k) = even + odd;
    }
    for (int k = 0; k < vectors / 2 && halved; k++) {
        VEC even = AT(out, 2 * k), odd = AT(out, 2 * k + 1);
#pragma GCC unroll 8
        for (int a = 0; a < width; a++) {
            even += scale[a] * EVEN_HALVES(v[a], k);
            odd += scale[a] * ODD_HALVES(v[a], k);
        }
        SET(out, 2 * k) = even;
        SET(out, 2 * k + 1) = odd;
    }
}

#if LANES == 16
#include "simd/wals_held.h"
#endif

/* All entries of a row; returns their sum (see above). `ahead` is how many entries the arrays hold
 * from `columns` on: those of the next rows are read along with the last of this one, and fetched
 * before their time. */
INLINE float LEVEL_NAME(pass)(const int dim, const int halved, const int kind, const float *fixed,
    const int32_t *columns, const float *weights, int64_t count, int64_t ahead, float w0,
    const float *x, float *out) {
#if LANES == 16
    if (HELD(dim) && kind != WALS_CURVATURE)
        return LEVEL_NAME(pass_held)(dim, kind, fixed, columns, weights, count, ahead, w0, x, out);
#endif
    const int length = halved ? dim / 2 : dim; /* of what is read of a row, in floats */
    EIGHT sum = {0};
    const float *v[8];
    int32_t last_columns[8];
    float last_weights[8];
    for (int64_t e = 0; e < count; e += 8) {
        const int live = count - e < 8 ? (int)(count - e) : 8;
        const int32_t *near = columns + e;
        const float *w = weights + e;
        if (ahead - e < 8) { /* the arrays end here */
            for (int a = 0; a < 8; a++) {
                last_columns[a] = near[a < live ? a : 0];
                last_weights[a] = a < live ? w[a] : 0;
            }
            near = last_columns, w = last_weights;
        }
        for (int a = 0; a < 8; a++) v[a] = LEVEL_NAME(gathered)(dim, halved, fixed, near[a]);
        if (kind == WALS_RESIDUAL && e + FAR(length) <= ahead)
            LEVEL_NAME(fetch)(dim, halved, 8, fixed, near + FAR(length) - 8);
        if (live > 4)
            LEVEL_NAME(entries)(dim, halved, 8, kind, v, w, live, w0, x, out, &sum);
        else
            LEVEL_NAME(entries)(dim, halved, 4, kind, v, w, live, w0, x, out, &sum);
    }
    float total = 0;
    for (int a = 0; a < 8; a++) total += sum[a];
    return total;
}
