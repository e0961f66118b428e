/* Lists of the best so far: entering, cutting back by bisection. One SIMD level of scan.h. */

/* How many scores exceed the threshold; reads into the slack behind the list. */
SCAN_INLINE int64_t NAME(count_above)(const float *scores, int64_t count, float threshold) {
    const VF t = SPLAT(threshold);
    const int64_t whole = count - count % LANES;
    NAME(vi) found = {0};
    for (int64_t i = 0; i < whole; i += LANES) found -= (NAME(vi))(NAME(load)(scores + i) > t);
    int64_t total = __builtin_popcount(
        ABOVE(NAME(load)(scores + whole), t) & (uint32_t)scan_lane_mask(count - whole));
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
SCAN_INLINE int64_t NAME(append)(
    float *scores, int32_t *rows, int64_t count, VF v, NAME(vi) ids, uint32_t bits) {
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
static int64_t NAME(select_best)(
    float *scores, int32_t *rows, int64_t count, int64_t keep, int64_t slack, float *threshold) {
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
            for (uint32_t left = equal & (uint32_t)scan_lane_mask(count - i); left && ties;
                left &= left - 1, ties--)
                bits |= left & -left;
        }
        kept = NAME(append)(scores, rows, kept, v, ids, bits & (uint32_t)scan_lane_mask(count - i));
    }
    *threshold = cut;
    return kept;
}

/* Enter the lanes of `bits` into the list of query q, without its excluded rows. */
static __attribute__((noinline)) void NAME(enter)(const ScanTask *task, ScanLists *lists, int64_t q,
    int64_t position, const VF *scored, uint32_t bits) {
    const VF v = *scored;
    NAME(vi) ids;
    if (task->rows) {
        int32_t labels[LANES];
        for (int a = 0; a < LANES; a++)
            labels[a] = position + a < task->stop ? task->rows[position + a] : 0;
        memcpy(&ids, labels, sizeof ids);
    } else {
        for (int a = 0; a < LANES; a++) ids[a] = (int32_t)position + a;
    }
    if (task->allowed) {
        for (uint32_t left = bits; left; left &= left - 1) {
            const int32_t row = ids[__builtin_ctz(left)];
            if (!(task->allowed[row >> 6] >> (row & 63) & 1)) bits &= ~(left & -left);
        }
    }
    if (task->excluded_starts) {
        for (uint32_t left = bits; left; left &= left - 1)
            if (scan_excluded(task, lists, q, ids[__builtin_ctz(left)])) bits &= ~(left & -left);
    }
    float *scores = lists->scores + q * lists->capacity;
    int32_t *rows = lists->rows + q * lists->capacity;
    int64_t count = NAME(append)(scores, rows, lists->counts[q], v, ids, bits);
    if (count + LANES > lists->capacity - SCAN_LANES_MAX)
        count = NAME(select_best)(
            scores, rows, count, lists->keep, lists->keep / 8, &lists->thresholds[q]);
    lists->counts[q] = count;
}
