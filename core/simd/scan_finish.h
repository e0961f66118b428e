/* From the lists of a scan to the k best, sorted; part of scan.h. */

/* Sort entries by score, best first, equal scores in the order given or by row: stable byte passes.
 */
static void sort_best_first(float *scores, int32_t *rows, int64_t count, int ties_by_row,
    uint64_t *spare /* (2 * count,) */) {
    const int first_pass = ties_by_row ? 0 : 4;
    uint32_t starts[8][256];
    uint64_t *from = spare, *to = spare + count;
    memset(starts, 0, sizeof starts);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t key =
            ~((uint32_t)float_key(scores[i] + 0.0f) ^ 0x80000000u); /* + 0: -0 ties with 0 */
        from[i] = (uint64_t)key << 32 | (uint32_t)rows[i];
        for (int pass = first_pass; pass < 8; pass++) starts[pass][from[i] >> (8 * pass) & 255]++;
    }
    for (int pass = first_pass; pass < 8; pass++) {
        uint32_t sum = 0;
        for (int b = 0; b < 256; b++) {
            const uint32_t here = starts[pass][b];
            starts[pass][b] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++)
            to[starts[pass][from[i] >> (8 * pass) & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    for (int64_t i = 0; i < count; i++) {
        scores[i] = key_float((int32_t)(~(uint32_t)(from[i] >> 32) ^ 0x80000000u));
        rows[i] = (int32_t)(uint32_t)from[i];
    }
}

/* What an entry that was left out may score at most: no more was estimated than the least of those
 * kept, and an estimate is taken to be wrong by no more than `margin` times the worst of theirs. */
static float most_left_out(const float *query, int64_t dim, const float *estimates,
    const float *scores, int64_t count, float margin) {
    float largest = 0, least = estimates[0], error = 0;
    for (int64_t d = 0; d < dim; d++)
        largest = fabsf(query[d]) > largest ? fabsf(query[d]) : largest;
    const float scale = largest / 127; /* of the query, which estimates lack */
    for (int64_t i = 0; i < count; i++) {
        const float wrong = fabsf(scores[i] - estimates[i] * scale);
        least = estimates[i] < least ? estimates[i] : least;
        error = wrong > error ? wrong : error;
    }
    return least * scale + margin * error;
}

/* Gather the lists of query q from every part (rows of part p before those of p + 1) and leave the
 * k best, sorted; scores and rows have room for all parts' lists. With `rescore` the lists hold
 * estimates: the `keep` > k best are scored in float32 first, and *doubtful says whether one that
 * was left out may score as much as the last of the k (most_left_out). */
static int64_t scan_finish(int level, const ScanTask *rescore, float margin, int64_t keep,
    const float *list_scores, const int32_t *list_rows, const int64_t *counts, int64_t part_count,
    int64_t query_count, int64_t capacity, int64_t q, int64_t k, float *scores, int32_t *rows,
    uint64_t *spare, uint8_t *doubtful) {
    const ScanKernels *kernels = &scan_kernels[level];
    int64_t count = 0;
    float threshold, left_out = 0;
    int chosen = 0; /* by estimates */
    for (int64_t p = 0; p < part_count; p++) {
        const int64_t list = p * query_count + q;
        memcpy(scores + count, list_scores + list * capacity, sizeof(float) * counts[list]);
        memcpy(rows + count, list_rows + list * capacity, sizeof(int32_t) * counts[list]);
        count += counts[list];
    }
    if (rescore) {
        const float *query = rescore->queries + q * rescore->stride;
        float *estimates = (float *)spare;
        if (count > keep) count = kernels->select(scores, rows, count, keep, 0, &threshold);
        memcpy(estimates, scores, sizeof(float) * count);
        kernels->score_rows(rescore->items, rescore->dim, query, rows, count, scores);
        chosen = count >= keep;
        if (chosen) left_out = most_left_out(query, rescore->dim, estimates, scores, count, margin);
    }
    if (count > k) count = kernels->select(scores, rows, count, k, 0, &threshold);
    sort_best_first(scores, rows, count, 0, spare);
    *doubtful = chosen && scores[count - 1] <= left_out;
    return count;
}
