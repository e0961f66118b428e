/* The int8 scan: estimates of the scores that name the candidates for float32. One level of scan.h.
 *
 * Item i holds codes u = 128 + round(v / scale_i), the query codes s = round(q / scale_q), so
 *     <v, q> ~ scale_i * scale_q * sum (u - 128) * s,
 * and scale_q > 0 changes no order, so the estimate leaves it out. The sums are integers: every
 * level computes the same ones.
 *
 * Layout: blocks of 16 items; inside, groups of 4 dims; inside, 4 bytes an item. One 64-byte vector
 * is four dims of sixteen items, what a dot-product instruction takes.
 */

#define VI NAME(vi)
#define CODES_OFFSET(i, groups) \
    ((i) / 16 * (groups) * 64 + (i) % 16 * 4) /* of item i, first group */

SCAN_INLINE VI NAME(load_codes)(const uint8_t *from) {
    VI v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* The four codes of a group meet the query's in WORDS words: all at once, or dims 0 and 2 and then
 * dims 1 and 3, as 16-bit numbers. 255 * 127 twice is far from the end of 32 bits: nothing
 * saturates. */
#if defined(SCAN_VNNI)
#define WORDS 1
#define WORD(x, w) (x)
#define ADD_DOT(sum, x, q) ((VI)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(x), (__m512i)(q)))
#else
typedef uint16_t NAME(vu) __attribute__((vector_size(4 * LANES)));
#define WORDS 2
#define WORD(x, w) ((w) ? (VI)((NAME(vu))(x) >> 8) : (x) & 0x00ff00ff)
#if defined(SCAN_AVX512)
#define ADD_DOT(sum, x, q) ((sum) + (VI)_mm512_madd_epi16((__m512i)(x), (__m512i)(q)))
#elif defined(SCAN_AVX2)
#define ADD_DOT(sum, x, q) ((sum) + (VI)_mm256_madd_epi16((__m256i)(x), (__m256i)(q)))
#elif LEVELS_X86
#define ADD_DOT(sum, x, q) ((sum) + (VI)_mm_madd_epi16((__m128i)(x), (__m128i)(q)))
#else
#define ADD_DOT(sum, x, q) ((sum) + ((x) & 0xffff) * ((q) << 16 >> 16) + ((x) >> 16) * ((q) >> 16))
#endif
#endif

/* Score `panels` vectors of items with `width` queries from q on; both are constants at every call.
 */
SCAN_INLINE void NAME(scan_int8_queries)(const ScanTask *task, ScanLists *lists, int64_t position,
    uint64_t eligible, int64_t q, const int panels, const int width) {
    const int64_t groups = task->groups;
    const uint8_t *codes = task->codes + CODES_OFFSET(position, groups);
    const int32_t *query = task->query_codes + q * groups * WORDS;
    VI sum[PANELS8][QUERIES_WIDE8];
    for (int p = 0; p < panels; p++)
        for (int j = 0; j < width; j++) sum[p][j] = (VI){0} + task->query_offsets[q + j];
    for (int64_t g = 0; g < groups; g++, codes += 64) {
        VI word[QUERIES_WIDE8][WORDS];
        for (int j = 0; j < width; j++)
            for (int w = 0; w < WORDS; w++)
                word[j][w] = (VI){0} + query[(j * groups + g) * WORDS + w];
        for (int p = 0; p < panels; p++) {
            const uint8_t *from = codes + CODES_OFFSET(p * LANES, groups);
            const VI x = NAME(load_codes)(from);
            if (width == 1) __builtin_prefetch(from + SCAN_AHEAD_BYTES);
            for (int j = 0; j < width; j++)
                for (int w = 0; w < WORDS; w++)
                    sum[p][j] = ADD_DOT(sum[p][j], WORD(x, w), word[j][w]);
        }
    }
    for (int p = 0; p < panels; p++) {
        const VF scale = NAME(load)(task->scales + position + p * LANES);
        for (int j = 0; j < width; j++) {
            const VF estimate = __builtin_convertvector(sum[p][j], VF) * scale;
            const uint32_t bits = ABOVE(estimate, SPLAT(lists->thresholds[q + j])) &
                                  (uint32_t)(eligible >> (p * LANES)) &
                                  (uint32_t)scan_lane_mask(LANES);
            if (bits) NAME(enter)(task, lists, q + j, position + p * LANES, &estimate, bits);
        }
    }
}

/* One query over more positions, from a block's first to any: only whole blocks need to be there.
 */
static void NAME(scan_int8_more)(const ScanTask *task, ScanLists *lists) {
    const int64_t step = PANELS8_LONE * LANES;
    for (int64_t position = task->start; position < task->stop; position += step)
        NAME(scan_int8_queries)(
            task, lists, position, scan_eligible(task, position, step), 0, PANELS8_LONE, 1);
}

static void NAME(scan_int8)(const ScanTask *task, ScanLists *lists) {
    const int64_t tile = PANELS8 * LANES;
    scan_begin(task, lists);
    for (int64_t position = task->start; position < task->stop; position += tile) {
        const uint64_t eligible = scan_eligible(task, position, tile);
        if (!eligible) continue;
        if (task->query_count == 1) { /* in the order of memory, which is what limits one query */
            for (int p = 0; p < PANELS8; p += PANELS8_LONE)
                NAME(scan_int8_queries)(
                    task, lists, position + p * LANES, eligible >> (p * LANES), 0, PANELS8_LONE, 1);
            continue;
        }
        int64_t q = 0;
        for (; q + QUERIES_WIDE8 <= task->query_count; q += QUERIES_WIDE8)
            NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, QUERIES_WIDE8);
        for (; q + 2 <= task->query_count; q += 2)
            NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, 2);
        for (; q < task->query_count; q++)
            NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, 1);
    }
}

#undef VI
#undef CODES_OFFSET
#undef WORDS
#undef WORD
#undef ADD_DOT
