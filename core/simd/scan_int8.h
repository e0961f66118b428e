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
#define CODES_OFFSET(i, groups) ((i) / 16 * (groups) * 64 + (i) % 16 * 4) /* of item i, first group */

SCAN_INLINE VI NAME(load_codes)(const uint8_t *from) {
    VI v;
    memcpy(&v, from, sizeof v);
    return v;
}

#if defined(SCAN_VNNI)
#define SUM_START(offset) ((VI){0} + (offset)) /* offset = -128 * the sum of the query's codes */
#define CENTRE(x) (x)
#define ADD_DOT(sum, x, q) ((VI)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(x), (__m512i)(q)))
#else
#define SUM_START(offset) ((VI){0})
#define CENTRE(x) ((x) ^ (int32_t)0x80808080) /* to signed: -127..127 */
/* Both factors are within 127, so a sum of two products fits 16 bits: nothing saturates. */
#if defined(SCAN_AVX512)
SCAN_INLINE VI NAME(add_dot)(VI sum, VI x, VI q) {
    const __m512i signed_x = _mm512_mask_sub_epi8((__m512i)x, _mm512_movepi8_mask((__m512i)q), _mm512_setzero_si512(), (__m512i)x);
    const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8((__m512i)q), signed_x);
    return sum + (VI)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}
#elif defined(SCAN_AVX2)
SCAN_INLINE VI NAME(add_dot)(VI sum, VI x, VI q) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)q), _mm256_sign_epi8((__m256i)x, (__m256i)q));
    return sum + (VI)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#else
typedef int16_t NAME(vs) __attribute__((vector_size(4 * LANES)));
#define EVEN_BYTES(x) ((NAME(vs))((NAME(vs))(x) << 8) >> 8)
#define ODD_BYTES(x) ((NAME(vs))(x) >> 8)
SCAN_INLINE VI NAME(add_dot)(VI sum, VI x, VI q) {
    const NAME(vs) pairs = EVEN_BYTES(x) * EVEN_BYTES(q) + ODD_BYTES(x) * ODD_BYTES(q);
    return sum + ((VI)((VI)pairs << 16) >> 16) + ((VI)pairs >> 16);
}
#endif
#define ADD_DOT(sum, x, q) NAME(add_dot)(sum, x, q)
#endif

/* Score `panels` vectors of items with `width` queries from q on; both are constants at every call. */
SCAN_INLINE void NAME(scan_int8_queries)(const ScanTask *task, ScanLists *lists, int64_t position, uint64_t eligible, int64_t q, const int panels, const int width) {
    const int64_t groups = task->groups;
    const uint8_t *codes = task->codes + CODES_OFFSET(position, groups);
    const int32_t *query = task->query_codes + q * groups;
    VI sum[PANELS8][QUERIES_WIDE8];
    for (int p = 0; p < panels; p++)
        for (int j = 0; j < width; j++) sum[p][j] = SUM_START(task->query_offsets[q + j]);
    for (int64_t g = 0; g < groups; g++, codes += 64) {
        VI x[PANELS8];
        for (int p = 0; p < panels; p++) {
            const uint8_t *from = codes + CODES_OFFSET(p * LANES, groups);
            x[p] = CENTRE(NAME(load_codes)(from));
            if (width == 1) __builtin_prefetch(from + SCAN_AHEAD_BYTES);
        }
        for (int j = 0; j < width; j++) {
            const VI word = (VI){0} + query[j * groups + g];
            for (int p = 0; p < panels; p++) sum[p][j] = ADD_DOT(sum[p][j], x[p], word);
        }
    }
    for (int p = 0; p < panels; p++) {
        const VF scale = NAME(load)(task->scales + position + p * LANES);
        for (int j = 0; j < width; j++) {
            const VF estimate = __builtin_convertvector(sum[p][j], VF) * scale;
            const uint32_t bits = ABOVE(estimate, SPLAT(lists->thresholds[q + j])) & (uint32_t)(eligible >> (p * LANES)) & (uint32_t)scan_lane_mask(LANES);
            if (bits) NAME(enter)(task, lists, q + j, position + p * LANES, &estimate, bits);
        }
    }
}

/* One query over more positions, from a block's first to any: only whole blocks need to be there. */
static void NAME(scan_int8_more)(const ScanTask *task, ScanLists *lists) {
    const int64_t step = PANELS8_LONE * LANES;
    for (int64_t position = task->start; position < task->stop; position += step)
        NAME(scan_int8_queries)(task, lists, position, scan_eligible(task, position, step), 0, PANELS8_LONE, 1);
}

static void NAME(scan_int8)(const ScanTask *task, ScanLists *lists) {
    const int64_t tile = PANELS8 * LANES;
    scan_begin(task, lists);
    for (int64_t position = task->start; position < task->stop; position += tile) {
        const uint64_t eligible = scan_eligible(task, position, tile);
        if (!eligible) continue;
        if (task->query_count == 1) { /* in the order of memory, which is what limits one query */
            for (int p = 0; p < PANELS8; p += PANELS8_LONE)
                NAME(scan_int8_queries)(task, lists, position + p * LANES, eligible >> (p * LANES), 0, PANELS8_LONE, 1);
            continue;
        }
        int64_t q = 0;
        for (; q + QUERIES_WIDE8 <= task->query_count; q += QUERIES_WIDE8)
            NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, QUERIES_WIDE8);
        for (; q + 2 <= task->query_count; q += 2) NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, 2);
        for (; q < task->query_count; q++) NAME(scan_int8_queries)(task, lists, position, eligible, q, PANELS8, 1);
    }
}

#undef VI
#undef CODES_OFFSET
#undef SUM_START
#undef CENTRE
#undef ADD_DOT
#undef EVEN_BYTES
#undef ODD_BYTES
