/* One block of sampled training pairs, written once; sgd.h includes this per level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h) and PRODUCT_ROWS, the rows of a product's tile.
 */
#include "simd/lanes.h"

/* out[0..rows)[0..width vectors) += a b over k lines; a(i, x) = a[i * a_row + x * a_column]. */
INLINE void LEVEL_NAME(product_tile)(
    const int rows, const int width, const float *a, int64_t a_row, int64_t a_column, const float *b,
    int64_t b_row, float *out, int64_t out_row, int64_t k) {
    VEC sums[PRODUCT_ROWS][2];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int w = 0; w < width; w++) sums[i][w] = AT(out + i * out_row, w);
    for (int64_t x = 0; x < k; x++) {
        VEC line[2];
#pragma GCC unroll 2
        for (int w = 0; w < width; w++) line[w] = AT(b + x * b_row, w);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int w = 0; w < width; w++) sums[i][w] += a[i * a_row + x * a_column] * line[w];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int w = 0; w < width; w++) SET(out + i * out_row, w) = sums[i][w];
}

/* out (m, n) += a (m, k) b (k, n); n is a multiple of 16. */
static void LEVEL_NAME(add_product)(
    const float *a, int64_t a_row, int64_t a_column, const float *b, int64_t b_row, float *out,
    int64_t out_row, int64_t m, int64_t k, int64_t n) {
    for (int64_t j = 0; j < n;) {
        const int width = n - j >= 2 * LANES ? 2 : 1;
        int64_t i = 0;
        for (; i + PRODUCT_ROWS <= m; i += PRODUCT_ROWS) {
            const float *rows = a + i * a_row;
            if (width == 2)
                LEVEL_NAME(product_tile)(PRODUCT_ROWS, 2, rows, a_row, a_column, b + j, b_row, out + i * out_row + j, out_row, k);
            else
                LEVEL_NAME(product_tile)(PRODUCT_ROWS, 1, rows, a_row, a_column, b + j, b_row, out + i * out_row + j, out_row, k);
        }
        for (; i < m; i++)
            if (width == 2)
                LEVEL_NAME(product_tile)(1, 2, a + i * a_row, a_row, a_column, b + j, b_row, out + i * out_row + j, out_row, k);
            else
                LEVEL_NAME(product_tile)(1, 1, a + i * a_row, a_row, a_column, b + j, b_row, out + i * out_row + j, out_row, k);
        j += width * LANES;
    }
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
    for (int64_t k = 0; k < dim; k++) out[k] = row[k] * scale;
    return length;
}

/* From the gradient by a unit vector to the gradient by the vector: what lies along it falls away. */
INLINE void LEVEL_NAME(through_unit)(float *gradient, const float *unit, float length, int64_t dim) {
    const float along = LEVEL_NAME(dot)(gradient, unit, dim), scale = 1.0f / length;
    for (int64_t k = 0; k < dim; k++) gradient[k] = (gradient[k] - along * unit[k]) * scale;
}

/* Turn one pair's scores into derivatives of its loss, in place; return the loss.
 *
 * scores (n,): of the negatives, SGD_MASKED where one is a positive of the user. `positive` is the
 * score of the pair itself, and becomes the derivative by it. */
static double LEVEL_NAME(derive)(
    const SgdLoss *loss, float label, const float *corrections, float *scores, int64_t n, float *positive) {
    const int64_t kept = loss->hard_count && loss->hard_count < n ? loss->hard_count : n;
    const float share = n ? loss->negative_weight / (float)kept : 0.0f;
    if (kept < n) sgd_keep_hardest(scores, n, kept);
    const float s = *positive;
    float total = 0;
    switch (loss->kind) {
    case SGD_SQUARED:
        for (int64_t j = 0; j < n; j++) {
            const float x = scores[j] > SGD_MASKED / 2 ? scores[j] : 0.0f;
            total += x * x;
            scores[j] = 2 * share * x;
        }
        *positive = 2 * (s - label);
        return (double)(s - label) * (s - label) + (double)share * total;
    case SGD_LOGISTIC:
        for (int64_t j = 0; j < n; j++) {
            const float e = sgd_exp(-fabsf(scores[j]));
            const float p = (scores[j] >= 0 ? 1.0f : e) / (1.0f + e);
            total += fmaxf(scores[j], 0.0f) + sgd_log(1.0f + e);
            scores[j] = share * p;
        }
        *positive = 1.0f / (1.0f + expf(-s)) - label;
        return (double)share * total + log1p(exp(-fabs((double)s))) + (s > 0 ? s : 0) - (double)label * s;
    case SGD_BPR: {
        float slope = 0;
        for (int64_t j = 0; j < n; j++) {
            const float x = scores[j] - s;
            const float e = sgd_exp(-fabsf(x));
            const float p = share * (x >= 0 ? 1.0f : e) / (1.0f + e);
            total += fmaxf(x, 0.0f) + sgd_log(1.0f + e);
            scores[j] = p;
            slope += p;
        }
        *positive = -slope;
        return (double)share * total;
    }
    case SGD_SOFTMAX: {
        const float sharpness = 1.0f / loss->temperature;
        float most = s * sharpness;
        for (int64_t j = 0; j < n; j++) {
            scores[j] = scores[j] * sharpness - corrections[j];
            most = fmaxf(most, scores[j]);
        }
        const float own = expf(s * sharpness - most);
        for (int64_t j = 0; j < n; j++) {
            scores[j] = sgd_exp(scores[j] - most);
            total += scores[j];
        }
        total += own;
        const float scale = sharpness / total;
        for (int64_t j = 0; j < n; j++) scores[j] *= scale;
        *positive = scale * own - sharpness;
        return log((double)total) + most - s * sharpness;
    }
    default: /* SGD_CONTRASTIVE */
        for (int64_t j = 0; j < n; j++) {
            const float over = scores[j] - loss->margin;
            total += fmaxf(over, 0.0f);
            scores[j] = over > 0 ? share : 0.0f;
        }
        *positive = -1.0f;
        return 1.0 - (double)s + (double)share * total;
    }
}

/* Take the rows that all users of a block are scored against, and score them. */
static void LEVEL_NAME(score)(
    const SgdScratch *scratch, const float *item_vectors, const int32_t *rows, int64_t b, int64_t n, int64_t dim, int unit) {
    for (int64_t j = 0; j < n; j++)
        scratch->negative_lengths[j] =
            LEVEL_NAME(take)(item_vectors + rows[j] * dim, scratch->negatives + j * dim, dim, unit);
    for (int64_t j = 0; j < n; j++) /* (dim, n), so that a line of scores is made of whole vectors */
        for (int64_t k = 0; k < dim; k++) scratch->turned[k * n + j] = scratch->negatives[j * dim + k];
    memset(scratch->scores, 0, sizeof(float) * b * n);
    LEVEL_NAME(add_product)(scratch->users, dim, 1, scratch->turned, n, scratch->scores, n, b, dim, n);
}

/* Gradients of one block by its users, items and negatives; return the sum of its losses. */
static double LEVEL_NAME(block)(const SgdLoss *loss, const SgdBlock *block, const SgdScratch *scratch) {
    const int64_t b = block->pairs, n = block->negative_count, dim = block->dim;
    double total = 0;
    for (int64_t i = 0; i < b; i++) {
        scratch->user_lengths[i] = LEVEL_NAME(take)(block->user_vectors + block->users[i] * dim, scratch->users + i * dim, dim, loss->unit);
        scratch->item_lengths[i] = LEVEL_NAME(take)(block->item_vectors + block->items[i] * dim, scratch->items + i * dim, dim, loss->unit);
    }
    LEVEL_NAME(score)(scratch, block->item_vectors, block->negatives, b, n, dim, loss->unit);
    memset(block->user_gradients, 0, sizeof(float) * b * dim);
    if (n) memset(block->negative_gradients, 0, sizeof(float) * n * dim);
    for (int64_t i = 0; i < b; i++) {
        float *scores = scratch->scores + i * n;
        const int64_t *own = block->row_starts + block->users[i];
        sgd_mask(block->columns + own[0], own[1] - own[0], block->negatives, n, scores);
        float slope = LEVEL_NAME(dot)(scratch->users + i * dim, scratch->items + i * dim, dim);
        total += LEVEL_NAME(derive)(loss, block->labels[i], block->corrections, scores, n, &slope);
        for (int64_t k = 0; k < dim; k++) {
            block->user_gradients[i * dim + k] = slope * scratch->items[i * dim + k];
            block->item_gradients[i * dim + k] = slope * scratch->users[i * dim + k];
        }
    }
    LEVEL_NAME(add_product)(scratch->scores, n, 1, scratch->negatives, dim, block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(add_product)(scratch->scores, 1, n, scratch->users, dim, block->negative_gradients, dim, n, b, dim);
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
    for (int64_t i = 0; i < b; i++)
        scratch->user_lengths[i] = LEVEL_NAME(take)(block->user_vectors + i * dim, scratch->users + i * dim, dim, 1);
    LEVEL_NAME(score)(scratch, block->item_vectors, block->candidates, b, n, dim, 1);
    for (int64_t i = 0; i < b; i++) {
        float *scores = scratch->scores + i * n, most = SGD_MASKED, powers = 0, asked = 0;
        const int64_t *own = block->positive_starts + i;
        for (int64_t j = 0; j < n; j++) scores[j] = scores[j] * sharpness - block->corrections[j];
        sgd_mask(block->positives + own[0], own[1] - own[0], block->candidates, n, scores);
        for (int64_t j = 0; j < n; j++) most = fmaxf(most, scores[j]);
        for (int64_t t = block->target_starts[i]; t < block->target_starts[i + 1]; t++) {
            const int64_t j = sgd_place(block->candidates, 0, n, block->targets[t]);
            asked += block->weights[t];
            total += block->weights[t] * (double)(most - scores[j]);
        }
        for (int64_t j = 0; j < n; j++) {
            scores[j] = sgd_exp(scores[j] - most);
            powers += scores[j];
        }
        total += asked * log((double)powers);
        const float scale = sharpness * asked / powers;
        for (int64_t j = 0; j < n; j++) scores[j] *= scale;
        for (int64_t t = block->target_starts[i]; t < block->target_starts[i + 1]; t++)
            scores[sgd_place(block->candidates, 0, n, block->targets[t])] -= sharpness * block->weights[t];
    }
    memset(block->user_gradients, 0, sizeof(float) * b * dim);
    memset(block->candidate_gradients, 0, sizeof(float) * n * dim);
    LEVEL_NAME(add_product)(scratch->scores, n, 1, scratch->negatives, dim, block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(add_product)(scratch->scores, 1, n, scratch->users, dim, block->candidate_gradients, dim, n, b, dim);
    for (int64_t i = 0; i < b; i++)
        LEVEL_NAME(through_unit)(block->user_gradients + i * dim, scratch->users + i * dim, scratch->user_lengths[i], dim);
    for (int64_t j = 0; j < n; j++)
        LEVEL_NAME(through_unit)(block->candidate_gradients + j * dim, scratch->negatives + j * dim, scratch->negative_lengths[j], dim);
    return total;
}

/* One step of Adam for one row, its gradients (entries, dim) summed in the order given. */
static void LEVEL_NAME(move)(
    const SgdStep *step, const int32_t *entries, int64_t count, const float *gradients, int64_t dim,
    float *sum, float *row, float *first, float *second, float first_left, float second_left) {
    for (int64_t k = 0; k < dim; k++) sum[k] = step->regularization * row[k];
    for (int64_t e = 0; e < count; e++) {
        const float *gradient = gradients + entries[e] * dim;
        for (int64_t k = 0; k < dim; k++) sum[k] += step->scale * gradient[k];
    }
    for (int64_t k = 0; k < dim; k++) {
        first[k] = step->decay * first[k] + (1 - step->decay) * sum[k];
        second[k] = step->square_decay * second[k] + (1 - step->square_decay) * sum[k] * sum[k];
        row[k] -= step->rate * (first[k] / first_left) / (sqrtf(second[k] / second_left) + SGD_EPSILON);
    }
}

#include "simd/lanes_end.h"
