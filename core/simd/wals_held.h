/* Passes over rows so short that four stay in registers between their dot products and their
 * update: a quarter less to load (see wals_template.h, which includes this where a level has 32
 * registers of 16 floats).
 */
#define HELD(dim) (__builtin_constant_p(dim) && ((dim) == 32 || (dim) == 64))

typedef float LEVEL_NAME(four) __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t LEVEL_NAME(fours) __attribute__((vector_size(16), aligned(4), may_alias));
#define FOUR LEVEL_NAME(four)
#define FOURS LEVEL_NAME(fours)

INLINE FOUR LEVEL_NAME(sum_four)(const VEC *v) {
    const VEC a = __builtin_shufflevector(
                      v[0], v[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                  __builtin_shufflevector(
                      v[0], v[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const VEC b = __builtin_shufflevector(
                      v[2], v[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                  __builtin_shufflevector(
                      v[2], v[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    VEC c =
        __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
        __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    c += __builtin_shufflevector(c, c, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    c += __builtin_shufflevector(c, c, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    return __builtin_shufflevector(c, c, 0, 4, 8, 12);
}

/* What pass() does of floats, for WALS_RESIDUAL and WALS_PRODUCT. */
INLINE float LEVEL_NAME(pass_held)(const int dim, const int kind, const float *fixed,
    const int32_t *columns, const float *weights, int64_t count, int64_t ahead, float w0,
    const float *x, float *out) {
    const int vectors = dim / LANES;
    FOUR sum = {0};
    VEC rows[4][4], outs[4], xs[4];
#pragma GCC unroll 4
    for (int k = 0; k < vectors; k++) outs[k] = AT(out, k), xs[k] = AT(x, k);
    for (int64_t e = 0; e < count; e += 4) {
        const int live = count - e < 4 ? (int)(count - e) : 4;
        const float *v[4];
        FOUR w = {0};
        if (ahead - e >= 4) {
#pragma GCC unroll 4
            for (int a = 0; a < 4; a++) v[a] = fixed + (size_t)columns[e + a] * dim;
            w = *(const FOUR *)(weights + e);
        } else /* the arrays end here */
            for (int a = 0; a < 4; a++) {
                v[a] = fixed + (size_t)columns[e + (a < live ? a : 0)] * dim;
                if (a < live) w[a] = weights[e + a];
            }
        if (kind == WALS_RESIDUAL && e + FAR(dim) <= ahead)
            LEVEL_NAME(fetch)(dim, 0, 4, fixed, columns + e + FAR(dim) - 4);
        VEC sums[4];
#pragma GCC unroll 4
        for (int a = 0; a < 4; a++) {
#pragma GCC unroll 4
            for (int k = 0; k < vectors; k++) {
                rows[a][k] = AT(v[a], k);
                sums[a] = k ? sums[a] + rows[a][k] * xs[k] : rows[a][k] * xs[k];
            }
        }
        const FOUR dots = LEVEL_NAME(sum_four)(sums);
        const FOURS used = (FOURS){0, 1, 2, 3} < live;
        w = (FOUR)((FOURS)w & used);
        const FOUR liked = (FOUR)((FOURS)w & (w > 0)), size = (FOUR)((FOURS)w & 0x7fffffff);
        const FOUR excess = (FOUR)((FOURS)(size - w0) & used);
        const FOUR t = kind == WALS_RESIDUAL ? liked - excess * dots : excess * dots;
        sum += kind == WALS_RESIDUAL ? liked - dots * (liked + t) : t * dots;
        float amounts[4];
        *(FOUR *)amounts = t;
        __asm__("" : "+m"(amounts));
#pragma GCC unroll 4
        for (int a = 0; a < 4; a++) {
            const VEC scale = amounts[a] - (VEC){0};
#pragma GCC unroll 4
            for (int k = 0; k < vectors; k++) outs[k] += scale * rows[a][k];
        }
    }
#pragma GCC unroll 4
    for (int k = 0; k < vectors; k++) SET(out, k) = outs[k];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

#undef FOUR
#undef FOURS
