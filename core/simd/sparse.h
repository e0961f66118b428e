/* A sparse matrix times a dense one: one function a level (see sparse_template.h). */
#ifndef SHORTLIST_SPARSE_H
#define SHORTLIST_SPARSE_H

#include "simd/levels.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#endif

enum { SPARSE_AHEAD = 24 }; /* entries before their time that rows are fetched */

#define LEVEL_NAME(name) sparse_##name##_baseline
#define LANES 4
#define SPARSE_TILE 4
#include "simd/sparse_template.h"
#undef LEVEL_NAME
#undef LANES

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define LEVEL_NAME(name) sparse_##name##_avx2
#define LANES 8
#include "simd/sparse_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END

LEVEL_AVX512_BEGIN
#define LEVEL_NAME(name) sparse_##name##_avx512
#define LANES 16
#include "simd/sparse_template.h"
#undef LEVEL_NAME
#undef LANES
LEVEL_END
#endif
#undef SPARSE_TILE

typedef struct {
    void (*multiply)(const int64_t *, const int32_t *, const float *, const float *, int64_t,
        int64_t, int64_t, int64_t, float *);
} SparseFunctions;

static const SparseFunctions sparse_functions[LEVEL_COUNT] = {
    {sparse_multiply_baseline},
#if LEVELS_X86
    {sparse_multiply_avx2},
    {sparse_multiply_avx512},
    {sparse_multiply_avx512},
#else
    {sparse_multiply_baseline},
    {sparse_multiply_baseline},
    {sparse_multiply_baseline},
#endif
};

#endif
