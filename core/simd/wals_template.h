/* The row solves of WALS, written once; core/simd/wals.h includes this once a level.
 *
 * Expects LEVEL_NAME and LANES (see lanes.h). A row's system, in coordinates in which the part that
 * all rows share is diagonal, is
 *
 *     A x = b,  A = diag(shared + lambda) + sum_e excess_e v_e v_e',  b = lambda prior + sum_e w_e
 * a_e v_e,
 *
 * over the row's entries e, with excess = w - w0, a = 1, or 0 where the weight carries a minus
 * sign.
 */
#include "simd/lanes.h"
#include "simd/wals_pass.h"

/* Start a row's solve: r = b - A x, inverse = 1 / diag (kept off 0). Return the row's share of the
 * objective at x: its pairs, observed or not, and lambda |x - prior|^2. */
INLINE float LEVEL_NAME(residual)(const int dim, const int halved, const WalsRows *rows,
    int64_t row, const float *x, float *r, float *inverse) {
    const int64_t start = rows->row_starts[row], stop = rows->row_starts[row + 1];
    const int64_t ahead = rows->row_starts[rows->row_count] - start;
    const float lambda = rows->lambdas[row];
    VEC total = {0};
    for (int k = 0; k < dim / LANES; k++) {
        const VEC diagonal = AT(rows->shared, k) + lambda, xk = AT(x, k), pull = diagonal * xk;
        total += xk * pull;
        SET(r, k) = -pull;
        SET(inverse, k) = 1.0f / (diagonal + rows->guard);
    }
    const float *prior = rows->prior ? rows->prior + row * rows->prior_stride : NULL;
    for (int k = 0; k < dim / LANES && prior; k++) {
        const VEC drawn = lambda * AT(prior, k);
        SET(r, k) += drawn;
        total += drawn * (AT(prior, k) - 2 * AT(x, k));
    }
    return LEVEL_NAME(sum)(total) + LEVEL_NAME(pass)(dim, halved, WALS_RESIDUAL, rows->fixed,
                                        rows->columns + start, rows->weights + start, stop - start,
                                        ahead, rows->w0, x, r);
}

/* Conjugate gradient on A d = r with the shared diagonal as preconditioner; r is used up. It stops
 * after `steps`, or when what is left is below `tolerance` of what there was, in the diagonal's
 * norm. Return by how much x + d lies below x. scratch: p and q, 2 x dim. */
INLINE float LEVEL_NAME(descend)(const int dim, const int halved, const WalsRows *rows, int64_t row,
    float *r, const float *inverse, float *d, float *scratch) {
    const int vectors = dim / LANES;
    const int64_t start = rows->row_starts[row], count = rows->row_starts[row + 1] - start;
    const int64_t ahead = rows->row_starts[rows->row_count] - start;
    const int32_t *columns = rows->columns + start;
    const float *weights = rows->weights + start, lambda = rows->lambdas[row];
    float *p = scratch, *q = scratch + dim, gain = 0;
    VEC total = {0};
    for (int k = 0; k < vectors; k++) {
        const VEC z = AT(r, k) * AT(inverse, k);
        SET(p, k) = z;
        SET(d, k) = (VEC){0};
        total += AT(r, k) * z;
    }
    float rz = LEVEL_NAME(sum)(total);
    const float goal = rz * rows->tolerance * rows->tolerance + 1e-30f;
    for (int step = 0; step < rows->steps && rz > goal; step++) {
        const int last = step + 1 == rows->steps; /* its product with A only says how far to go */
        VEC shared = {0};
        for (int k = 0; k < vectors; k++) {
            const VEC pk = AT(p, k), qk = (AT(rows->shared, k) + lambda) * pk;
            SET(q, k) = qk;
            shared += pk * qk;
        }
        const float along = LEVEL_NAME(sum)(shared) +
                            (last ? LEVEL_NAME(pass)(dim, halved, WALS_CURVATURE, rows->fixed,
                                        columns, weights, count, ahead, rows->w0, p, q)
                                  : LEVEL_NAME(pass)(dim, halved, WALS_PRODUCT, rows->fixed,
                                        columns, weights, count, ahead, rows->w0, p, q));
        if (!(along > 0)) break;
        const float alpha = rz / along;
        gain += alpha * rz;
        for (int k = 0; k < vectors; k++) SET(d, k) += alpha * AT(p, k);
        if (last) break;
        VEC next = {0};
        for (int k = 0; k < vectors; k++) {
            const VEC left = AT(r, k) - alpha * AT(q, k);
            SET(r, k) = left;
            next += left * left * AT(inverse, k);
        }
        const float rz_next = LEVEL_NAME(sum)(next), beta = rz_next / rz;
        rz = rz_next;
        for (int k = 0; k < vectors; k++) SET(p, k) = AT(r, k) * AT(inverse, k) + beta * AT(p, k);
    }
    return gain;
}

/* x += relaxation d. Return lambda |x - prior|^2 after it. */
INLINE float LEVEL_NAME(move)(
    const int dim, const WalsRows *rows, int64_t row, const float *d, float *x) {
    const float *prior = rows->prior ? rows->prior + row * rows->prior_stride : NULL;
    VEC total = {0};
    for (int k = 0; k < dim / LANES; k++) {
        const VEC moved = AT(x, k) + rows->relaxation * AT(d, k);
        VEC off = moved;
        if (prior) off -= AT(prior, k);
        SET(x, k) = moved;
        total += off * off;
    }
    return rows->lambdas[row] * LEVEL_NAME(sum)(total);
}

INLINE void LEVEL_NAME(solve_range)(const int dim, const int halved, const WalsRows *rows,
    int64_t first, int64_t last, float *scratch, double *energy) {
    float *r = scratch, *inverse = scratch + dim, *d = scratch + 2 * dim, *p = scratch + 3 * dim;
    /* Moving relaxation times the way to the minimum along d wins this share of what is to be won.
     */
    const float share = rows->relaxation * (2 - rows->relaxation);
    double objective = 0, penalty = 0; /* next to where energy lies another thread writes its own */
    for (int64_t row = first; row < last; row++) {
        float *x = rows->solved + row * dim;
        if (rows->row_starts[row] == rows->row_starts[row + 1]) { /* no data: the minimum is zero */
            memset(x, 0, sizeof(float) * dim);
            continue;
        }
        const float before = LEVEL_NAME(residual)(dim, halved, rows, row, x, r, inverse);
        const float gain = LEVEL_NAME(descend)(dim, halved, rows, row, r, inverse, d, p);
        objective += before - share * gain;
        penalty += LEVEL_NAME(move)(dim, rows, row, d, x);
    }
    energy[0] += objective, energy[1] += penalty;
}

/* Dimensions known at compile time let the compiler unroll the passes and keep vectors in
 * registers. */
static void LEVEL_NAME(solve)(
    const WalsRows *rows, int64_t first, int64_t last, float *scratch, double *energy) {
#define DIM_CASE(constant, halved) \
    case constant: \
        LEVEL_NAME(solve_range)(constant, halved, rows, first, last, scratch, energy); \
        return;
    if (rows->halved) {
        switch (rows->dim) {
            DIM_CASE(128, 1)
            DIM_CASE(192, 1)
            DIM_CASE(256, 1)
        }
        LEVEL_NAME(solve_range)(rows->dim, 1, rows, first, last, scratch, energy);
        return;
    }
    switch (rows->dim) {
        DIM_CASE(32, 0)
        DIM_CASE(64, 0)
        DIM_CASE(96, 0)
        DIM_CASE(128, 0)
        DIM_CASE(192, 0)
        DIM_CASE(256, 0)
    }
#undef DIM_CASE
    LEVEL_NAME(solve_range)(rows->dim, 0, rows, first, last, scratch, energy);
}

#include "simd/wals_exact.h"

/* Return what the entries of the rows add to the objective beyond w0 <u, v>^2 over all pairs. */
static double LEVEL_NAME(observed_loss)(const WalsRows *rows, int64_t first, int64_t last) {
    double total = 0;
    for (int64_t row = first; row < last; row++) {
        const float *x = rows->solved + row * rows->dim;
        for (int64_t e = rows->row_starts[row]; e < rows->row_starts[row + 1]; e++) {
            const float *v = rows->fixed + (size_t)rows->columns[e] * rows->dim;
            VEC d = {0};
            for (int k = 0; k < rows->dim / LANES; k++) d += AT(v, k) * AT(x, k);
            const double s = LEVEL_NAME(sum)(d), weight = rows->weights[e];
            total += ((weight < 0 ? -weight : weight) - rows->w0) * s * s;
            if (weight > 0) total += weight * (1 - 2 * s);
        }
    }
    return total;
}

#undef HELD
#undef FAR
#include "simd/lanes_end.h"
