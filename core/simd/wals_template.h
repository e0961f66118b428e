/* The loops of WALS, written once; core/simd/wals.h includes this once a level.
 *
 * Expects: WALS(name) makes a function's name of this level, WALS_BYTES is the vector width.
 * Factor matrices are row-major with `dim` a multiple of 16, zeros where the model's dim is smaller.
 */

typedef float WALS(vec) __attribute__((vector_size(WALS_BYTES), aligned(4), may_alias));

#define VEC WALS(vec)
#define LANES (WALS_BYTES / 4)
#define AT(pointer, k) (*(const VEC *)((pointer) + (size_t)(k) * LANES))
#define SET(pointer, k) (*(VEC *)((pointer) + (size_t)(k) * LANES))

static inline __attribute__((always_inline)) float WALS(sum)(VEC v) {
    float total = 0;
    for (int i = 0; i < LANES; i++) total += v[i];
    return total;
}

/* gram += rows' rows, the upper triangle (and some of the lower), for one chunk of rows; blocks of
 * 4 x 4 vectors stay in registers. */
static void WALS(gram)(const float *rows, int64_t count, int dim, float *gram) {
    const int vectors = dim / LANES;
    for (int i = 0; i < dim; i += 4)
        for (int j = i / LANES; j < vectors; j += 4) {
            const int width = vectors - j < 4 ? vectors - j : 4;
            VEC sums[4][4];
            memset(sums, 0, sizeof sums);
            if (width == 4)
                for (int64_t r = 0; r < count; r++) {
                    const float *row = rows + r * dim;
                    const VEC v0 = AT(row, j), v1 = AT(row, j + 1), v2 = AT(row, j + 2), v3 = AT(row, j + 3);
                    for (int a = 0; a < 4; a++) {
                        sums[a][0] += row[i + a] * v0;
                        sums[a][1] += row[i + a] * v1;
                        sums[a][2] += row[i + a] * v2;
                        sums[a][3] += row[i + a] * v3;
                    }
                }
            else
                for (int64_t r = 0; r < count; r++) {
                    const float *row = rows + r * dim;
                    for (int b = 0; b < width; b++)
                        for (int a = 0; a < 4; a++) sums[a][b] += row[i + a] * AT(row, j + b);
                }
            for (int a = 0; a < 4; a++)
                for (int b = 0; b < width; b++) SET(gram + (size_t)(i + a) * dim, j + b) += sums[a][b];
        }
}

/* rows <- rows basis, in place, four rows at a time; scratch holds 4 x dim. */
static void WALS(rotate)(float *rows, int64_t count, int dim, const float *basis, float *scratch) {
    const int vectors = dim / LANES;
    for (int64_t r = 0; r < count; r += 4) {
        const int high = count - r < 4 ? (int)(count - r) : 4;
        float *block = rows + r * dim;
        memcpy(scratch, block, sizeof(float) * high * dim);
        for (int a = high; a < 4; a++) memset(scratch + a * dim, 0, sizeof(float) * dim);
        for (int j = 0; j < vectors; j += 4) {
            const int width = vectors - j < 4 ? vectors - j : 4;
            VEC sums[4][4];
            memset(sums, 0, sizeof sums);
            if (width == 4)
                for (int k = 0; k < dim; k++) {
                    const float *line = basis + (size_t)k * dim;
                    const VEC v0 = AT(line, j), v1 = AT(line, j + 1), v2 = AT(line, j + 2), v3 = AT(line, j + 3);
                    for (int a = 0; a < 4; a++) {
                        const float x = scratch[a * dim + k];
                        sums[a][0] += x * v0;
                        sums[a][1] += x * v1;
                        sums[a][2] += x * v2;
                        sums[a][3] += x * v3;
                    }
                }
            else
                for (int k = 0; k < dim; k++)
                    for (int b = 0; b < width; b++) {
                        const VEC v = AT(basis + (size_t)k * dim, j + b);
                        for (int a = 0; a < 4; a++) sums[a][b] += scratch[a * dim + k] * v;
                    }
            for (int a = 0; a < high; a++)
                for (int b = 0; b < width; b++) SET(block + (size_t)a * dim, j + b) = sums[a][b];
        }
    }
}

/* out += sum_e (rhs_e - excess_e <v_e, x>) v_e over the row's entries, four entries at a time: each
 * gathered row is loaded once for its dot product and comes back from the first-level cache for the
 * update. rhs_e = w a, excess_e = w - w0; `first` says whether rhs counts (the first residual).
 */
static inline __attribute__((always_inline)) void WALS(pass)(
    const int dim, const float *fixed, const int32_t *columns, const float *weights, int64_t count,
    float w0, int first, const float *x, float *out) {
    const int vectors = dim / LANES;
    int64_t e = 0;
    for (; e + 4 <= count; e += 4) {
        const float *v0 = fixed + (size_t)columns[e] * dim, *v1 = fixed + (size_t)columns[e + 1] * dim;
        const float *v2 = fixed + (size_t)columns[e + 2] * dim, *v3 = fixed + (size_t)columns[e + 3] * dim;
        if (e + 8 <= count)
            for (int a = 4; a < 8; a++) {
                const char *next = (const char *)(fixed + (size_t)columns[e + a] * dim);
                for (int byte = 0; byte < dim * 4; byte += 64) __builtin_prefetch(next + byte);
            }
        VEC d0 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
        for (int k = 0; k < vectors; k++) {
            const VEC xk = AT(x, k);
            d0 += AT(v0, k) * xk;
            d1 += AT(v1, k) * xk;
            d2 += AT(v2, k) * xk;
            d3 += AT(v3, k) * xk;
        }
        const float dots[4] = {WALS(sum)(d0), WALS(sum)(d1), WALS(sum)(d2), WALS(sum)(d3)};
        float t[4];
        for (int a = 0; a < 4; a++) {
            const float signed_weight = weights[e + a];
            const float weight = signed_weight < 0 ? -signed_weight : signed_weight;
            const float rhs = first && signed_weight > 0 ? weight : 0;
            t[a] = rhs - (weight - w0) * dots[a];
        }
        for (int k = 0; k < vectors; k++)
            SET(out, k) += (t[0] * AT(v0, k) + t[1] * AT(v1, k)) + (t[2] * AT(v2, k) + t[3] * AT(v3, k));
    }
    for (; e < count; e++) {
        const float *v = fixed + (size_t)columns[e] * dim;
        VEC d = {0};
        for (int k = 0; k < vectors; k++) d += AT(v, k) * AT(x, k);
        const float signed_weight = weights[e];
        const float weight = signed_weight < 0 ? -signed_weight : signed_weight;
        const float rhs = first && signed_weight > 0 ? weight : 0;
        const float t = rhs - (weight - w0) * WALS(sum)(d);
        for (int k = 0; k < vectors; k++) SET(out, k) += t * AT(v, k);
    }
}

/* Preconditioned conjugate gradient on (diag + sum excess v v') x = sum rhs v, in coordinates where the
 * part that all rows share is diagonal, so that the diagonal is the ideal preconditioner.
 * scratch: 4 x dim. Starts at x, improves it in place; returns the steps taken. */
static inline __attribute__((always_inline)) int WALS(solve_row)(
    const int dim, const float *fixed, const int32_t *columns, const float *weights, int64_t count,
    float w0, const float *shared, float lambda, int steps_max, float tolerance, float *x, float *scratch) {
    const int vectors = dim / LANES;
    float *r = scratch, *p = scratch + dim, *q = scratch + 2 * dim, *inverse = scratch + 3 * dim;
    for (int k = 0; k < dim; k++) {
        const float diagonal = shared[k] + lambda;
        inverse[k] = diagonal > 0 ? 1.0f / diagonal : 1.0f;
        r[k] = -diagonal * x[k];
    }
    WALS(pass)(dim, fixed, columns, weights, count, w0, 1, x, r);
    VEC total = {0};
    for (int k = 0; k < vectors; k++) {
        const VEC z = AT(r, k) * AT(inverse, k);
        SET(p, k) = z;
        total += AT(r, k) * z;
    }
    float rz = WALS(sum)(total);
    /* The goal is relative to the size of the solution in the same norm, |x|^2 = x' diag x. */
    int step = 0;
    for (; step < steps_max; step++) {
        VEC size = {0};
        for (int k = 0; k < vectors; k++) size += AT(x, k) * AT(x, k) / AT(inverse, k);
        const float goal = tolerance * tolerance * WALS(sum)(size);
        if (rz <= goal || rz < 1e-30f) break;
        for (int k = 0; k < dim; k++) q[k] = -(shared[k] + lambda) * p[k];
        WALS(pass)(dim, fixed, columns, weights, count, w0, 0, p, q); /* q = -A p */
        VEC curvature = {0};
        for (int k = 0; k < vectors; k++) curvature += AT(p, k) * AT(q, k);
        const float along = -WALS(sum)(curvature);
        if (!(along > 0)) break;
        const float alpha = rz / along;
        VEC next = {0};
        for (int k = 0; k < vectors; k++) {
            SET(x, k) += alpha * AT(p, k);
            SET(r, k) += alpha * AT(q, k);
            next += AT(r, k) * AT(r, k) * AT(inverse, k);
        }
        const float rz_next = WALS(sum)(next);
        const float beta = rz_next / rz;
        rz = rz_next;
        for (int k = 0; k < vectors; k++) SET(p, k) = AT(r, k) * AT(inverse, k) + beta * AT(p, k);
    }
    return step;
}

static inline __attribute__((always_inline)) void WALS(solve_range)(
    const int dim, const int64_t *starts, const int32_t *columns, const float *weights,
    const float *fixed, const float *shared, const float *lambdas, float w0, int steps, float tolerance,
    float relaxation, int64_t first, int64_t last, float *solved, float *scratch) {
    float *x = scratch + 4 * dim;
    for (int64_t row = first; row < last; row++) {
        float *target = solved + row * dim;
        const int64_t start = starts[row], count = starts[row + 1] - start;
        if (!count) { /* no data: the minimum is zero */
            memset(target, 0, sizeof(float) * dim);
            continue;
        }
        memcpy(x, target, sizeof(float) * dim);
        WALS(solve_row)(dim, fixed, columns + start, weights + start, count, w0, shared, lambdas[row],
                        steps, tolerance, x, scratch);
        for (int k = 0; k < dim; k++) target[k] += relaxation * (x[k] - target[k]);
    }
}

/* Dimensions known at compile time keep the solve's vectors in registers and unroll the passes. */
static void WALS(solve)(
    int dim, const int64_t *starts, const int32_t *columns, const float *weights, const float *fixed,
    const float *shared, const float *lambdas, float w0, int steps, float tolerance, float relaxation,
    int64_t first, int64_t last, float *solved, float *scratch) {
#define WALS_CASE(constant) \
    case constant: \
        WALS(solve_range)(constant, starts, columns, weights, fixed, shared, lambdas, w0, steps, \
                          tolerance, relaxation, first, last, solved, scratch); \
        return;
    switch (dim) {
        WALS_CASE(32)
        WALS_CASE(64)
        WALS_CASE(128)
        WALS_CASE(256)
    }
#undef WALS_CASE
    WALS(solve_range)(dim, starts, columns, weights, fixed, shared, lambdas, w0, steps, tolerance,
                      relaxation, first, last, solved, scratch);
}

/* Return sum over the rows' entries of (w - w0) s^2 - 2 w a s + w a, s = <u, v>: what the observed
 * pairs add to the loss beyond w0 s^2; a is 0 or 1. */
static double WALS(observed_loss)(
    int dim, const int64_t *starts, const int32_t *columns, const float *weights, const float *fixed,
    const float *solved, float w0, int64_t first, int64_t last) {
    const int vectors = dim / LANES;
    double total = 0;
    for (int64_t row = first; row < last; row++) {
        const float *x = solved + row * dim;
        for (int64_t e = starts[row]; e < starts[row + 1]; e++) {
            const float *v = fixed + (size_t)columns[e] * dim;
            VEC d = {0};
            for (int k = 0; k < vectors; k++) d += AT(v, k) * AT(x, k);
            const double s = WALS(sum)(d), weight = weights[e] < 0 ? -weights[e] : weights[e];
            total += (weight - w0) * s * s;
            if (weights[e] > 0) total += weight * (1 - 2 * s);
        }
    }
    return total;
}

#undef VEC
#undef LANES
#undef AT
#undef SET
