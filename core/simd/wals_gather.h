/* Where the rows of the side held still lie, and when they are fetched; wals_template.h includes
 * this once a level. */

/* What is gathered of a row of the fixed side: its floats, or their upper halves
 * (core/simd/halves.h). */
INLINE const float *LEVEL_NAME(gathered)(
    const int dim, const int halved, const float *fixed, size_t row) {
    return fixed + row * dim - (halved ? row % HALVES_ROWS * (dim / 2) : 0);
}

/* Fetch the rows of `count` entries. */
INLINE void LEVEL_NAME(fetch)(
    const int dim, const int halved, const int count, const float *fixed, const int32_t *columns) {
#pragma GCC unroll 8
    for (int a = 0; a < count; a++) {
        const char *row = (const char *)LEVEL_NAME(gathered)(dim, halved, fixed, columns[a]);
        for (int byte = 0; byte < (halved ? 2 : 4) * dim; byte += 64)
            __builtin_prefetch(row + byte);
    }
}

/* How many entries ahead: eight kilobytes hide the way to memory, more drives out what is needed.
 */
#define FAR(length) ((length) <= 96 ? 32 : 16)
