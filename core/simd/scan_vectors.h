/* The loops of scan.h for one SIMD level: LEVEL, LANES (4, 8 or 16), PANELS, QUERIES_WIDE, FMA.
 *
 * A tile is LANES rows in eight vectors. With 8 lanes vector a is eight dims of row a; with 16 it
 * is the same eight dims of two rows, ROW_LOW(a) and ROW_HIGH(a); with 4 it is half of row a % 4,
 * dims HALF(a)..HALF(a)+3.
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
#define PAIR(a, b) \
    ((VF)_mm512_mask_broadcast_f32x8( \
        _mm512_castps256_ps512(_mm256_loadu_ps(a)), 0xff00, _mm256_loadu_ps(b)))
#define PAIR_TAIL(a, b, n) \
    ((VF)_mm512_mask_broadcast_f32x8( \
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
#define PAIR_TAIL(a, b, n) \
    ((void)(b), (VF)_mm256_maskload_ps(a, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), \
                                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))))
#define GROUP(a) NAME(load)(a)
#define ABOVE(v, t) \
    ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)(v), (__m256)(t), _CMP_GT_OQ)))
#else
#if LEVELS_X86
#define ABOVE(v, t) ((uint32_t)_mm_movemask_ps(_mm_cmpgt_ps((__m128)(v), (__m128)(t))))
#define LESSER(a, b) ((VF)_mm_min_ps((__m128)(a), (__m128)(b)))
#define LARGER(a, b) ((VF)_mm_max_ps((__m128)(a), (__m128)(b)))
#else
SCAN_INLINE VF NAME(choose)(NAME(vi) which, VF yes, VF no) {
    return (VF)((which & (NAME(vi))yes) | (~which & (NAME(vi))no));
}
#define LESSER(a, b) NAME(choose)((NAME(vi))((a) < (b)), a, b)
#define LARGER(a, b) NAME(choose)((NAME(vi))((a) > (b)), a, b)
SCAN_INLINE uint32_t NAME(above)(VF v, VF t) {
    const NAME(vi) bit = {1, 2, 4, 8};
    uint64_t words[2];
    const NAME(vi) found = (NAME(vi))(v > t) & bit;
    memcpy(words, &found, sizeof words);
    return (uint32_t)((words[0] | words[1]) | (words[0] | words[1]) >> 32);
}
#define ABOVE(v, t) NAME(above)(v, t)
#endif
#define PAIR(a, b) ((void)(b), NAME(load)(a))
SCAN_INLINE VF NAME(load_tail)(const float *from, int64_t n) {
    VF v = {0};
    memcpy(&v, from, 4 * (n < 0 ? 0 : n > LANES ? LANES : n));
    return v;
}
#define PAIR_TAIL(a, b, n) ((void)(b), NAME(load_tail)(a, n))
#define GROUP(a) NAME(load)(a)
#endif

#define SPLAT(x) ((x) - (VF){0})

/* Transpose eight vectors: out[l] holds lane l of every row, rows in the order of ROW_OF below. */
#if LANES == 16
#define MIX(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 16 + o, 1 + o, 17 + o, 4 + o, 20 + o, 5 + o, 21 + o, \
        8 + o, 24 + o, 9 + o, 25 + o, 12 + o, 28 + o, 13 + o, 29 + o)
#define JOIN(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 1 + o, 16 + o, 17 + o, 4 + o, 5 + o, 20 + o, 21 + o, \
        8 + o, 9 + o, 24 + o, 25 + o, 12 + o, 13 + o, 28 + o, 29 + o)
#define HALVES(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 1 + o, 2 + o, 3 + o, 8 + o, 9 + o, 10 + o, 11 + o, \
        16 + o, 17 + o, 18 + o, 19 + o, 24 + o, 25 + o, 26 + o, 27 + o)
#define ROW_LOW(a) ((a) < 4 ? (a) : (a) + 4)
#define ROW_HIGH(a) ((a) < 4 ? (a) + 4 : (a) + 8)
#define HALF(a) 0
#elif LANES == 8
#define MIX(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 8 + o, 1 + o, 9 + o, 4 + o, 12 + o, 5 + o, 13 + o)
#define JOIN(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 1 + o, 8 + o, 9 + o, 4 + o, 5 + o, 12 + o, 13 + o)
#define HALVES(a, b, o) \
    __builtin_shufflevector(a, b, 0 + o, 1 + o, 2 + o, 3 + o, 8 + o, 9 + o, 10 + o, 11 + o)
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
