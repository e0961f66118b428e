"""What simd/scan.h offers to the kernels that scan."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "simd/scan.h" nogil:
    ctypedef struct ScanTask:
        const float *items
        int64_t dim
        const int32_t *rows
        const uint64_t *eligible
        int64_t start
        int64_t stop
        const float *queries
        int64_t query_count
        int64_t stride
        const int64_t *excluded_starts
        const int32_t *excluded_rows
        const uint64_t *allowed
        int unordered
        const uint8_t *codes
        const float *scales
        const int32_t *query_codes
        const int32_t *query_offsets
        int64_t groups

    ctypedef struct ScanLists:
        int64_t keep
        int64_t capacity
        int64_t *counts
        int64_t *cursors
        float *thresholds
        float *scores
        int32_t *rows

    ctypedef struct ScanKernels:
        int64_t panel_floats_per_dim
        int64_t query_words
        void (*scan)(const ScanTask *, ScanLists *, float *) noexcept nogil
        void (*scan_int8)(const ScanTask *, ScanLists *) noexcept nogil
        void (*score_rows)(
            const float *, int64_t, const float *, const int32_t *, int64_t, float *) noexcept nogil

    const ScanKernels scan_kernels[4]
    int64_t scan_finish(
        int, const ScanTask *, float, int64_t, const float *, const int32_t *, const int64_t *,
        int64_t, int64_t, int64_t, int64_t, int64_t,
        float *, int32_t *, uint64_t *, uint8_t *) noexcept
    void quantize_query(int, const float *, int64_t, int64_t, int32_t *, int32_t *) noexcept
    int64_t first_beyond(const float *, int64_t, float) noexcept
