/* Products of small dense matrices, included by sgd_template.h once a level.
 *
 * Expects PRODUCT_ROWS and PRODUCT_WIDTH: a tile of so many rows and vectors fills the registers.
 */
/* out[0..rows)[0..width vectors) = a b over k lines, added to what is there unless `fresh`;
 * a(i, x) = a[i * a_row + x * a_column]. */
INLINE void LEVEL_NAME(product_tile)(const int rows, const int width, const float *a, int64_t a_row,
    int64_t a_column, const float *b, int64_t b_row, float *out, int64_t out_row, int64_t k,
    int fresh) {
    VEC sums[PRODUCT_ROWS][PRODUCT_WIDTH];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) sums[i][w] = fresh ? (VEC){0} : AT(out + i * out_row, w);
    for (int64_t x = 0; x < k; x++) {
        VEC line[PRODUCT_WIDTH];
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) line[w] = AT(b + x * b_row, w);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int w = 0; w < width; w++) sums[i][w] += a[i * a_row + x * a_column] * line[w];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) SET(out + i * out_row, w) = sums[i][w];
}

/* One panel of a product, `width` vectors wide. */
INLINE void LEVEL_NAME(product_panel)(const int width, const float *a, int64_t a_row,
    int64_t a_column, const float *b, int64_t b_row, float *out, int64_t out_row, int64_t m,
    int64_t k, int fresh) {
    int64_t i = 0;
    for (; i + PRODUCT_ROWS <= m; i += PRODUCT_ROWS)
        LEVEL_NAME(product_tile)(PRODUCT_ROWS, width, a + i * a_row, a_row, a_column, b, b_row,
            out + i * out_row, out_row, k, fresh);
    for (; i + 2 <= m; i += 2)
        LEVEL_NAME(product_tile)(2, width, a + i * a_row, a_row, a_column, b, b_row,
            out + i * out_row, out_row, k, fresh);
    if (i < m)
        LEVEL_NAME(product_tile)(1, width, a + i * a_row, a_row, a_column, b, b_row,
            out + i * out_row, out_row, k, fresh);
}

/* out (m, n) = a (m, k) b (k, n); n is a multiple of 16. Lines of b are taken so many at a time
 * that they stay in the first-level cache. */
static void LEVEL_NAME(product)(const float *a, int64_t a_row, int64_t a_column, const float *b,
    int64_t b_row, float *out, int64_t out_row, int64_t m, int64_t k, int64_t n) {
    for (int64_t x = 0; x < k; x += PRODUCT_LINES) {
        const int64_t lines = k - x < PRODUCT_LINES ? k - x : PRODUCT_LINES;
        const float *left = a + x * a_column, *right = b + x * b_row;
        int64_t j = 0;
        for (; j + PRODUCT_WIDTH * LANES <= n; j += PRODUCT_WIDTH * LANES)
            LEVEL_NAME(product_panel)(PRODUCT_WIDTH, left, a_row, a_column, right + j, b_row,
                out + j, out_row, m, lines, !x);
        for (; j < n; j += LANES)
            LEVEL_NAME(product_panel)(
                1, left, a_row, a_column, right + j, b_row, out + j, out_row, m, lines, !x);
    }
    if (!k)
        for (int64_t i = 0; i < m; i++) memset(out + i * out_row, 0, sizeof(float) * n);
}
