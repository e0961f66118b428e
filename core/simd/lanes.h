/* One vector type and its reductions for the level being compiled; included by templates once a
 * level.
 *
 * Expects LEVEL_NAME(name), which makes a name of this level, and LANES: 4, 8 or 16 floats a
 * vector. Factor matrices are row-major with a row length that is a multiple of 16, so that every
 * level's vectors divide a row.
 */

typedef float LEVEL_NAME(vec) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef float LEVEL_NAME(eight) __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t LEVEL_NAME(word) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t LEVEL_NAME(mask) __attribute__((vector_size(32), aligned(4), may_alias));

#define VEC LEVEL_NAME(vec)
#define EIGHT LEVEL_NAME(eight)
#define MASK LEVEL_NAME(mask)
#define WORD LEVEL_NAME(word)
#define AT(pointer, k) (*(const VEC *)((pointer) + (size_t)(k) * LANES))
#define SET(pointer, k) (*(VEC *)((pointer) + (size_t)(k) * LANES))
#define WORDS(pointer, k) (*(WORD *)((pointer) + (size_t)(k) * LANES))
#define INLINE static inline __attribute__((always_inline))

/* Halves are added to halves: a fifth of the latency of adding one float after another. */
INLINE float LEVEL_NAME(sum)(VEC v) {
#if LANES == 16
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif LANES == 8
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
#else
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
#endif
    return v[0] + v[1];
}

/* Return the sums of eight vectors as one vector of eight floats: pairs are merged while they are
 * halved, so that it costs three operations a vector instead of a whole reduction each. */
INLINE EIGHT LEVEL_NAME(sum_eight)(const VEC *v) {
#define MERGE(a, b, ...) \
    (__builtin_shufflevector(a, b, MERGE_LOW) + __builtin_shufflevector(a, b, MERGE_HIGH))
#if LANES == 16
#define MERGE_LOW 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define MERGE_HIGH 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
    const VEC a = MERGE(v[0], v[2]), b = MERGE(v[4], v[6]), c = MERGE(v[1], v[3]),
              d = MERGE(v[5], v[7]);
#undef MERGE_LOW
#undef MERGE_HIGH
#define MERGE_LOW 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define MERGE_HIGH 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
    const VEC e = MERGE(a, b),
              f = MERGE(c, d); /* a lane of four floats for each of 0 2 4 6, 1 3 5 7 */
#undef MERGE_LOW
#undef MERGE_HIGH
#define MERGE_LOW 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define MERGE_HIGH 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
    const VEC g = MERGE(e, f); /* two floats for each, in order */
    return __builtin_shufflevector(g, g, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(g, g, 1, 3, 5, 7, 9, 11, 13, 15);
#elif LANES == 8
#define MERGE_LOW 0, 1, 2, 3, 8, 9, 10, 11
#define MERGE_HIGH 4, 5, 6, 7, 12, 13, 14, 15
    const VEC a = MERGE(v[0], v[4]), b = MERGE(v[1], v[5]), c = MERGE(v[2], v[6]),
              d = MERGE(v[3], v[7]);
#undef MERGE_LOW
#undef MERGE_HIGH
#define MERGE_LOW 0, 1, 8, 9, 4, 5, 12, 13
#define MERGE_HIGH 2, 3, 10, 11, 6, 7, 14, 15
    const VEC e = MERGE(a, b), f = MERGE(c, d);
    return __builtin_shufflevector(e, f, 0, 2, 8, 10, 4, 6, 12, 14) +
           __builtin_shufflevector(e, f, 1, 3, 9, 11, 5, 7, 13, 15);
#else
#define MERGE_LOW 0, 1, 4, 5
#define MERGE_HIGH 2, 3, 6, 7
    const VEC a = MERGE(v[0], v[1]), b = MERGE(v[2], v[3]), c = MERGE(v[4], v[5]),
              d = MERGE(v[6], v[7]);
    const VEC low =
        __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
    const VEC high =
        __builtin_shufflevector(c, d, 0, 2, 4, 6) + __builtin_shufflevector(c, d, 1, 3, 5, 7);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#endif
#undef MERGE_LOW
#undef MERGE_HIGH
#undef MERGE
}
