/* Gramians and rotations of factor matrices: one table of functions a level (see
 * gramian_template.h). */
#ifndef SHORTLIST_GRAMIAN_H
#define SHORTLIST_GRAMIAN_H

#include "simd/halves.h"
#include "simd/levels.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#endif

/* Rows of scratch that rotate wants, at any level, of floats and of rows in halves. */
enum { ROTATE_TILE_ROWS = 8, ROTATE_SCRATCH_ROWS = HALVES_ROWS / 2 };

#define LEVEL_NAME(name) gramian_##name##_baseline
#define LANES 4
#define GRAM_TILE 4
#define ROTATE_TILE 4
#include "simd/gramian_template.h"
#undef LEVEL_NAME
#undef LANES
#undef GRAM_TILE
#undef ROTATE_TILE

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define LEVEL_NAME(name) gramian_##name##_avx2
#define LANES 8
#define GRAM_TILE 2
#define ROTATE_TILE 4
#include "simd/gramian_template.h"
#undef LEVEL_NAME
#undef LANES
#undef GRAM_TILE
#undef ROTATE_TILE
LEVEL_END

LEVEL_AVX512_BEGIN
#define LEVEL_NAME(name) gramian_##name##_avx512
#define LANES 16
#define GRAM_TILE 4
#define ROTATE_TILE 8
#include "simd/gramian_template.h"
#undef LEVEL_NAME
#undef LANES
#undef GRAM_TILE
#undef ROTATE_TILE
LEVEL_END
#endif

typedef struct {
    void (*gram)(const float *, int64_t, int, float *);
    void (*rotate)(float *, int64_t, int, const float *, int, int, float *);
} GramianFunctions;

static const GramianFunctions gramian_functions[LEVEL_COUNT] = {
    {gramian_gram_baseline, gramian_rotate_baseline},
#if LEVELS_X86
    {gramian_gram_avx2, gramian_rotate_avx2},
    {gramian_gram_avx512, gramian_rotate_avx512},
    {gramian_gram_avx512, gramian_rotate_avx512},
#else
    {gramian_gram_baseline, gramian_rotate_baseline},
    {gramian_gram_baseline, gramian_rotate_baseline},
    {gramian_gram_baseline, gramian_rotate_baseline},
#endif
};

#endif
