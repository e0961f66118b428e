/* From floats to halves and back, a block at a time (see halves.h); gramian_template.h includes
 * this per level. */

/* scratch holds count x dim / 2. */
static void LEVEL_NAME(halve)(float *block, int64_t count, int dim, float *scratch) {
    const int words = dim / 2;
    for (int64_t row = 0; row < count; row++) /* what is written was read before */
        for (int k = 0; k < words / LANES; k++) {
            const WORD even = WORDS(block + row * dim, 2 * k),
                       odd = WORDS(block + row * dim, 2 * k + 1);
            WORDS(block + row * words, k) =
                ((even + 0x8000u) >> 16) | ((odd + 0x8000u) & 0xffff0000u);
            WORDS(scratch + row * words, k) = (even & 0xffffu) | (odd << 16);
        }
    memcpy(block + count * words, scratch, sizeof(float) * count * words);
}

static void LEVEL_NAME(join)(float *block, int64_t count, int dim, float *scratch) {
    const int words = dim / 2;
    memcpy(scratch, block, sizeof(float) * count * words);
    for (int64_t row = 0; row < count; row++)
        for (int k = 0; k < words / LANES; k++) {
            const WORD upper = WORDS(scratch + row * words, k),
                       lower = WORDS(block + (count + row) * words, k);
            WORDS(block + row * dim, 2 * k) =
                (upper << 16) + (((lower & 0xffffu) ^ 0x8000u) - 0x8000u);
            WORDS(block + row * dim, 2 * k + 1) =
                (upper & 0xffff0000u) + (((lower >> 16) ^ 0x8000u) - 0x8000u);
        }
}
