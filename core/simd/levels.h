/* SIMD levels and how one template header becomes one set of functions a level.
 *
 * A kernel family NAME consists of core/simd/NAME_template.h (the loops, written once with GNU
 * vector types) and core/simd/NAME.h, which includes the template once per level between
 * LEVEL_*_BEGIN and LEVEL_END and lists the functions in a table indexed by level. The caller
 * passes the level; no kernel looks at the processor or the environment (core/cpu.py does, once a
 * call from Python).
 *
 * Own tables rather than target_clones: clones cannot be forced to a level by a test, and clang 14
 * dispatches them wrongly.
 */
#ifndef SHORTLIST_LEVELS_H
#define SHORTLIST_LEVELS_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

enum {
    LEVEL_BASELINE = 0,
    LEVEL_AVX2 = 1,
    LEVEL_AVX512 = 2,
    LEVEL_AVX512VNNI = 3,
    LEVEL_COUNT = 4
};

#if defined(__x86_64__)
#define LEVELS_X86 1
#else
#define LEVELS_X86 0
#endif

#define LEVEL_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define LEVEL_BEGIN(features) \
    LEVEL_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define LEVEL_END _Pragma("clang attribute pop")
#else
#define LEVEL_BEGIN(features) _Pragma("GCC push_options") LEVEL_PRAGMA(GCC target(features))
#define LEVEL_END _Pragma("GCC pop_options")
#endif

#define LEVEL_AVX2_BEGIN LEVEL_BEGIN("avx2,fma,bmi,bmi2,popcnt")
#if defined(__clang__)
#define LEVEL_AVX512_BEGIN \
    LEVEL_BEGIN("avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl")
#define LEVEL_AVX512VNNI_BEGIN \
    LEVEL_BEGIN("avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#else /* for some processors gcc would otherwise make two 256-bit vectors of each */
#define LEVEL_AVX512_BEGIN \
    LEVEL_BEGIN( \
        "avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define LEVEL_AVX512VNNI_BEGIN \
    LEVEL_BEGIN("avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni," \
                "prefer-vector-width=512")
#endif

/* The highest level this processor runs. */
static inline int levels_best(void) {
#if LEVELS_X86
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi2")))
        return LEVEL_BASELINE;
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")))
        return LEVEL_AVX2;
    return __builtin_cpu_supports("avx512vnni") ? LEVEL_AVX512VNNI : LEVEL_AVX512;
#else
    return LEVEL_BASELINE;
#endif
}

#endif
