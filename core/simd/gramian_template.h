/* Products of tall factor matrices with small ones, written once; gramian.h includes this per
 * level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h), GRAM_TILE vectors a tile of the Gramian is wide and
 * ROTATE_TILE rows high: as many accumulators as the level's registers hold.
 */
#include "simd/lanes.h"
#include "simd/halves_template.h"

#define GRAM_ROWS 128 /* rows whose tile columns stay in the first-level cache */

/* gram[i..i+3][j..] += sum over `count` rows of row[i..i+3] row[j..j + width vectors]. */
INLINE void LEVEL_NAME(gram_tile)(
    const int width, const float *rows, int64_t count, int dim, int i, int j, float *gram) {
    VEC sums[4][GRAM_TILE];
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++)
#pragma GCC unroll 4
        for (int b = 0; b < width; b++) sums[a][b] = AT(gram + (size_t)(i + a) * dim + j, b);
    for (int64_t r = 0; r < count; r++) {
        const float *row = rows + r * dim;
#pragma GCC unroll 4
        for (int b = 0; b < width; b++) {
            const VEC v = AT(row + j, b);
#pragma GCC unroll 4
            for (int a = 0; a < 4; a++) sums[a][b] += row[i + a] * v;
        }
    }
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++)
#pragma GCC unroll 4
        for (int b = 0; b < width; b++) SET(gram + (size_t)(i + a) * dim + j, b) = sums[a][b];
}

/* The columns j.. of a whole tile: all rows of gram above its own, and of those little that is
 * below the diagonal. */
INLINE void LEVEL_NAME(gram_columns)(
    const float *rows, int64_t count, int dim, int j, float *gram) {
    for (int i = 0; i < j; i += 4) LEVEL_NAME(gram_tile)(GRAM_TILE, rows, count, dim, i, j, gram);
    for (int i = j; i < j + GRAM_TILE * LANES; i += 4) {
        const int from = i / 16 * 16;
        switch ((j + GRAM_TILE * LANES - from) / 16) {
#if GRAM_TILE * LANES > 16
        case 4: LEVEL_NAME(gram_tile)(4, rows, count, dim, i, from, gram); break;
        case 3: LEVEL_NAME(gram_tile)(3, rows, count, dim, i, from, gram); break;
        case 2: LEVEL_NAME(gram_tile)(2, rows, count, dim, i, from, gram); break;
#endif
        default: LEVEL_NAME(gram_tile)(16 / LANES, rows, count, dim, i, from, gram);
        }
    }
}

/* gram += rows' rows: the upper triangle, and of the lower one what its tiles touch. */
static void LEVEL_NAME(gram)(const float *rows, int64_t count, int dim, float *gram) {
    const int wide = GRAM_TILE * LANES;
    for (int64_t first = 0; first < count; first += GRAM_ROWS) {
        const int64_t high = count - first < GRAM_ROWS ? count - first : GRAM_ROWS;
        const float *block = rows + first * dim;
        int j = 0;
        for (; j + wide <= dim; j += wide) LEVEL_NAME(gram_columns)(block, high, dim, j, gram);
        for (; j < dim; j += 16)
            for (int i = 0; i < j + 16; i += 4)
                LEVEL_NAME(gram_tile)(16 / LANES, block, high, dim, i, j, gram);
    }
}

/* ROTATE_TILE rows times the columns j.. of basis: 16 or 32 of them in `width` vectors. */
INLINE void LEVEL_NAME(rotate_tile)(
    const int width, const float *rows, int dim, const float *basis, int j, int high, float *out) {
    VEC sums[ROTATE_TILE][2];
#pragma GCC unroll 8
    for (int a = 0; a < ROTATE_TILE; a++)
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) sums[a][b] = (VEC){0};
    for (int k = 0; k < dim; k++) {
        const float *line = basis + (size_t)k * dim + j;
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) {
            const VEC v = AT(line, b);
#pragma GCC unroll 8
            for (int a = 0; a < ROTATE_TILE; a++) sums[a][b] += rows[(size_t)a * dim + k] * v;
        }
    }
#pragma GCC unroll 8
    for (int a = 0; a < ROTATE_TILE; a++) {
        if (a >= high) break;
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) SET(out + (size_t)a * dim + j, b) = sums[a][b];
    }
}

/* rows <- rows basis, in place; scratch holds ROTATE_TILE x dim. */
static void LEVEL_NAME(rotate_floats)(
    float *rows, int64_t count, int dim, const float *basis, float *scratch) {
    for (int64_t r = 0; r < count; r += ROTATE_TILE) {
        const int high = count - r < ROTATE_TILE ? (int)(count - r) : ROTATE_TILE;
        float *block = rows + r * dim;
        memcpy(scratch, block, sizeof(float) * high * dim);
        memset(scratch + (size_t)high * dim, 0, sizeof(float) * (ROTATE_TILE - high) * dim);
        int j = 0;
        for (; j + 2 * LANES <= dim; j += 2 * LANES)
            LEVEL_NAME(rotate_tile)(2, scratch, dim, basis, j, high, block);
        for (; j < dim; j += LANES) LEVEL_NAME(rotate_tile)(1, scratch, dim, basis, j, high, block);
    }
}

/* The same of rows that lie in halves before (`from`), or shall afterwards (`to`). basis NULL: only
 * that changes. scratch holds ROTATE_SCRATCH_ROWS x dim, of floats before and after ROTATE_TILE x
 * dim. */
static void LEVEL_NAME(rotate)(
    float *rows, int64_t count, int dim, const float *basis, int from, int to, float *scratch) {
    for (int64_t r = 0; r < count; r += HALVES_ROWS) {
        const int64_t high = count - r < HALVES_ROWS ? count - r : HALVES_ROWS;
        if (from) LEVEL_NAME(join)(rows + r * dim, high, dim, scratch);
        if (basis) LEVEL_NAME(rotate_floats)(rows + r * dim, high, dim, basis, scratch);
        if (to) LEVEL_NAME(halve)(rows + r * dim, high, dim, scratch);
    }
}

#undef GRAM_ROWS
#include "simd/lanes_end.h"
