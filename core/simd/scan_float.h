/* The float32 scan and the gathered scores. One SIMD level of scan.h. */

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
            const float *low = first + ROW_LOW(a) * dim + d + HALF(a),
                        *high = first + ROW_HIGH(a) * dim + d + HALF(a);
            sums[a] = FMA(PAIR(low, high), GROUP(query + d + HALF(a)), sums[a]);
        }
    }
    if (d < dim) {
        for (int a = 0; a < 8; a++) {
            const float *low = first + ROW_LOW(a) * dim + d + HALF(a),
                        *high = first + ROW_HIGH(a) * dim + d + HALF(a);
            sums[a] =
                FMA(PAIR_TAIL(low, high, dim - d - HALF(a)), GROUP(query + d + HALF(a)), sums[a]);
        }
    }
    return NAME(sum_lanes)(sums);
}

/* Four of the eight vectors of sums of a tile of scattered rows: `half` is 0 or 4. */
SCAN_INLINE void NAME(sum_scattered)(
    const float *const row[LANES], int64_t dim, const float *query, const int half, VF sums[4]) {
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
        for (int a = 0; a < 4; a++)
            sum[a] = FMA(PAIR_TAIL(low[a] + d, high[a] + d, dim - d - HALF(half)), q, sum[a]);
    }
    for (int a = 0; a < 4; a++) sums[a] = sum[a];
}

/* Scores of LANES rows anywhere with one query. */
SCAN_INLINE VF NAME(score_scattered)(
    const float *const row[LANES], int64_t dim, const float *query) {
    VF sums[8];
    NAME(sum_scattered)(row, dim, query, 0, sums);
    NAME(sum_scattered)(row, dim, query, 4, sums + 4);
    return NAME(sum_lanes)(sums);
}

/* Rewrite LANES rows as panel[l][step] = dim 8 * step + l of each, `stride` floats between entries.
 */
SCAN_INLINE void NAME(pack_tile)(
    const float *const row[LANES], int64_t dim, int64_t steps, float *panel, int64_t stride) {
    VF in[8], out[8];
    for (int64_t s = 0; s < steps; s++) {
        const int64_t d = 8 * s;
        for (int a = 0; a < 8; a++) {
            const float *low = row[ROW_LOW(a)] + d + HALF(a),
                        *high = row[ROW_HIGH(a)] + d + HALF(a);
            in[a] = d + 8 <= dim ? PAIR(low, high) : PAIR_TAIL(low, high, dim - d - HALF(a));
        }
        NAME(transpose)(in, out);
        for (int l = 0; l < 8; l++) NAME(store)(panel + (l * steps + s) * stride, out[l]);
    }
}

/* Scores of PANELS packed tiles with `width` queries (a constant at every call). */
SCAN_INLINE void NAME(score_panel)(const float *panel, int64_t steps, const float *queries,
    int64_t stride, const int width, VF total[PANELS][QUERIES_WIDE]) {
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
            for (int j = 0; j < width; j++)
                total[p][j] = l ? total[p][j] + partial[p][j] : partial[p][j];
    }
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
            for (int64_t d = 0; d < task->dim; d += 16)
                __builtin_prefetch(task->items + task->rows[position + a] * task->dim + d);
    } else {
        const float *first = task->items + position * task->dim;
        for (int64_t d = 0; d < LANES * task->dim; d += 16) __builtin_prefetch(first + d);
    }
}

/* A few queries: score every tile straight from its rows. dim is task->dim, a constant if it can
 * be. */
SCAN_INLINE void NAME(scan_direct)(const ScanTask *task, ScanLists *lists, const int64_t dim) {
    for (int64_t position = task->start; position < task->stop; position += LANES) {
        const uint32_t eligible = (uint32_t)scan_eligible(task, position, LANES);
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

SCAN_INLINE void NAME(scan_queries)(const ScanTask *task, ScanLists *lists, const float *panel,
    int64_t position, uint32_t eligible, int64_t q, const int width) {
    VF total[PANELS][QUERIES_WIDE];
    NAME(score_panel)(
        panel, task->stride / 8, task->queries + q * task->stride, task->stride, width, total);
    for (int j = 0; j < width; j++) {
        for (int p = 0; p < PANELS; p++) {
            const uint32_t bits = ABOVE(total[p][j], SPLAT(lists->thresholds[q + j])) &
                                  (eligible >> (p * LANES)) & (uint32_t)scan_lane_mask(LANES);
            if (bits) NAME(enter)(task, lists, q + j, position + p * LANES, &total[p][j], bits);
        }
    }
}

/* Many queries: pack PANELS tiles once, then QUERIES_WIDE queries at a time. */
static void NAME(scan_packed)(const ScanTask *task, ScanLists *lists, float *panel) {
    for (int64_t position = task->start; position < task->stop; position += PANELS * LANES) {
        const uint32_t eligible = (uint32_t)scan_eligible(task, position, PANELS * LANES);
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
        for (; q + 2 <= task->query_count; q += 2)
            NAME(scan_queries)(task, lists, panel, position, eligible, q, 2);
        for (; q < task->query_count; q++)
            NAME(scan_queries)(task, lists, panel, position, eligible, q, 1);
    }
}

static void NAME(scan)(const ScanTask *task, ScanLists *lists, float *panel) {
    scan_begin(task, lists);
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
static void NAME(score_rows)(const float *items, int64_t dim, const float *query,
    const int32_t *rows, int64_t count, float *scores) {
    const ScanTask task = {.items = items, .dim = dim, .rows = rows, .stop = count};
    for (int64_t position = 0; position < count; position += LANES) {
        const float *row[LANES];
        float lanes[LANES];
        NAME(tile_rows)(&task, position, row);
        NAME(prefetch_tile)(&task, position + SCAN_AHEAD);
        NAME(store)(lanes, NAME(score_scattered)(row, dim, query));
        memcpy(scores + position, lanes, 4 * (count - position < LANES ? count - position : LANES));
    }
}
