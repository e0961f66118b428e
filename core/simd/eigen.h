/* Eigenvectors of a symmetric matrix: one function a level (see eigen_template.h). */
#ifndef SHORTLIST_EIGEN_H
#define SHORTLIST_EIGEN_H

#include "simd/levels.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#endif

enum {
    EIGEN_SWEEPS = 32,
    EIGEN_SCRATCH = 2 + 2 * EIGEN_SWEEPS + 32
}; /* rows of n doubles that eigen wants */

#define LEVEL_NAME(name) eigen_##name##_baseline
#define LANES 4
#include "simd/eigen_template.h"
#undef LEVEL_NAME
#undef LANES

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define LEVEL_NAME(name) eigen_##name##_avx2
#define LANES 8
#include "simd/eigen_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END

LEVEL_AVX512_BEGIN
#define LEVEL_NAME(name) eigen_##name##_avx512
#define LANES 16
#include "simd/eigen_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END
#endif

typedef int (*EigenFunction)(int, double *, double *, double *, double *);

static const EigenFunction eigen_functions[LEVEL_COUNT] = {
    eigen_eigen_baseline,
#if LEVELS_X86
    eigen_eigen_avx2,
    eigen_eigen_avx512,
    eigen_eigen_avx512,
#else
    eigen_eigen_baseline,
    eigen_eigen_baseline,
    eigen_eigen_baseline,
#endif
};

#endif
