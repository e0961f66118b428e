/* WALS row solves: one table of functions a level. See wals_template.h for what they do. */
#ifndef SHORTLIST_WALS_H
#define SHORTLIST_WALS_H

#include "simd/halves.h"
#include "simd/levels.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#endif

/* The rows of one side, and what their systems are made of. dim is a multiple of 16. */
typedef struct {
    int64_t row_count;
    const int64_t *row_starts; /* (rows + 1,) */
    const int32_t *columns;    /* (entries,) */
    const float *weights; /* (entries,) w; with a minus sign where the target is 0 instead of 1 */
    const float *fixed;   /* (columns, dim) */
    int halved;           /* only the upper halves of fixed are read, in blocks (halves.h) */
    const float *shared;  /* (dim,) diagonal of w0 fixed'fixed */
    const float *lambdas; /* (rows,) */
    const float *prior;   /* (rows, dim) where lambda draws each row to; NULL: to 0 */
    int64_t prior_stride; /* floats from one row's to the next; 0: all rows have the same */
    float *solved;        /* (rows, dim) read and written */
    int dim;
    int steps; /* conjugate gradient steps a row at most */
    float w0;
    float tolerance;
    float relaxation;
    float guard; /* added to the preconditioner's diagonal, to keep it off 0 */
} WalsRows;

/* What a pass over a row's entries is for. */
enum { WALS_RESIDUAL, WALS_PRODUCT, WALS_CURVATURE };

/* Scratch rows of dim floats, with room for a dim x dim system in double. */
#define WALS_EXACT_ROWS(dim) (2 * (dim) + 48)

/* The way to the minimum in double, for systems that floats lose: memory is dim x dim + 2 dim
 * doubles. Returns 0 where the row has no unique solution. */
static int wals_way_in_double(
    const WalsRows *rows, int64_t row, const float *x, float *d, float *scratch) {
    const int dim = rows->dim;
    double *side = (double *)(((uintptr_t)scratch + 7) & ~(uintptr_t)7);
    double *rhs = side, *scale = side + dim, *system = side + 2 * dim;
    memset(system, 0, sizeof(double) * dim * dim);
    memset(rhs, 0, sizeof(double) * dim);
    for (int64_t e = rows->row_starts[row]; e < rows->row_starts[row + 1]; e++) {
        const float *v = rows->fixed + (size_t)rows->columns[e] * dim;
        const double weight = __builtin_fabs(rows->weights[e]), excess = weight - rows->w0;
        for (int i = 0; i < dim; i++) {
            const double scaled = excess * v[i];
            double *line = system + (size_t)i * dim;
            for (int j = 0; j <= i; j++) line[j] += scaled * v[j];
        }
        if (rows->weights[e] > 0)
            for (int i = 0; i < dim; i++) rhs[i] += weight * v[i];
    }
    for (int i = 0; i < dim && rows->prior; i++)
        rhs[i] += (double)rows->lambdas[row] * rows->prior[row * rows->prior_stride + i];
    for (int i = 0; i < dim; i++) {
        system[(size_t)i * dim + i] += (double)rows->shared[i] + rows->lambdas[row];
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
    for (int i = 0; i < dim; i++) d[i] = (float)(rhs[i] - x[i]);
    return 1;
}

#define LEVEL_NAME(name) wals_##name##_baseline
#define LANES 4
#include "simd/wals_template.h"
#undef LEVEL_NAME
#undef LANES

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define LEVEL_NAME(name) wals_##name##_avx2
#define LANES 8
#include "simd/wals_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END

LEVEL_AVX512_BEGIN
#define LEVEL_NAME(name) wals_##name##_avx512
#define LANES 16
#include "simd/wals_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END
#endif

typedef struct {
    void (*solve)(const WalsRows *, int64_t, int64_t, float *, double *);
    int64_t (*solve_exactly)(const WalsRows *, int64_t, int64_t, float *, double *);
    double (*observed_loss)(const WalsRows *, int64_t, int64_t);
} WalsFunctions;

#define WALS_FUNCTIONS(level) \
    {wals_solve_##level, wals_solve_exactly_##level, wals_observed_loss_##level}
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

#endif
