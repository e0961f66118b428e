/* Eigenvectors of a small symmetric matrix in double, written once; eigen.h includes this per
 * level.
 *
 * Householder reduction to a tridiagonal matrix, then implicit QL steps (Golub and Van Loan, Matrix
 * Computations, chapter 8). Eigenvectors are kept as rows, so that every loop runs along a row. QL
 * itself looks at the tridiagonal matrix alone: its rotations are noted, and EIGEN_SWEEPS sweeps of
 * them applied together to a block of columns, which stays in the second-level cache meanwhile.
 *
 * Expects LEVEL_NAME and LANES, floats a vector; n is a multiple of 16, so that vectors divide a
 * row.
 */

#define WIDTH (LANES / 2)
typedef double LEVEL_NAME(doubles) __attribute__((vector_size(WIDTH * 8), aligned(8), may_alias));
#define VEC LEVEL_NAME(doubles)
#define AT(pointer, k) (*(const VEC *)((pointer) + (size_t)(k) * WIDTH))
#define SET(pointer, k) (*(VEC *)((pointer) + (size_t)(k) * WIDTH))
#define INLINE static inline __attribute__((always_inline))

/* Sum of a[j] b[j] over the vectors from `first` on. */
INLINE double LEVEL_NAME(dot)(const double *a, const double *b, int first, int vectors) {
    VEC even = {0}, odd = {0};
    int k = first;
    for (; k + 1 < vectors; k += 2) {
        even += AT(a, k) * AT(b, k);
        odd += AT(a, k + 1) * AT(b, k + 1);
    }
    if (k < vectors) even += AT(a, k) * AT(b, k);
    even += odd;
    double total = 0;
    for (int i = 0; i < WIDTH; i++) total += even[i];
    return total;
}

/* Reduce a (n x n) to the tridiagonal (diagonal, beside), beside[k] joining k and k + 1. Row k of
 * `a` keeps the vector v of the reflection I - scale[k] v v', zero up to k. w: n doubles. */
static void LEVEL_NAME(tridiagonal)(
    int n, double *a, double *diagonal, double *beside, double *scale, double *w) {
    const int vectors = n / WIDTH;
    for (int k = 0; k < n; k++) {
        double *v = a + (size_t)k * n;
        const int first = (k + 1) / WIDTH;
        diagonal[k] = v[k];
        beside[k] = k + 1 < n ? v[k + 1] : 0;
        scale[k] = 0;
        for (int j = first * WIDTH; j <= k; j++) v[j] = 0;
        if (k + 2 >= n) continue;
        const double square = LEVEL_NAME(dot)(v, v, first, vectors), head = v[k + 1];
        if (!(square - head * head > 1e-32 * square)) continue;
        const double length = __builtin_sqrt(square);
        beside[k] = head > 0 ? -length : length;
        v[k + 1] = head - beside[k];
        const double twice = scale[k] = 1 / (square - head * beside[k]); /* 2 / v'v */
        for (int j = first * WIDTH; j <= k; j++) w[j] = 0;
        double along = 0;
        for (int i = k + 1; i < n; i++) {
            w[i] = twice * LEVEL_NAME(dot)(a + (size_t)i * n, v, first, vectors);
            along += w[i] * v[i];
        }
        for (int i = k + 1; i < n; i++) w[i] -= twice / 2 * along * v[i];
        for (int i = k + 1; i < n; i++) {
            double *row = a + (size_t)i * n;
            const double vi = v[i], wi = w[i];
            for (int b = first; b < vectors; b++) SET(row, b) -= vi * AT(w, b) + wi * AT(v, b);
        }
    }
}

/* rows (n x n) = the product of the reflections, transposed: its rows are the basis. */
static void LEVEL_NAME(reflections)(int n, const double *a, const double *scale, double *rows) {
    const int vectors = n / WIDTH;
    memset(rows, 0, sizeof(double) * n * n);
    for (int i = 0; i < n; i++) rows[(size_t)i * n + i] = 1;
    for (int k = n - 3; k >= 0; k--) {
        const double *v = a + (size_t)k * n;
        const int first = (k + 1) / WIDTH;
        if (scale[k] == 0) continue;
        for (int i = k + 1; i < n; i++) {
            double *row = rows + (size_t)i * n;
            const double much = scale[k] * LEVEL_NAME(dot)(row, v, first, vectors);
            for (int b = first; b < vectors; b++) SET(row, b) -= much * AT(v, b);
        }
    }
}

#define BLOCK 4 /* vectors a row that travel together */

/* Mix the rows low..high of BLOCK vectors each by the rotations of a sweep that went from high to
 * low. */
INLINE void LEVEL_NAME(sweep)(
    int low, int high, const double *cosines, const double *sines, double *block) {
    const size_t length = BLOCK * WIDTH;
    VEC carried[BLOCK];
#pragma GCC unroll 4
    for (int c = 0; c < BLOCK; c++) carried[c] = AT(block + high * length, c);
    for (int i = high - 1; i >= low; i--) {
        double *row = block + i * length;
        const double cosine = cosines[i], sine = sines[i];
#pragma GCC unroll 4
        for (int c = 0; c < BLOCK; c++) {
            const VEC here = AT(row, c);
            SET(row + length, c) = sine * here + cosine * carried[c];
            carried[c] = cosine * here - sine * carried[c];
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < BLOCK; c++) SET(block + low * length, c) = carried[c];
}

/* Mix `rows` by the sweeps noted: their ends in `ends`, a row of cosines and one of sines each.
 * Columns are copied out: rows a power of two apart would all lie in the same few places of the
 * cache. */
static void LEVEL_NAME(apply)(
    int n, int count, const int (*ends)[2], const double *noted, double *rows, double *block) {
    const int length = BLOCK * WIDTH;
    for (int j = 0; j < n; j += length) {
        const size_t bytes = sizeof(double) * (n - j < length ? n - j : length);
        for (int i = 0; i < n; i++)
            memcpy(block + (size_t)i * length, rows + (size_t)i * n + j, bytes);
        for (int at = 0; at < count; at++) {
            const double *cosines = noted + (size_t)2 * at * n;
            LEVEL_NAME(sweep)(ends[at][0], ends[at][1], cosines, cosines + n, block);
        }
        for (int i = 0; i < n; i++)
            memcpy(rows + (size_t)i * n + j, block + (size_t)i * length, bytes);
    }
}

/* Diagonalise (diagonal, beside) by implicit QL, its rotations mixing `rows`. Return 0 without
 * convergence. noted: 2 EIGEN_SWEEPS x n, behind it room for n x BLOCK vectors. */
static int LEVEL_NAME(diagonalise)(
    int n, double *diagonal, double *beside, double *rows, double *noted) {
    double *block = noted + (size_t)2 * EIGEN_SWEEPS * n;
    int ends[EIGEN_SWEEPS][2], count = 0;
    memset(block, 0, sizeof(double) * n * BLOCK * WIDTH); /* the last columns may not fill it */
    for (int low = 0; low < n; low++) {
        for (int round = 0;; round++) {
            int high = low;
            for (; high + 1 < n; high++) {
                const double near =
                    __builtin_fabs(diagonal[high]) + __builtin_fabs(diagonal[high + 1]);
                if (__builtin_fabs(beside[high]) <= 1e-16 * near) break;
            }
            if (high == low) break;
            if (round == 60) return 0;
            /* Wilkinson's shift. */
            double g = (diagonal[low + 1] - diagonal[low]) / (2 * beside[low]);
            double r = __builtin_sqrt(g * g + 1);
            g = diagonal[high] - diagonal[low] + beside[low] / (g + (g < 0 ? -r : r));
            double sine = 1, cosine = 1, shift = 0;
            double *cosines = noted + (size_t)2 * count * n, *sines = cosines + n;
            int i = high - 1;
            for (; i >= low; i--) {
                const double f = sine * beside[i], b = cosine * beside[i];
                beside[i + 1] = r = __builtin_sqrt(f * f + g * g);
                if (r == 0) { /* the matrix falls apart here */
                    diagonal[i + 1] -= shift;
                    beside[high] = 0;
                    break;
                }
                sines[i] = sine = f / r;
                cosines[i] = cosine = g / r;
                g = diagonal[i + 1] - shift;
                r = (diagonal[i] - g) * sine + 2 * cosine * b;
                shift = sine * r;
                diagonal[i + 1] = g + shift;
                g = cosine * r - b;
            }
            if (i < low) {
                diagonal[low] -= shift;
                beside[low] = g;
                beside[high] = 0;
            }
            ends[count][0] = i + 1;
            ends[count][1] = high;
            if (++count == EIGEN_SWEEPS) {
                LEVEL_NAME(apply)(n, count, ends, noted, rows, block);
                count = 0;
            }
        }
    }
    LEVEL_NAME(apply)(n, count, ends, noted, rows, block);
    return 1;
}

/* a (n x n) symmetric, used up -> values (n,), in no order, and the eigenvectors as `rows`.
 * scratch: EIGEN_SCRATCH x n. */
static int LEVEL_NAME(eigen)(int n, double *a, double *values, double *rows, double *scratch) {
    double *beside = scratch, *scale = scratch + n, *w = scratch + 2 * n;
    LEVEL_NAME(tridiagonal)(n, a, values, beside, scale, w);
    LEVEL_NAME(reflections)(n, a, scale, rows);
    return LEVEL_NAME(diagonalise)(n, values, beside, rows, scratch + 2 * n);
}

#undef BLOCK
#undef WIDTH
#undef VEC
#undef AT
#undef SET
#undef INLINE
