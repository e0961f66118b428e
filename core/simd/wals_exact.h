/* The exact row solve at one level; part of wals_template.h.
 *
 * In the coordinates y = diag^(1/2) x the system is I + sum_e excess_e s_e s_e', s_e = diag^(-1/2)
 * v_e, well enough conditioned for floats; what rounding leaves is taken out by solving once more
 * for the residual. A pivot that floats cannot be trusted with sends the row to wals_way_in_double.
 */

#define PANEL 16 /* gathered rows whose products are added at once */

/* system[i..i+3][j..j+width vectors] += sum over PANEL rows of left[i..] right[j..]. */
INLINE void LEVEL_NAME(panel_tile)(
    const int width, const float *left, const float *right, int dim, int i, int j, float *system) {
    VEC sums[4][2];
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++)
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) sums[a][b] = AT(system + (size_t)(i + a) * dim + j, b);
    for (int e = 0; e < PANEL; e++) {
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) {
            const VEC v = AT(right + (size_t)e * dim + j, b);
#pragma GCC unroll 4
            for (int a = 0; a < 4; a++) sums[a][b] += left[(size_t)e * dim + i + a] * v;
        }
    }
#pragma GCC unroll 4
    for (int a = 0; a < 4; a++)
#pragma GCC unroll 2
        for (int b = 0; b < width; b++) SET(system + (size_t)(i + a) * dim + j, b) = sums[a][b];
}

/* system = diag(diagonal) + sum_e excess_e s_e s_e', its upper triangle; panel: 2 x PANEL x dim. */
static void LEVEL_NAME(normal_matrix)(const WalsRows *rows, int64_t row, const float *root,
    const float *diagonal, float *system, float *panel) {
    const int dim = rows->dim;
    float *left = panel, *right = panel + (size_t)PANEL * dim;
    memset(system, 0, sizeof(float) * dim * dim);
    for (int i = 0; i < dim; i++) system[(size_t)i * dim + i] = diagonal[i];
    for (int64_t e = rows->row_starts[row]; e < rows->row_starts[row + 1]; e += PANEL) {
        const int64_t high = rows->row_starts[row + 1] - e;
        for (int a = 0; a < PANEL; a++) {
            if (a >= high) {
                memset(right + (size_t)a * dim, 0, sizeof(float) * dim);
                memset(left + (size_t)a * dim, 0, sizeof(float) * dim);
                continue;
            }
            const float *v = rows->fixed + (size_t)rows->columns[e + a] * dim;
            const float excess = __builtin_fabsf(rows->weights[e + a]) - rows->w0;
            for (int k = 0; k < dim / LANES; k++) {
                const VEC scaled = AT(v, k) * AT(root, k);
                SET(right + (size_t)a * dim, k) = scaled;
                SET(left + (size_t)a * dim, k) = excess * scaled;
            }
        }
        const int vectors = 16 / LANES > 2 ? 2 : 16 / LANES;
        for (int j = 0; j < dim; j += vectors * LANES)
            for (int i = 0; i < j + vectors * LANES; i += 4)
                LEVEL_NAME(panel_tile)(vectors, left, right, dim, i, j, system);
    }
}

/* Factor the upper triangle in place, system = R'R, four rows of R at a time. Return 0 on a bad
 * pivot. Vectors start at multiples of LANES, so they also sweep over entries left of the diagonal:
 * unused. */
static int LEVEL_NAME(factor)(int dim, const float *diagonal, float *system) {
    const int vectors = dim / LANES;
    for (int k = 0; k < dim; k += 4) {
        for (int m = k; m < k + 4; m++) {
            float *line = system + (size_t)m * dim;
            for (int above = k; above < m; above++) {
                const float *other = system + (size_t)above * dim;
                for (int b = m / LANES; b < vectors; b++) SET(line, b) -= other[m] * AT(other, b);
            }
            if (!(line[m] > 1e-4f * diagonal[m])) return 0;
            const float scale = 1 / __builtin_sqrtf(line[m]);
            for (int b = m / LANES; b < vectors; b++) SET(line, b) *= scale;
        }
        const float *r0 = system + (size_t)k * dim, *r1 = r0 + dim, *r2 = r1 + dim, *r3 = r2 + dim;
        for (int i = k + 4; i < dim; i++) {
            float *line = system + (size_t)i * dim;
            const float s0 = r0[i], s1 = r1[i], s2 = r2[i], s3 = r3[i];
            for (int b = i / LANES; b < vectors; b++)
                SET(line, b) -=
                    (s0 * AT(r0, b) + s1 * AT(r1, b)) + (s2 * AT(r2, b) + s3 * AT(r3, b));
        }
    }
    return 1;
}

/* y <- (R'R)^-1 y. */
static void LEVEL_NAME(back_and_forth)(int dim, const float *system, float *y) {
    for (int k = 0; k < dim; k++) {
        const float *line = system + (size_t)k * dim;
        const float solved = y[k] /= line[k];
        for (int i = k + 1; i < dim; i++) y[i] -= solved * line[i];
    }
    for (int k = dim - 1; k >= 0; k--) {
        const float *line = system + (size_t)k * dim;
        float sum = y[k];
        for (int i = k + 1; i < dim; i++) sum -= line[i] * y[i];
        y[k] = sum / line[k];
    }
}

/* Write the way d from x to the row's minimum; return 0 where floats cannot be trusted with it.
 * scratch: r, inverse, then (dim + 2 PANEL + 5) x dim. */
static int LEVEL_NAME(way_to_minimum)(const WalsRows *rows, int64_t row, const float *x,
    const float *r, const float *inverse, float *d, float *scratch) {
    const int dim = rows->dim, vectors = dim / LANES;
    float *root = scratch, *y = root + dim, *moved = y + dim, *unused = moved + dim;
    float *diagonal = unused + dim, *panel = diagonal + dim,
          *system = panel + (size_t)2 * PANEL * dim;
    for (int i = 0; i < dim; i++) {
        root[i] = __builtin_sqrtf(inverse[i]);
        diagonal[i] = (rows->shared[i] + rows->lambdas[row]) * inverse[i];
    }
    LEVEL_NAME(normal_matrix)(rows, row, root, diagonal, system, panel);
    for (int i = 0; i < dim; i++) diagonal[i] = system[(size_t)i * dim + i];
    if (!LEVEL_NAME(factor)(dim, diagonal, system)) return 0;
    memset(d, 0, sizeof(float) * dim);
    memcpy(moved, r, sizeof(float) * dim);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < vectors; k++) SET(y, k) = AT(moved, k) * AT(root, k);
        LEVEL_NAME(back_and_forth)(dim, system, y);
        for (int k = 0; k < vectors; k++) SET(d, k) += AT(y, k) * AT(root, k);
        if (round == 1) break;
        for (int k = 0; k < vectors; k++) SET(y, k) = AT(x, k) + AT(d, k);
        LEVEL_NAME(residual)(dim, 0, rows, row, y, moved, unused);
    }
    return 1;
}

/* Solve rows exactly; return how many have no unique solution. scratch: WALS_EXACT_ROWS(dim) x dim.
 */
static int64_t LEVEL_NAME(solve_exactly)(
    const WalsRows *rows, int64_t first, int64_t last, float *scratch, double *energy) {
    const int dim = rows->dim, vectors = dim / LANES;
    float *r = scratch, *inverse = scratch + dim, *d = scratch + 2 * dim, *rest = scratch + 3 * dim;
    const float share = rows->relaxation * (2 - rows->relaxation);
    double objective = 0, penalty = 0;
    int64_t unsolved = 0;
    for (int64_t row = first; row < last; row++) {
        float *x = rows->solved + row * dim;
        if (rows->row_starts[row] == rows->row_starts[row + 1]) {
            memset(x, 0, sizeof(float) * dim);
            continue;
        }
        const float before = LEVEL_NAME(residual)(dim, 0, rows, row, x, r, inverse);
        if (!LEVEL_NAME(way_to_minimum)(rows, row, x, r, inverse, d, rest) &&
            !wals_way_in_double(rows, row, x, d, rest)) {
            unsolved++;
            continue;
        }
        VEC gain = {0}; /* f(x) - f(x + d) = d'A d = d'r */
        for (int k = 0; k < vectors; k++) gain += AT(d, k) * AT(r, k);
        objective += before - share * LEVEL_NAME(sum)(gain);
        penalty += LEVEL_NAME(move)(dim, rows, row, d, x);
    }
    energy[0] += objective, energy[1] += penalty;
    return unsolved;
}

#undef PANEL
