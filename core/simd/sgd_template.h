/* One block of sampled training pairs, written once; sgd.h includes this per level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h), PRODUCT_ROWS and PRODUCT_WIDTH (see sgd_products.h).
 */
#include "simd/lanes.h"

#include "simd/sgd_losses.h"
#include "simd/sgd_products.h"

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

/* From the gradient by a unit vector to the gradient by the vector: what lies along it falls away.
 */
INLINE void LEVEL_NAME(through_unit)(
    float *gradient, const float *unit, float length, int64_t dim) {
    const float along = LEVEL_NAME(dot)(gradient, unit, dim), scale = 1.0f / length;
    for (int64_t k = 0; k < dim / LANES; k++)
        SET(gradient, k) = (AT(gradient, k) - along * AT(unit, k)) * scale;
}

/* Take the rows that all users of a block are scored against, and score them. */
static void LEVEL_NAME(score)(const SgdScratch *scratch, const float *item_vectors,
    const int32_t *rows, int64_t b, int64_t n, int64_t dim, int unit) {
    for (int64_t j = 0; j < n; j++) {
        if (j + SGD_AHEAD < n) sgd_fetch(item_vectors + rows[j + SGD_AHEAD] * dim, dim);
        scratch->negative_lengths[j] =
            LEVEL_NAME(take)(item_vectors + rows[j] * dim, scratch->negatives + j * dim, dim, unit);
    }
    for (int64_t j = 0, width; j < n;
        j += width) { /* turned panel by panel, then each is a product */
        float *panel = scratch->turned + j * dim;
        width = n - j < PRODUCT_WIDTH * LANES ? n - j : PRODUCT_WIDTH * LANES;
        for (int64_t k = 0; k < dim; k++)
            for (int64_t w = 0; w < width; w++)
                panel[k * width + w] = scratch->negatives[(j + w) * dim + k];
        LEVEL_NAME(product)(
            scratch->users, dim, 1, panel, width, scratch->scores + j, sgd_line(n), b, dim, width);
    }
}

/* Gradients of one block by its users, items and negatives; return the sum of its losses. */
static double LEVEL_NAME(block)(
    const SgdLoss *loss, const SgdBlock *block, const SgdScratch *scratch) {
    const int64_t b = block->pairs, n = block->negative_count, dim = block->dim;
    double total = 0;
    SgdFilter filter;
    for (int64_t i = 0; i < b; i++) {
        if (i + SGD_AHEAD < b) {
            sgd_fetch(block->user_vectors + block->users[i + SGD_AHEAD] * dim, dim);
            sgd_fetch(block->item_vectors + block->items[i + SGD_AHEAD] * dim, dim);
        }
        scratch->user_lengths[i] = LEVEL_NAME(take)(
            block->user_vectors + block->users[i] * dim, scratch->users + i * dim, dim, loss->unit);
        scratch->item_lengths[i] = LEVEL_NAME(take)(
            block->item_vectors + block->items[i] * dim, scratch->items + i * dim, dim, loss->unit);
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
    LEVEL_NAME(product)(scratch->scores, sgd_line(n), 1, scratch->negatives, dim,
        block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(product)(scratch->scores, 1, sgd_line(n), scratch->users, dim,
        block->negative_gradients, dim, n, b, dim);
    for (int64_t i = 0; i < b; i++) {
        const float slope = scratch->slopes[i], *user = scratch->users + i * dim,
                    *item = scratch->items + i * dim;
        for (int64_t k = 0; k < dim / LANES; k++) {
            SET(block->user_gradients + i * dim, k) += slope * AT(item, k);
            SET(block->item_gradients + i * dim, k) = slope * AT(user, k);
        }
    }
    if (loss->unit) {
        for (int64_t i = 0; i < b; i++) {
            LEVEL_NAME(through_unit)(block->user_gradients + i * dim, scratch->users + i * dim,
                scratch->user_lengths[i], dim);
            LEVEL_NAME(through_unit)(block->item_gradients + i * dim, scratch->items + i * dim,
                scratch->item_lengths[i], dim);
        }
        for (int64_t j = 0; j < n; j++)
            LEVEL_NAME(through_unit)(block->negative_gradients + j * dim,
                scratch->negatives + j * dim, scratch->negative_lengths[j], dim);
    }
    return total;
}

/* Gradients of -sum of weight log softmax(cosine / temperature) over what the teacher ranked of
 * each user, by the user's and the candidates' vectors; return the sum of the losses. */
static double LEVEL_NAME(distill)(
    float temperature, const DistillBlock *block, const SgdScratch *scratch) {
    const int64_t b = block->users, n = block->candidate_count, dim = block->dim;
    const float sharpness = 1.0f / temperature;
    double total = 0;
    SgdFilter filter;
    for (int64_t i = 0; i < b; i++)
        scratch->user_lengths[i] =
            LEVEL_NAME(take)(block->user_vectors + i * dim, scratch->users + i * dim, dim, 1);
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
            scores[sgd_place(block->candidates, 0, n, block->targets[t])] -=
                sharpness * block->weights[t];
    }
    LEVEL_NAME(product)(scratch->scores, sgd_line(n), 1, scratch->negatives, dim,
        block->user_gradients, dim, b, n, dim);
    LEVEL_NAME(product)(scratch->scores, 1, sgd_line(n), scratch->users, dim,
        block->candidate_gradients, dim, n, b, dim);
    for (int64_t i = 0; i < b; i++)
        LEVEL_NAME(through_unit)(block->user_gradients + i * dim, scratch->users + i * dim,
            scratch->user_lengths[i], dim);
    for (int64_t j = 0; j < n; j++)
        LEVEL_NAME(through_unit)(block->candidate_gradients + j * dim, scratch->negatives + j * dim,
            scratch->negative_lengths[j], dim);
    return total;
}

/* One step of Adam for rows first..last-1, the gradients of each summed in the order given. */
static void LEVEL_NAME(move)(
    const SgdStep *step, const SgdRows *moved, int64_t first, int64_t last) {
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
        const float rate = step->rate * moved->first_scales[at],
                    root_scale = moved->second_scales[at];
        float *vector = moved->vectors + row * dim;
        float *means = moved->first_moments + row * dim,
              *squares = moved->second_moments + row * dim;
        for (int64_t k = 0; k < dim / LANES; k++) {
            VEC sum = {0};
            for (int64_t e = moved->starts[i]; e < moved->starts[i + 1]; e++)
                sum += AT(moved->gradients + moved->entries[e] * dim, k);
            sum = step->scale * sum + step->regularization * AT(vector, k);
            const VEC mean = step->decay * AT(means, k) + (1 - step->decay) * sum;
            const VEC square =
                step->square_decay * AT(squares, k) + (1 - step->square_decay) * sum * sum;
            float roots[LANES];
            for (int lane = 0; lane < LANES; lane++) roots[lane] = sqrtf(square[lane]);
            SET(means, k) = mean;
            SET(squares, k) = square;
            SET(vector, k) =
                AT(vector, k) - rate * mean / (AT(roots, 0) * root_scale + SGD_EPSILON);
        }
    }
}

#include "simd/lanes_end.h"
