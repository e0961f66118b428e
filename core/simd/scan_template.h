/* The loops of scan.h for one SIMD level: LEVEL, LANES (4, 8 or 16), PANELS, QUERIES_WIDE, FMA.
 *
 * A tile is LANES rows in eight vectors. With 8 lanes vector a is eight dims of row a; with 16 it is
 * the same eight dims of two rows, ROW_LOW(a) and ROW_HIGH(a); with 4 it is half of row a % 4, dims
 * HALF(a)..HALF(a)+3.
 */

typedef float NAME(vf) __attribute__((vector_size(4 * LANES)));
typedef int32_t NAME(vi) __attribute__((vector_size(4 * LANES)));
#define VF NAME(vf)

SCAN_INLINE VF NAME(load)(const float *from) {
    VF v;
    memcpy(&v, from, sizeof v);
    return v;
}
SCAN_INLINE void NAME(store)(float *to, VF v) { memcpy(to, &v, sizeof v); }

/* Primitives: a group is eight floats; with 16 lanes a vector holds one group of two rows. */
#if defined(SCAN_AVX512)
#define PAIR(a, b) ((VF)_mm512_mask_broadcast_f32x8(_mm512_castps256_ps512(_mm256_loadu_ps(a)), 0xff00, _mm256_loadu_ps(b)))
#define PAIR_TAIL(a, b, n) ((VF)_mm512_mask_broadcast_f32x8( \
    _mm512_castps256_ps512(_mm256_maskz_loadu_ps((__mmask8)((1 << (n)) - 1), a)), 0xff00, \
    _mm256_maskz_loadu_ps((__mmask8)((1 << (n)) - 1), b)))
#define GROUP(a) ((VF)_mm512_broadcast_f32x8(_mm256_loadu_ps(a)))
#define ABOVE(v, t) ((uint32_t)_mm512_cmp_ps_mask((__m512)(v), (__m512)(t), _CMP_GT_OQ))
#define LESSER(a, b) ((VF)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define LARGER(a, b) ((VF)_mm512_max_ps((__m512)(a), (__m512)(b)))
#elif defined(SCAN_AVX2)
#define LESSER(a, b) ((VF)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define LARGER(a, b) ((VF)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define PAIR(a, b) ((void)(b), NAME(load)(a))
#define PAIR_TAIL(a, b, n) ((void)(b), (VF)_mm256_maskload_ps(a, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))))
#define GROUP(a) NAME(load)(a)
#define ABOVE(v, t) ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)(v), (__m256)(t), _CMP_GT_OQ)))
#else
SCAN_INLINE VF NAME(choose)(NAME(vi) which, VF yes, VF no) {
    return (VF)((which & (NAME(vi))yes) | (~which & (NAME(vi))no));
}
#define LESSER(a, b) NAME(choose)((NAME(vi))((a) < (b)), a, b)
#define LARGER(a, b) NAME(choose)((NAME(vi))((a) > (b)), a, b)
#define PAIR(a, b) ((void)(b), NAME(load)(a))
SCAN_INLINE VF NAME(load_tail)(const float *from, int64_t n) {
    VF v = {0};
    memcpy(&v, from, 4 * (n < 0 ? 0 : n > LANES ? LANES : n));
    return v;
}
#define PAIR_TAIL(a, b, n) ((void)(b), NAME(load_tail)(a, n))
#define GROUP(a) NAME(load)(a)
SCAN_INLINE uint32_t NAME(above)(VF v, VF t) {
    const NAME(vi) bit = {1, 2, 4, 8};
    uint64_t words[2];
    const NAME(vi) found = (NAME(vi))(v > t) & bit;
    memcpy(words, &found, sizeof words);
    return (uint32_t)((words[0] | words[1]) | (words[0] | words[1]) >> 32);
}
#define ABOVE(v, t) NAME(above)(v, t)
#endif

#define SPLAT(x) ((x) - (VF){0})

/* Transpose eight vectors: out[l] holds lane l of every row, rows in the order of ROW_OF below. */
#if LANES == 16
#define MIX(a, b, o) __builtin_shufflevector(a, b, 0 + o, 16 + o, 1 + o, 17 + o, 4 + o, 20 + o, 5 + o, 21 + o, 8 + o, 24 + o, 9 + o, 25 + o, 12 + o, 28 + o, 13 + o, 29 + o)
#define JOIN(a, b, o) __builtin_shufflevector(a, b, 0 + o, 1 + o, 16 + o, 17 + o, 4 + o, 5 + o, 20 + o, 21 + o, 8 + o, 9 + o, 24 + o, 25 + o, 12 + o, 13 + o, 28 + o, 29 + o)
#define HALVES(a, b, o) __builtin_shufflevector(a, b, 0 + o, 1 + o, 2 + o, 3 + o, 8 + o, 9 + o, 10 + o, 11 + o, 16 + o, 17 + o, 18 + o, 19 + o, 24 + o, 25 + o, 26 + o, 27 + o)
#define ROW_LOW(a) ((a) < 4 ? (a) : (a) + 4)
#define ROW_HIGH(a) ((a) < 4 ? (a) + 4 : (a) + 8)
#define HALF(a) 0
#elif LANES == 8
#define MIX(a, b, o) __builtin_shufflevector(a, b, 0 + o, 8 + o, 1 + o, 9 + o, 4 + o, 12 + o, 5 + o, 13 + o)
#define JOIN(a, b, o) __builtin_shufflevector(a, b, 0 + o, 1 + o, 8 + o, 9 + o, 4 + o, 5 + o, 12 + o, 13 + o)
#define HALVES(a, b, o) __builtin_shufflevector(a, b, 0 + o, 1 + o, 2 + o, 3 + o, 8 + o, 9 + o, 10 + o, 11 + o)
#define ROW_LOW(a) (a)
#define ROW_HIGH(a) (a)
#define HALF(a) 0
#else
#define MIX(a, b, o) __builtin_shufflevector(a, b, 0 + o, 4 + o, 1 + o, 5 + o)
#define JOIN(a, b, o) __builtin_shufflevector(a, b, 0 + o, 1 + o, 4 + o, 5 + o)
#define ROW_LOW(a) ((a) & 3)
#define ROW_HIGH(a) ((a) & 3)
#define HALF(a) ((a) & 4)
#endif

SCAN_INLINE void NAME(transpose)(const VF in[8], VF out[8]) {
    VF quad[2][4];
    for (int half = 0; half < 2; half++) {
        const VF *v = in + 4 * half;
        const VF low01 = MIX(v[0], v[1], 0), high01 = MIX(v[0], v[1], 2);
        const VF low23 = MIX(v[2], v[3], 0), high23 = MIX(v[2], v[3], 2);
        quad[half][0] = JOIN(low01, low23, 0);
        quad[half][1] = JOIN(low01, low23, 2);
        quad[half][2] = JOIN(high01, high23, 0);
        quad[half][3] = JOIN(high01, high23, 2);
    }
    for (int j = 0; j < 4; j++) {
#if LANES == 4
        out[j] = quad[0][j];
        out[j + 4] = quad[1][j];
#else
        out[j] = HALVES(quad[0][j], quad[1][j], 0);
        out[j + 4] = HALVES(quad[0][j], quad[1][j], 4);
#endif
    }
}

SCAN_INLINE VF NAME(sum_lanes)(const VF sums[8]) {
    VF partial[8];
    NAME(transpose)(sums, partial);
    VF total = partial[0];
    for (int l = 1; l < 8; l++) total += partial[l];
    return total;
}

/* Scores of LANES adjoining rows with one query, straight from the rows. */
SCAN_INLINE VF NAME(score_adjoining)(const float *first, const int64_t dim, const float *query) {
    VF sums[8];
    for (int a = 0; a < 8; a++) sums[a] = SPLAT(0.0f);
    int64_t d = 0;
    for (; d + 8 <= dim; d += 8) {
        for (int a = 0; a < 8; a++) {
            const float *low = first + ROW_LOW(a) * dim + d + HALF(a), *high = first + ROW_HIGH(a) * dim + d + HALF(a);
            sums[a] = FMA(PAIR(low, high), GROUP(query + d + HALF(a)), sums[a]);
        }
    }
    if (d < dim) {
        for (int a = 0; a < 8; a++) {
            const float *low = first + ROW_LOW(a) * dim + d + HALF(a), *high = first + ROW_HIGH(a) * dim + d + HALF(a);
            sums[a] = FMA(PAIR_TAIL(low, high, dim - d - HALF(a)), GROUP(query + d + HALF(a)), sums[a]);
        }
    }
    return NAME(sum_lanes)(sums);
}

/* Four of the eight vectors of sums of a tile of scattered rows: `half` is 0 or 4. */
SCAN_INLINE void NAME(sum_scattered)(const float *const row[LANES], int64_t dim, const float *query, const int half, VF sums[4]) {
    const float *low[4], *high[4];
    VF sum[4];
    for (int a = 0; a < 4; a++) {
        low[a] = row[ROW_LOW(half + a)] + HALF(half);
        high[a] = row[ROW_HIGH(half + a)] + HALF(half);
        sum[a] = SPLAT(0.0f);
    }
    int64_t d = 0;
    for (; d + 8 <= dim; d += 8) {
        const VF q = GROUP(query + d + HALF(half));
        for (int a = 0; a < 4; a++) sum[a] = FMA(PAIR(low[a] + d, high[a] + d), q, sum[a]);
    }
    if (d < dim) {
        const VF q = GROUP(query + d + HALF(half));
        for (int a = 0; a < 4; a++) sum[a] = FMA(PAIR_TAIL(low[a] + d, high[a] + d, dim - d - HALF(half)), q, sum[a]);
    }
    for (int a = 0; a < 4; a++) sums[a] = sum[a];
}

/* Scores of LANES rows anywhere with one query. */
SCAN_INLINE VF NAME(score_scattered)(const float *const row[LANES], int64_t dim, const float *query) {
    VF sums[8];
    NAME(sum_scattered)(row, dim, query, 0, sums);
    NAME(sum_scattered)(row, dim, query, 4, sums + 4);
    return NAME(sum_lanes)(sums);
}

/* Rewrite LANES rows as panel[l][step] = dim 8 * step + l of each, `stride` floats between entries. */
SCAN_INLINE void NAME(pack_tile)(const float *const row[LANES], int64_t dim, int64_t steps, float *panel, int64_t stride) {
    VF in[8], out[8];
    for (int64_t s = 0; s < steps; s++) {
        const int64_t d = 8 * s;
        for (int a = 0; a < 8; a++) {
            const float *low = row[ROW_LOW(a)] + d + HALF(a), *high = row[ROW_HIGH(a)] + d + HALF(a);
            in[a] = d + 8 <= dim ? PAIR(low, high) : PAIR_TAIL(low, high, dim - d - HALF(a));
        }
        NAME(transpose)(in, out);
        for (int l = 0; l < 8; l++) NAME(store)(panel + (l * steps + s) * stride, out[l]);
    }
}

/* Scores of PANELS packed tiles with `width` queries (a constant at every call). */
SCAN_INLINE void NAME(score_panel)(const float *panel, int64_t steps, const float *queries, int64_t stride,
                                   const int width, VF total[PANELS][QUERIES_WIDE]) {
    for (int l = 0; l < 8; l++) {
        VF partial[PANELS][QUERIES_WIDE];
        for (int p = 0; p < PANELS; p++)
            for (int j = 0; j < width; j++) partial[p][j] = SPLAT(0.0f);
        for (int64_t s = 0; s < steps; s++, panel += PANELS * LANES) {
            VF x[PANELS];
            for (int p = 0; p < PANELS; p++) x[p] = NAME(load)(panel + p * LANES);
            for (int j = 0; j < width; j++) {
                const VF q = SPLAT(queries[j * stride + 8 * s + l]);
                for (int p = 0; p < PANELS; p++) partial[p][j] = FMA(x[p], q, partial[p][j]);
            }
        }
        for (int p = 0; p < PANELS; p++)
            for (int j = 0; j < width; j++) total[p][j] = l ? total[p][j] + partial[p][j] : partial[p][j];
    }
}

/* How many scores exceed the threshold; reads into the slack behind the list. */
SCAN_INLINE int64_t NAME(count_above)(const float *scores, int64_t count, float threshold) {
    const VF t = SPLAT(threshold);
    const int64_t whole = count - count % LANES;
    NAME(vi) found = {0};
    for (int64_t i = 0; i < whole; i += LANES) found -= (NAME(vi))(NAME(load)(scores + i) > t);
    int64_t total = __builtin_popcount(ABOVE(NAME(load)(scores + whole), t) & scan_lane_mask(count - whole));
    for (int a = 0; a < LANES; a++) total += found[a];
    return total;
}

/* The least and the largest of count > 0 scores. */
SCAN_INLINE void NAME(span)(const float *scores, int64_t count, float *least, float *most) {
    VF low = SPLAT(scores[0]), high = low;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const VF v = NAME(load)(scores + i);
        low = LESSER(v, low);
        high = LARGER(v, high);
    }
    *least = low[0];
    *most = high[0];
    for (int a = 1; a < LANES; a++) {
        *least = low[a] < *least ? low[a] : *least;
        *most = high[a] > *most ? high[a] : *most;
    }
    for (; i < count; i++) {
        *least = scores[i] < *least ? scores[i] : *least;
        *most = scores[i] > *most ? scores[i] : *most;
    }
}

/* Append the lanes of `bits`; the list has room for LANES more and as much slack behind. */
SCAN_INLINE int64_t NAME(append)(float *scores, int32_t *rows, int64_t count, VF v, NAME(vi) ids, uint32_t bits) {
#if defined(SCAN_AVX512)
    _mm512_storeu_ps(scores + count, _mm512_maskz_compress_ps((__mmask16)bits, (__m512)v));
    _mm512_storeu_si512(rows + count, _mm512_maskz_compress_epi32((__mmask16)bits, (__m512i)ids));
    return count + __builtin_popcount(bits);
#else
    float values[LANES];
    int32_t labels[LANES];
    memcpy(values, &v, sizeof v);
    memcpy(labels, &ids, sizeof ids);
    for (; bits; bits &= bits - 1, count++) {
        const int lane = __builtin_ctz(bits);
        scores[count] = values[lane];
        rows[count] = labels[lane];
    }
    return count;
#endif
}

/* Keep the best keep..keep+slack of count > keep entries in their order; return how many stay.
 *
 * Bisection on the threshold: the invariant is above(low) >= keep > above(high). Where equal scores
 * straddle the cut the first of them stay. Two keys below the least, because -0 and 0 have two keys
 * and are equal. *threshold becomes a value that a later entry must exceed.
 */
static int64_t NAME(select_best)(float *scores, int32_t *rows, int64_t count, int64_t keep, int64_t slack, float *threshold) {
    float least, most;
    NAME(span)(scores, count, &least, &most);
    int64_t low = (int64_t)float_key(least) - 2, high = float_key(most), ties = 0;
    int64_t above_low = count;
    while (high - low > 1 && above_low > keep + slack) {
        const int64_t middle = low + (high - low) / 2;
        const int64_t above = NAME(count_above)(scores, count, key_float((int32_t)middle));
        if (above >= keep) {
            low = middle;
            above_low = above;
        } else {
            high = middle;
        }
    }
    float cut = key_float((int32_t)low);
    if (above_low > keep + slack) {
        cut = key_float((int32_t)high);
        ties = keep - NAME(count_above)(scores, count, cut);
    }
    int64_t kept = 0;
    const VF t = SPLAT(cut);
    for (int64_t i = 0; i < count; i += LANES) { /* reads into the slack behind the list */
        const VF v = NAME(load)(scores + i);
        NAME(vi) ids;
        memcpy(&ids, rows + i, sizeof ids);
        uint32_t bits = ABOVE(v, t);
        if (ties) {
            const uint32_t equal = ABOVE(v, SPLAT(key_float((int32_t)low))) & ~bits;
            for (uint32_t left = equal & scan_lane_mask(count - i); left && ties; left &= left - 1, ties--)
                bits |= left & -left;
        }
        kept = NAME(append)(scores, rows, kept, v, ids, bits & scan_lane_mask(count - i));
    }
    *threshold = cut;
    return kept;
}

/* Enter the lanes of `bits` into the list of query q, without its excluded rows. */
static __attribute__((noinline)) void NAME(enter)(const ScanTask *task, ScanLists *lists, int64_t q, int64_t position, const VF *scored, uint32_t bits) {
    const VF v = *scored;
    NAME(vi) ids;
    if (task->rows) {
        int32_t labels[LANES];
        for (int a = 0; a < LANES; a++) labels[a] = position + a < task->stop ? task->rows[position + a] : 0;
        memcpy(&ids, labels, sizeof ids);
    } else {
        for (int a = 0; a < LANES; a++) ids[a] = (int32_t)position + a;
    }
    if (task->excluded_starts) {
        for (uint32_t left = bits; left; left &= left - 1)
            if (scan_excluded(task, lists, q, ids[__builtin_ctz(left)])) bits &= ~(left & -left);
    }
    float *scores = lists->scores + q * lists->capacity;
    int32_t *rows = lists->rows + q * lists->capacity;
    int64_t count = NAME(append)(scores, rows, lists->counts[q], v, ids, bits);
    if (count + LANES > lists->capacity - SCAN_LANES_MAX)
        count = NAME(select_best)(scores, rows, count, lists->keep, lists->keep / 8, &lists->thresholds[q]);
    lists->counts[q] = count;
}

SCAN_INLINE void NAME(tile_rows)(const ScanTask *task, int64_t position, const float *row[LANES]) {
    const int64_t last = task->stop - 1;
    if (!task->rows && position + LANES <= task->stop) {
        for (int a = 0; a < LANES; a++) row[a] = task->items + (position + a) * task->dim;
        return;
    }
    for (int a = 0; a < LANES; a++) {
        const int64_t p = position + a < last ? position + a : last;
        row[a] = task->items + (task->rows ? task->rows[p] : p) * task->dim;
    }
}

/* Ask for the tile at `position`: a tile reads its rows side by side, which no hardware prefetcher
 * follows well, and gathered rows lie anywhere. */
SCAN_INLINE void NAME(prefetch_tile)(const ScanTask *task, int64_t position) {
    if (position + LANES > task->stop) return;
    if (task->rows) {
        for (int a = 0; a < LANES; a++)
            for (int64_t d = 0; d < task->dim; d += 16) __builtin_prefetch(task->items + task->rows[position + a] * task->dim + d);
    } else {
        const float *first = task->items + position * task->dim;
        for (int64_t d = 0; d < LANES * task->dim; d += 16) __builtin_prefetch(first + d);
    }
}

/* A few queries: score every tile straight from its rows. dim is task->dim, a constant if it can be. */
SCAN_INLINE void NAME(scan_direct)(const ScanTask *task, ScanLists *lists, const int64_t dim) {
    for (int64_t position = task->start; position < task->stop; position += LANES) {
        const uint32_t eligible = scan_eligible(task, position, LANES);
        if (!eligible) continue;
        const int adjoining = !task->rows && position + LANES <= task->stop;
        const float *row[LANES];
        if (!adjoining) NAME(tile_rows)(task, position, row);
        NAME(prefetch_tile)(task, position + SCAN_AHEAD);
        for (int64_t q = 0; q < task->query_count; q++) {
            const float *query = task->queries + q * task->stride;
            const VF v = adjoining ? NAME(score_adjoining)(task->items + position * dim, dim, query)
                                   : NAME(score_scattered)(row, task->dim, query);
            const uint32_t bits = ABOVE(v, SPLAT(lists->thresholds[q])) & eligible;
            if (bits) NAME(enter)(task, lists, q, position, &v, bits);
        }
    }
}

SCAN_INLINE void NAME(scan_queries)(const ScanTask *task, ScanLists *lists, const float *panel, int64_t position,
                                    uint32_t eligible, int64_t q, const int width) {
    VF total[PANELS][QUERIES_WIDE];
    NAME(score_panel)(panel, task->stride / 8, task->queries + q * task->stride, task->stride, width, total);
    for (int j = 0; j < width; j++) {
        for (int p = 0; p < PANELS; p++) {
            const uint32_t bits = ABOVE(total[p][j], SPLAT(lists->thresholds[q + j])) & (eligible >> (p * LANES)) & scan_lane_mask(LANES);
            if (bits) NAME(enter)(task, lists, q + j, position + p * LANES, &total[p][j], bits);
        }
    }
}

/* Many queries: pack PANELS tiles once, then QUERIES_WIDE queries at a time. */
static void NAME(scan_packed)(const ScanTask *task, ScanLists *lists, float *panel) {
    for (int64_t position = task->start; position < task->stop; position += PANELS * LANES) {
        const uint32_t eligible = scan_eligible(task, position, PANELS * LANES);
        if (!eligible) continue;
        for (int p = 0; p < PANELS; p++) {
            const float *row[LANES];
            NAME(tile_rows)(task, position + p * LANES, row);
            NAME(prefetch_tile)(task, position + (PANELS + p) * LANES);
            NAME(pack_tile)(row, task->dim, task->stride / 8, panel + p * LANES, PANELS * LANES);
        }
        int64_t q = 0;
        for (; q + QUERIES_WIDE <= task->query_count; q += QUERIES_WIDE)
            NAME(scan_queries)(task, lists, panel, position, eligible, q, QUERIES_WIDE);
        for (; q + 2 <= task->query_count; q += 2) NAME(scan_queries)(task, lists, panel, position, eligible, q, 2);
        for (; q < task->query_count; q++) NAME(scan_queries)(task, lists, panel, position, eligible, q, 1);
    }
}

static void NAME(scan)(const ScanTask *task, ScanLists *lists, float *panel) {
    for (int64_t q = 0; q < task->query_count; q++) {
        lists->counts[q] = 0;
        lists->cursors[q] = task->excluded_starts ? task->excluded_starts[q] : 0;
        lists->thresholds[q] = -INFINITY;
    }
    if (task->query_count >= 4) {
        NAME(scan_packed)(task, lists, panel);
        return;
    }
    switch (task->dim) { /* row offsets that the compiler knows become displacements */
    case 32: NAME(scan_direct)(task, lists, 32); break;
    case 64: NAME(scan_direct)(task, lists, 64); break;
    case 96: NAME(scan_direct)(task, lists, 96); break;
    case 128: NAME(scan_direct)(task, lists, 128); break;
    case 192: NAME(scan_direct)(task, lists, 192); break;
    case 256: NAME(scan_direct)(task, lists, 256); break;
    default: NAME(scan_direct)(task, lists, task->dim);
    }
}

/* Scores of the named rows with one query. */
static void NAME(score_rows)(const float *items, int64_t dim, const float *query, const int32_t *rows, int64_t count, float *scores) {
    const ScanTask task = {.items = items, .dim = dim, .rows = rows, .stop = count};
    for (int64_t position = 0; position < count; position += LANES) {
        const float *row[LANES];
        float lanes[LANES];
        NAME(tile_rows)(&task, position, row);
        NAME(store)(lanes, NAME(score_scattered)(row, dim, query));
        memcpy(scores + position, lanes, 4 * (count - position < LANES ? count - position : LANES));
    }
}

#undef VF
#undef PAIR
#undef PAIR_TAIL
#undef GROUP
#undef ABOVE
#undef LESSER
#undef LARGER
#undef SPLAT
#undef MIX
#undef JOIN
#undef HALVES
#undef ROW_LOW
#undef ROW_HIGH
#undef HALF
