/* Stochastic gradient steps of matrix factorization: one table of functions a level (see
 * sgd_template.h). A block is some training pairs that share their sampled negatives, so that its
 * scores and gradients are products of small dense matrices. */
#ifndef SHORTLIST_SGD_H
#define SHORTLIST_SGD_H

#include <math.h>

#include "simd/levels.h"
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpsabi" /* wide vectors never cross a file */
#elif defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define SGD_MASKED -1e30f /* score of a negative that is a positive of this user */
#define SGD_TINY 1e-12f
#define SGD_EPSILON 1e-8f
#define SGD_AHEAD 4  /* rows fetched before their turn */
#define SGD_LIKED 64 /* of a user's items at most so many are fetched */
#define PRODUCT_LINES 128

enum { SGD_SQUARED, SGD_LOGISTIC, SGD_BPR, SGD_SOFTMAX, SGD_CONTRASTIVE };

typedef struct {
    int kind;
    int unit; /* scores are cosines */
    float negative_weight, temperature, margin;
    int64_t hard_count; /* a pair keeps so many of its negatives, the best-scored; 0: all */
} SgdLoss;

typedef struct {
    int64_t pairs, negative_count, dim; /* negative_count and dim are multiples of 16 */
    const int32_t *users, *items;       /* (pairs,) rows */
    const float *labels;                /* (pairs,) 1, or 0 for a dislike */
    const int32_t *negatives;           /* (negative_count,) rows, ascending */
    const float *corrections;           /* (negative_count,) log of how often each is expected */
    const float *user_vectors, *item_vectors; /* (rows, dim) */
    const int64_t *row_starts;                /* positives of each user */
    const int32_t *columns;                   /* ascending in a row */
    float *user_gradients, *item_gradients,
        *negative_gradients; /* written: (pairs or negatives, dim) */
} SgdBlock;

typedef struct {
    float *users, *items, *negatives; /* (pairs or negatives, dim) */
    float *turned;                    /* (dim, negatives) in panels */
    float *scores;                    /* (pairs, negatives), a line each sgd_line floats */
    float *slopes;                    /* (pairs,) derivatives by the pairs' own scores */
    float *user_lengths, *item_lengths, *negative_lengths;
} SgdScratch;

/* Users whose rankings a teacher gave; `candidates` hold all that it ranked, and others. */
typedef struct {
    int64_t users, candidate_count, dim; /* candidate_count and dim are multiples of 16 */
    const float *user_vectors;           /* (users, dim) */
    const int64_t *positive_starts;      /* (users + 1,) what each has and is not to be ranked */
    const int32_t *positives;            /* ascending for a user */
    const int32_t *candidates;           /* (candidate_count,) rows, ascending */
    const float *corrections;            /* (candidate_count,) taken off the logits */
    const float *item_vectors;           /* (rows, dim) */
    const int64_t *target_starts;        /* (users + 1,) */
    const int32_t *targets;              /* rows among the candidates */
    const float *weights;                /* of the targets */
    float *user_gradients, *candidate_gradients; /* written: (users or candidates, dim) */
} DistillBlock;

typedef struct {
    float rate, decay, square_decay, scale, regularization;
} SgdStep;

/* Rows to move, none twice, with the state of Adam for all rows. */
typedef struct {
    int64_t dim;
    const int32_t *rows;    /* (m,) */
    const int64_t *starts;  /* (m + 1,) where the entries of each begin */
    const int32_t *entries; /* gradients of each row, in the order they are summed */
    const float *gradients; /* (entries, dim) */
    float *vectors, *first_moments, *second_moments; /* (all rows, dim) */
    int32_t *steps; /* (all rows,) moves of each so far, counted up */
    const float *first_scales,
        *second_scales; /* (scale_count,) of the moments, by steps; the last for all more */
    int64_t scale_count;
} SgdRows;

/* A set that may hold more than it was given: most of what is not there is seen at one look. */
typedef struct {
    uint64_t bits[512];
} SgdFilter;

/* Floats from one line of scores to the next: never a power of two, which would meet in one set of
 * the cache. */
static inline int64_t sgd_line(int64_t n) { return n + 16; }

static inline void sgd_fill(SgdFilter *filter, const int32_t *rows, int64_t count) {
    memset(filter, 0, sizeof *filter);
    for (int64_t j = 0; j < count; j++)
        filter->bits[(rows[j] >> 6) & 511] |= (uint64_t)1 << (rows[j] & 63);
}

/* The first place in low..high of ascending rows that is not before `row`. */
static inline int64_t sgd_place(const int32_t *rows, int64_t low, int64_t high, int32_t row) {
    while (low < high) {
        const int64_t middle = (low + high) >> 1;
        if (rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Ask for a row of floats before it is needed. */
static inline void sgd_fetch(const float *row, int64_t dim) {
    for (int64_t k = 0; k < dim; k += 16) __builtin_prefetch(row + k, 1);
}

/* Ask for what users like before it is looked through. */
static inline void sgd_fetch_liked(const SgdBlock *block, int64_t user) {
    const int64_t start = block->row_starts[user], count = block->row_starts[user + 1] - start;
    for (int64_t at = 0; at < count && at < SGD_LIKED; at += 16)
        __builtin_prefetch(block->columns + start + at);
}

/* Mark the negatives that a user likes; both lists ascend, the filter holds the negatives. */
static inline void sgd_mask(const SgdFilter *filter, const int32_t *liked, int64_t liked_count,
    const int32_t *negatives, int64_t count, float *scores) {
    int64_t low = 0;
    for (int64_t at = 0; at < liked_count; at++) {
        if (!((filter->bits[(liked[at] >> 6) & 511] >> (liked[at] & 63)) & 1)) continue;
        low = sgd_place(negatives, low, count, liked[at]);
        for (int64_t j = low; j < count && negatives[j] == liked[at]; j++) scores[j] = SGD_MASKED;
    }
}

/* Integers in the order of the floats whose bits they are; its own inverse. */
static inline int32_t sgd_ordered(int32_t bits) { return bits < 0 ? bits ^ 0x7fffffff : bits; }

#define LEVEL_NAME(name) sgd_##name##_baseline
#define LANES 4
#define PRODUCT_ROWS 4
#define PRODUCT_WIDTH 2
#include "simd/sgd_template.h"
#undef LEVEL_NAME
#undef LANES
#undef PRODUCT_ROWS
#undef PRODUCT_WIDTH

#if LEVELS_X86
LEVEL_AVX2_BEGIN
#define LEVEL_NAME(name) sgd_##name##_avx2
#define LANES 8
#define PRODUCT_ROWS 6
#define PRODUCT_WIDTH 2
#include "simd/sgd_template.h"
#undef LEVEL_NAME
#undef LANES
#undef PRODUCT_ROWS
#undef PRODUCT_WIDTH
LEVEL_END

LEVEL_AVX512_BEGIN
#define LEVEL_NAME(name) sgd_##name##_avx512
#define LANES 16
#define PRODUCT_ROWS 6
#define PRODUCT_WIDTH 4
#include "simd/sgd_template.h"
#undef LEVEL_NAME
#undef LANES
#undef PRODUCT_ROWS
#undef PRODUCT_WIDTH
LEVEL_END
#endif

typedef struct {
    double (*block)(const SgdLoss *, const SgdBlock *, const SgdScratch *);
    double (*distill)(float, const DistillBlock *, const SgdScratch *);
    void (*move)(const SgdStep *, const SgdRows *, int64_t first, int64_t last);
} SgdFunctions;

static const SgdFunctions sgd_functions[LEVEL_COUNT] = {
    {sgd_block_baseline, sgd_distill_baseline, sgd_move_baseline},
#if LEVELS_X86
    {sgd_block_avx2, sgd_distill_avx2, sgd_move_avx2},
    {sgd_block_avx512, sgd_distill_avx512, sgd_move_avx512},
    {sgd_block_avx512, sgd_distill_avx512, sgd_move_avx512},
#else
    {sgd_block_baseline, sgd_distill_baseline, sgd_move_baseline},
    {sgd_block_baseline, sgd_distill_baseline, sgd_move_baseline},
    {sgd_block_baseline, sgd_distill_baseline, sgd_move_baseline},
#endif
};

#endif
