/* WALS: one table of functions a level. See wals_template.h for what they do. */
#ifndef SHORTLIST_WALS_H
#define SHORTLIST_WALS_H

#include "simd/levels.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#endif

#define WALS(name) wals_##name##_baseline
#define WALS_BYTES 16
#include "simd/wals_template.h"
#undef WALS
#undef WALS_BYTES

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define WALS(name) wals_##name##_avx2
#define WALS_BYTES 32
#include "simd/wals_template.h"
#undef WALS
#undef WALS_BYTES
LEVEL_END

LEVEL_AVX512_BEGIN
#define WALS(name) wals_##name##_avx512
#define WALS_BYTES 64
#include "simd/wals_template.h"
#undef WALS
#undef WALS_BYTES
LEVEL_END
#endif

typedef struct {
    void (*gram)(const float *, int64_t, int, float *);
    void (*rotate)(float *, int64_t, int, const float *, float *);
    void (*solve)(int, const int64_t *, const int32_t *, const float *, const float *, const float *,
                  const float *, float, int, float, float, int64_t, int64_t, float *, float *);
    double (*observed_loss)(int, const int64_t *, const int32_t *, const float *, const float *,
                            const float *, float, int64_t, int64_t);
} WalsFunctions;

#define WALS_FUNCTIONS(level) \
    {wals_gram_##level, wals_rotate_##level, wals_solve_##level, wals_observed_loss_##level}
static const WalsFunctions wals_functions[LEVEL_COUNT] = {
    WALS_FUNCTIONS(baseline),
#if LEVELS_X86
    WALS_FUNCTIONS(avx2),
    WALS_FUNCTIONS(avx512),
    WALS_FUNCTIONS(avx512),
#else
    WALS_FUNCTIONS(baseline),
    WALS_FUNCTIONS(baseline),
    WALS_FUNCTIONS(baseline),
#endif
};
#undef WALS_FUNCTIONS

/* Solve one row exactly, in double: system holds dim x dim, side holds 2 x dim.
 * The same equations as the conjugate gradient's. Returns 0 where the system has no unique solution. */
static int wals_solve_exactly(
    int dim, const float *fixed, const int32_t *columns, const float *weights, int64_t count, float w0,
    const float *shared, float lambda, double *system, double *side, float *x) {
    double *rhs = side, *scale = side + dim;
    memset(system, 0, sizeof(double) * dim * dim);
    memset(rhs, 0, sizeof(double) * dim);
    for (int64_t e = 0; e < count; e++) {
        const float *v = fixed + (size_t)columns[e] * dim;
        const double weight = weights[e] < 0 ? -weights[e] : weights[e];
        const double excess = weight - w0;
        for (int i = 0; i < dim; i++) {
            const double scaled = excess * v[i];
            double *line = system + (size_t)i * dim;
            for (int j = 0; j <= i; j++) line[j] += scaled * v[j];
        }
        if (weights[e] > 0)
            for (int i = 0; i < dim; i++) rhs[i] += weight * v[i];
    }
    for (int i = 0; i < dim; i++) {
        system[(size_t)i * dim + i] += (double)shared[i] + lambda;
        scale[i] = system[(size_t)i * dim + i]; /* the pivots are judged against these */
    }
    for (int i = 0; i < dim; i++) {
        double *line = system + (size_t)i * dim;
        for (int j = 0; j < i; j++) {
            const double *other = system + (size_t)j * dim;
            double sum = line[j];
            for (int k = 0; k < j; k++) sum -= line[k] * other[k];
            line[j] = sum / other[j];
            rhs[i] -= line[j] * rhs[j];
        }
        double pivot = line[i];
        for (int k = 0; k < i; k++) pivot -= line[k] * line[k];
        if (!(pivot > 1e-12 * scale[i])) return 0;
        line[i] = __builtin_sqrt(pivot);
        rhs[i] /= line[i];
    }
    for (int i = dim - 1; i >= 0; i--) {
        double sum = rhs[i];
        for (int k = i + 1; k < dim; k++) sum -= system[(size_t)k * dim + i] * rhs[k];
        rhs[i] = sum / system[(size_t)i * dim + i];
    }
    for (int i = 0; i < dim; i++) x[i] = (float)rhs[i];
    return 1;
}

#endif
