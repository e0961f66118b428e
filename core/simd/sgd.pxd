"""What simd/sgd.h offers to the kernels of stochastic gradients and of distillation."""

from libc.stdint cimport int32_t, int64_t

cdef extern from "simd/sgd.h" nogil:
    ctypedef struct SgdLoss:
        int kind, unit
        float negative_weight, temperature, margin
        int64_t hard_count

    ctypedef struct SgdBlock:
        int64_t pairs, negative_count, dim
        const int32_t *users
        const int32_t *items
        const float *labels
        const int32_t *negatives
        const float *corrections
        const float *user_vectors
        const float *item_vectors
        const int64_t *row_starts
        const int32_t *columns
        float *user_gradients
        float *item_gradients
        float *negative_gradients

    ctypedef struct SgdScratch:
        float *users
        float *items
        float *negatives
        float *turned
        float *scores
        float *slopes
        float *user_lengths
        float *item_lengths
        float *negative_lengths

    ctypedef struct DistillBlock:
        int64_t users, candidate_count, dim
        const float *user_vectors
        const int64_t *positive_starts
        const int32_t *positives
        const int32_t *candidates
        const float *corrections
        const float *item_vectors
        const int64_t *target_starts
        const int32_t *targets
        const float *weights
        float *user_gradients
        float *candidate_gradients

    ctypedef struct SgdStep:
        float rate, decay, square_decay, scale, regularization

    ctypedef struct SgdRows:
        int64_t dim
        const int32_t *rows
        const int64_t *starts
        const int32_t *entries
        const float *gradients
        float *vectors
        float *first_moments
        float *second_moments
        int32_t *steps
        const float *first_scales
        const float *second_scales
        int64_t scale_count

    ctypedef struct SgdFunctions:
        double (*block)(const SgdLoss *, const SgdBlock *, const SgdScratch *) noexcept nogil
        double (*distill)(float, const DistillBlock *, const SgdScratch *) noexcept nogil
        void (*move)(const SgdStep *, const SgdRows *, int64_t, int64_t) noexcept nogil

    const SgdFunctions sgd_functions[4]
    int64_t sgd_line(int64_t) noexcept
