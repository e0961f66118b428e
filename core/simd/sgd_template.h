/* One block of sampled training pairs, written once; sgd.h includes this per level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h) and PRODUCT_ROWS, the rows of a product's tile.
 */
#include "simd/lanes.h"

typedef int32_t LEVEL_NAME(ints) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
#define INTS LEVEL_NAME(ints)

INLINE VEC LEVEL_NAME(pick)(INTS where, VEC a, VEC b) { return (VEC)((where & (INTS)a) | (~where & (INTS)b)); }
INLINE VEC LEVEL_NAME(larger)(VEC a, VEC b) { return LEVEL_NAME(pick)(a > b, a, b); }

/* e^x to 2e-7 of itself for x <= 0. */
INLINE VEC LEVEL_NAME(exp)(VEC x) {
    const VEC turns = LEVEL_NAME(larger)(x, (VEC){0} - 87.0f) * 1.44269504f;
    const INTS whole = __builtin_convertvector(turns - 0.5f, INTS);
    const VEC part = turns - __builtin_convertvector(whole, VEC); /* -1/2..1/2 */
    VEC power = 1.535336188319500e-4f * part + 1.339887440266574e-3f;
    power = power * part + 9.618437357674640e-3f;
    power = power * part + 5.550332471162809e-2f;
    power = power * part + 2.402264791363012e-1f;
    power = power * part + 6.931472028550421e-1f;
    power = power * part + 1.0f;
    return (VEC)((INTS)(power * (VEC)((whole + 127) << 23)) & (x >= -87.0f));
}

/* log x for x in 1..2 to 1e-7. */
INLINE VEC LEVEL_NAME(log)(VEC x) {
    const VEC z = (x - 1.0f) / (x + 1.0f), q = z * z;
    return 2.0f * z * (1.0f + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * (0.111111111f + q * 0.0909090909f)))));
}

/* out[0..rows)[0..width vectors) = a b over k lines, added to what is there unless `fresh`;
 * a(i, x) = a[i * a_row + x * a_column]. */
INLINE void LEVEL_NAME(product_tile)(
    const int rows, const int width, const float *a, int64_t a_row, int64_t a_column, const float *b,
    int64_t b_row, float *out, int64_t out_row, int64_t k, int fresh) {
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
INLINE void LEVEL_NAME(product_panel)(
    const int width, const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t b_row,
    float *out, int64_t out_row, int64_t m, int64_t k, int fresh) {
    int64_t i = 0;
    for (; i + PRODUCT_ROWS <= m; i += PRODUCT_ROWS)
        LEVEL_NAME(product_tile)(PRODUCT_ROWS, width, a + i * a_row, a_row, a_column, b, b_row, out + i * out_row, out_row, k, fresh);
    for (; i + 2 <= m; i += 2)
        LEVEL_NAME(product_tile)(2, width, a + i * a_row, a_row, a_column, b, b_row, out + i * out_row, out_row, k, fresh);
    if (i < m)
        LEVEL_NAME(product_tile)(1, width, a + i * a_row, a_row, a_column, b, b_row, out + i * out_row, out_row, k, fresh);
}

/* out (m, n) = a (m, k) b (k, n); n is a multiple of 16. Lines of b are taken so many at a time that
 * they stay in the first-level cache. */
static void LEVEL_NAME(product)(
    const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t b_row, float *out,
    int64_t out_row, int64_t m, int64_t k, int64_t n) {
    for (int64_t x = 0; x < k; x += PRODUCT_LINES) {
        const int64_t lines = k - x < PRODUCT_LINES ? k - x : PRODUCT_LINES;
        const float *left = a + x * a_column, *right = b + x * b_row;
        int64_t j = 0;
        for (; j + PRODUCT_WIDTH * LANES <= n; j += PRODUCT_WIDTH * LANES)
            LEVEL_NAME(product_panel)(PRODUCT_WIDTH, left, a_row, a_column, right + j, b_row, out + j, out_row, m, lines, !x);
        for (; j < n; j += LANES)
            LEVEL_NAME(product_panel)(1, left, a_row, a_column, right + j, b_row, out + j, out_row, m, lines, !x);
    }
    if (!k)
        for (int64_t i = 0; i < m; i++) memset(out + i * out_row, 0, sizeof(float) * n);
}

INLINE float LEVEL_NAME(dot)(const float *a, const float *b, int64_t dim) {
    VEC total = {0};
    for (int64_t k = 0; k < dim / LANES; k++) total += AT(a, k) * AT(b, k);
    return LEVEL_NAME(sum)(total);
}

/* Copy a row, scaled to length 1 where asked; return the length it had (1 where not). */
INLINE float LEVEL_NAME(take)(const float *row, float *out, int64_t dim, int unit) {
    const float length = unit ? sqrtf(LEVEL_NAME(dot)(row, row, dim)) + SGD_TINY : 1.0f;
    const float scale = 1.0f / length;
    for (int64_t k = 0; k < dim / LANES; k++) SET(out, k) = AT(row, k) * scale;
    return length;
}

/* From the gradient by a unit vector to the gradient by the vector: what lies along it falls away. */
INLINE void LEVEL_NAME(through_unit)(float *gradient, const float *unit, float length, int64_t dim) {
    const float along = LEVEL_NAME(dot)(gradient, unit, dim), scale = 1.0f / length;
    for (int64_t k = 0; k < dim / LANES; k++) SET(gradient, k) = (AT(gradient, k) - along * AT(unit, k)) * scale;
}

INLINE float LEVEL_NAME(highest)(const float *values, int64_t n, float least) {
    VEC most = (VEC){0} + least;
    for (int64_t j = 0; j < n / LANES; j++) most = LEVEL_NAME(larger)(AT(values, j), most);
    for (int lane = 0; lane < LANES; lane++) least = most[lane] > least ? most[lane] : least;
    return least;
}

/* Replace scores by e^(score - most), most being no less than any; return their sum. */
INLINE float LEVEL_NAME(to_powers)(float *scores, int64_t n, float most) {
    VEC sum = {0};
    for (int64_t j = 0; j < n / LANES; j++) {
        const VEC power = LEVEL_NAME(exp)(AT(scores, j) - most);
        SET(scores, j) = power;
        sum += power;
    }
    return LEVEL_NAME(sum)(sum);
}

/* Replace scores by share * sigmoid(score - origin); return share * sum softplus(score - origin). */
INLINE float LEVEL_NAME(to_sigmoids)(float *scores, int64_t n, float origin, float share) {
    VEC sum = {0};
    const VEC zero = {0}, one = zero + 1.0f;
    for (int64_t j = 0; j < n / LANES; j++) {
        const VEC x = AT(scores, j) - origin;
        const VEC e = LEVEL_NAME(exp)((VEC)((INTS)x | INT32_MIN)); /* of -|x| */
        sum += LEVEL_NAME(larger)(x, zero) + LEVEL_NAME(log)(1.0f + e);
        SET(scores, j) = share * LEVEL_NAME(pick)(x >= zero, one, e) / (1.0f + e);
    }
    return share * LEVEL_NAME(sum)(sum);
}

/* Turn one pair's scores into derivatives of its loss, in place; return the loss.
 *
 * scores (n,): of the negatives, SGD_MASKED where one is a positive of the user. `positive` is the
 * score of the pair itself, and becomes the derivative by it. */
static double LEVEL_NAME(derive)(
    const SgdLoss *loss, float label, const float *corrections, float *scores, int64_t n, float *positive) {
    const int64_t kept = loss->hard_count && loss->hard_count < n ? loss->hard_count : n;
    const float share = n ? loss->negative_weight / (float)kept : 0.0f;
    const float s = *positive;
    const VEC zero = {0};
    VEC sum = {0};
    if (kept < n) sgd_keep_hardest(scores, n, kept);
    switch (loss->kind) {
    case SGD_SQUARED:
        for (int64_t j = 0; j < n / LANES; j++) {
            const VEC x = LEVEL_NAME(pick)(AT(scores, j) > SGD_MASKED / 2, AT(scores, j), zero);
            sum += x * x;
            SET(scores, j) = 2 * share * x;
        }
        *positive = 2 * (s - label);
        return (double)(s - label) * (s - label) + (double)share * LEVEL_NAME(sum)(sum);
    case SGD_LOGISTIC: {
        const float total = LEVEL_NAME(to_sigmoids)(scores, n, 0.0f, share);
        *positive = 1.0f / (1.0f + expf(-s)) - label;
        return total + log1p(exp(-fabs((double)s))) + (s > 0 ? s : 0) - (double)label * s;
    }
    case SGD_BPR: {
        const float total = LEVEL_NAME(to_sigmoids)(scores, n, s, share);
        for (int64_t j = 0; j < n / LANES; j++) sum += AT(scores, j);
        *positive = -LEVEL_NAME(sum)(sum);
        return total;
    }
    case SGD_SOFTMAX: {
        const float sharpness = 1.0f / loss->temperature;
        for (int64_t j = 0; j < n / LANES; j++) SET(scores, j) = AT(scores, j) * sharpness - AT(corrections, j);
        const float most = LEVEL_NAME(highest)(scores, n, s * sharpness);
        const float own = expf(s * sharpness - most), total = own + LEVEL_NAME(to_powers)(scores, n, most);
        const float scale = sharpness / total;
        for (int64_t j = 0; j < n / LANES; j++) SET(scores, j) = AT(scores, j) * scale;
        *positive = scale * own - sharpness;
        return log((double)total) + most - s * sharpness;
    }
    default: /* SGD_CONTRASTIVE */
        for (int64_t j = 0; j < n / LANES; j++) {
            const VEC over = LEVEL_NAME(larger)(AT(scores, j) - loss->margin, zero);
            sum += over;
            SET(scores, j) = LEVEL_NAME(pick)(over > zero, zero + share, zero);
        }
        *positive = -1.0f;
        return 1.0 - (double)s + (double)share * LEVEL_NAME(sum)(sum);
    }
}

/* Take the rows that all users of a block are scored against, and score them. */
static void LEVEL_NAME(score)(
    const SgdScratch *scratch, const float *item_vectors, const int32_t *rows, int64_t b, int64_t n, int64_t dim, int unit) {
    for (int64_t j = 0; j < n; j++) {
        if (j + SGD_AHEAD < n) sgd_fetch(item_vectors + rows[j + SGD_AHEAD] * dim, dim);
        scratch->negative_lengths[j] =
            LEVEL_NAME(take)(item_vectors + rows[j] * dim, scratch->negatives + j * dim, dim, unit);
    }
    for (int64_t j = 0, width; j < n; j += width) { /* turned panel by panel, then each is a product */
        float *panel = scratch->turned + j * dim;
        width = n - j < PRODUCT_WIDTH * LANES ? n - j : PRODUCT_WIDTH * LANES;
        for (int64_t k = 0; k < dim; k++)
            for (int64_t w = 0; w < width; w++) panel[k * width + w] = scratch->negatives[(j + w) * dim + k];
        LEVEL_NAME(product)(scratch->users, dim, 1, panel, width, scratch->scores + j, sgd_line(n), b, dim, width);
    }
}

/* Gradients of one block by its users, items and negatives; return the sum of its losses. */
static double LEVEL_NAME(block)(const SgdLoss *loss, const SgdBlock *block, const SgdScratch *scratch) {
    const int64_t b = block->pairs, n = block->negative_count, dim = block->dim;
    double total = 0;
    SgdFilter filter;
    for (int64_t i = 0; i < b; i++) {
        if (i + SGD_AHEAD < b) {
            sgd_fetch(block->user_vectors + block->users[i + SGD_AHEAD] * dim, dim);
            sgd_fetch(block->item_vectors + block->items[i + SGD_AHEAD] * dim, dim);
        }
        scratch->user_lengths[i] = LEVEL_NAME(take)(block->user_vectors + block->users[i] * dim, scratch->users + i * dim, dim, loss->unit);
        scratch->item_lengths[i] = LEVEL_NAME(take)(block->item_vectors + block->items[i] * dim, scratch->items + i * dim, dim, loss->unit);
    }
    LEVEL_NAME(score)(scratch, block->item_vectors, block->negatives, b, n, dim, loss->unit);
    sgd_fill(&filter, block->negatives, n);
    for (int64_t i = 0; i < b; i++) {
        if (i + SGD_AHEAD < b) sgd_fetch_liked(block, block->users[i + SGD_AHEAD]);
        float *scores = scratch->scores + i * sgd_line(n);
        const int64_t *own = block->row_starts + block->users[i];
        sgd_mask(&filter, block->columns + own[0], own[1] - own[0], block->negatives, n, scores);
        float slope = LEVEL_NAME(dot)(scratch->users + i * dim, scratch->items + i * dim, dim);
        total += LEVEL_NAME(derive)(loss, block->labels[i], block->corrections, scores, n, &slope);
        scratch->slopes[i] = slope;
    }
    LEVEL_NAME(product)(scratch->scores, sgd_line(n), 1, scratch->negatives, dim, block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(product)(scratch->scores, 1, sgd_line(n), scratch->users, dim, block->negative_gradients, dim, n, b, dim);
    for (int64_t i = 0; i < b; i++) {
        const float slope = scratch->slopes[i], *user = scratch->users + i * dim, *item = scratch->items + i * dim;
        for (int64_t k = 0; k < dim / LANES; k++) {
            SET(block->user_gradients + i * dim, k) += slope * AT(item, k);
            SET(block->item_gradients + i * dim, k) = slope * AT(user, k);
        }
    }
    if (loss->unit) {
        for (int64_t i = 0; i < b; i++) {
            LEVEL_NAME(through_unit)(block->user_gradients + i * dim, scratch->users + i * dim, scratch->user_lengths[i], dim);
            LEVEL_NAME(through_unit)(block->item_gradients + i * dim, scratch->items + i * dim, scratch->item_lengths[i], dim);
        }
        for (int64_t j = 0; j < n; j++)
            LEVEL_NAME(through_unit)(block->negative_gradients + j * dim, scratch->negatives + j * dim, scratch->negative_lengths[j], dim);
    }
    return total;
}

/* Gradients of -sum of weight log softmax(cosine / temperature) over what the teacher ranked of each
 * user, by the user's and the candidates' vectors; return the sum of the losses. */
static double LEVEL_NAME(distill)(float temperature, const DistillBlock *block, const SgdScratch *scratch) {
    const int64_t b = block->users, n = block->candidate_count, dim = block->dim;
    const float sharpness = 1.0f / temperature;
    double total = 0;
    SgdFilter filter;
    for (int64_t i = 0; i < b; i++)
        scratch->user_lengths[i] = LEVEL_NAME(take)(block->user_vectors + i * dim, scratch->users + i * dim, dim, 1);
    LEVEL_NAME(score)(scratch, block->item_vectors, block->candidates, b, n, dim, 1);
    sgd_fill(&filter, block->candidates, n);
    for (int64_t i = 0; i < b; i++) {
        float *scores = scratch->scores + i * sgd_line(n), asked = 0;
        const int64_t *own = block->positive_starts + i;
        for (int64_t j = 0; j < n; j++) scores[j] = scores[j] * sharpness - block->corrections[j];
        sgd_mask(&filter, block->positives + own[0], own[1] - own[0], block->candidates, n, scores);
        const float most = LEVEL_NAME(highest)(scores, n, SGD_MASKED);
        for (int64_t t = block->target_starts[i]; t < block->target_starts[i + 1]; t++) {
            const int64_t j = sgd_place(block->candidates, 0, n, block->targets[t]);
            asked += block->weights[t];
            total += block->weights[t] * (double)(most - scores[j]);
        }
        const float powers = LEVEL_NAME(to_powers)(scores, n, most);
        total += asked * log((double)powers);
        const float scale = sharpness * asked / powers;
        for (int64_t j = 0; j < n; j++) scores[j] *= scale;
        for (int64_t t = block->target_starts[i]; t < block->target_starts[i + 1]; t++)
            scores[sgd_place(block->candidates, 0, n, block->targets[t])] -= sharpness * block->weights[t];
    }
    LEVEL_NAME(product)(scratch->scores, sgd_line(n), 1, scratch->negatives, dim, block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(product)(scratch->scores, 1, sgd_line(n), scratch->users, dim, block->candidate_gradients, dim, n, b, dim);
    for (int64_t i = 0; i < b; i++)
        LEVEL_NAME(through_unit)(block->user_gradients + i * dim, scratch->users + i * dim, scratch->user_lengths[i], dim);
    for (int64_t j = 0; j < n; j++)
        LEVEL_NAME(through_unit)(block->candidate_gradients + j * dim, scratch->negatives + j * dim, scratch->negative_lengths[j], dim);
    return total;
}

/* One step of Adam for rows first..last-1, the gradients of each summed in the order given. */
static void LEVEL_NAME(move)(const SgdStep *step, const SgdRows *moved, int64_t first, int64_t last) {
    const int64_t dim = moved->dim;
    for (int64_t i = first; i < last; i++) {
        if (i + SGD_AHEAD < last) {
            const int64_t next = moved->rows[i + SGD_AHEAD] * dim;
            sgd_fetch(moved->vectors + next, dim);
            sgd_fetch(moved->first_moments + next, dim);
            sgd_fetch(moved->second_moments + next, dim);
        }
        const int64_t row = moved->rows[i], taken = moved->steps[row]++;
        const int64_t at = taken < moved->scale_count ? taken : moved->scale_count - 1;
        const float rate = step->rate * moved->first_scales[at], root_scale = moved->second_scales[at];
        float *vector = moved->vectors + row * dim;
        float *means = moved->first_moments + row * dim, *squares = moved->second_moments + row * dim;
        for (int64_t k = 0; k < dim / LANES; k++) {
            VEC sum = {0};
            for (int64_t e = moved->starts[i]; e < moved->starts[i + 1]; e++) sum += AT(moved->gradients + moved->entries[e] * dim, k);
            sum = step->scale * sum + step->regularization * AT(vector, k);
            const VEC mean = step->decay * AT(means, k) + (1 - step->decay) * sum;
            const VEC square = step->square_decay * AT(squares, k) + (1 - step->square_decay) * sum * sum;
            float roots[LANES];
            for (int lane = 0; lane < LANES; lane++) roots[lane] = sqrtf(square[lane]);
            SET(means, k) = mean;
            SET(squares, k) = square;
            SET(vector, k) = AT(vector, k) - rate * mean / (AT(roots, 0) * root_scale + SGD_EPSILON);
        }
    }
}

#undef INTS
#include "simd/lanes_end.h"
