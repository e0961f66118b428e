/* From the scores of one training pair to the derivatives of its loss, included by sgd_template.h
 * once a level. Scores come in whole vectors. */
typedef int32_t LEVEL_NAME(ints) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
#define INTS LEVEL_NAME(ints)

INLINE VEC LEVEL_NAME(pick)(INTS where, VEC a, VEC b) {
    return (VEC)((where & (INTS)a) | (~where & (INTS)b));
}
INLINE VEC LEVEL_NAME(larger)(VEC a, VEC b) { return LEVEL_NAME(pick)(a > b, a, b); }

/* e^x to 2e-7 of itself for x <= 0. */
INLINE VEC LEVEL_NAME(exp)(VEC x) {
    const VEC turns = LEVEL_NAME(larger)(x, (VEC){0} - 87.0f) * 1.44269504f;
    const INTS whole = __builtin_convertvector(turns - 0.5f, INTS);
    const VEC part = turns - __builtin_convertvector(whole, VEC); /* -1/2..1/2 */
    VEC power = 1.535336188319500e-4f * part + 1.339887440266574e-3f;
    power = power * part + 9.618437357674640e-3f;
    power = power * part + 5.550332471162809e-2f;
    power = power * part + 2.402264791363012e-1f;
    power = power * part + 6.931472028550421e-1f;
    power = power * part + 1.0f;
    return (VEC)((INTS)(power * (VEC)((whole + 127) << 23)) & (x >= -87.0f));
}

/* log x for x in 1..2 to 1e-7. */
INLINE VEC LEVEL_NAME(log)(VEC x) {
    const VEC z = (x - 1.0f) / (x + 1.0f), q = z * z;
    return 2.0f * z *
           (1.0f +
               q * (0.333333333f +
                       q * (0.2f + q * (0.142857143f + q * (0.111111111f + q * 0.0909090909f)))));
}

INLINE float LEVEL_NAME(highest)(const float *values, int64_t n, float least) {
    VEC most = (VEC){0} + least;
    for (int64_t j = 0; j < n / LANES; j++) most = LEVEL_NAME(larger)(AT(values, j), most);
    for (int lane = 0; lane < LANES; lane++) least = most[lane] > least ? most[lane] : least;
    return least;
}

/* Mask all but the `kept` highest of n scores; of equals the first stay. */
static void LEVEL_NAME(keep_hardest)(float *scores, int64_t n, int64_t kept) {
    union {
        float number;
        int32_t bits;
    } low = {scores[0]}, high = {LEVEL_NAME(highest)(scores, n, scores[0])}, limit;
    VEC least = AT(scores, 0);
    for (int64_t j = 1; j < n / LANES; j++)
        least = LEVEL_NAME(pick)(AT(scores, j) < least, AT(scores, j), least);
    for (int lane = 0; lane < LANES; lane++)
        low.number = least[lane] < low.number ? least[lane] : low.number;
    int64_t first = sgd_ordered(low.bits), last = sgd_ordered(high.bits), reached = n;
    while (
        first < last && reached != kept) { /* at least `kept` reach first, fewer reach last + 1 */
        const int64_t half = first + (last - first + 1) / 2;
        INTS found = {0};
        limit.bits = sgd_ordered((int32_t)half);
        for (int64_t j = 0; j < n / LANES; j++) found -= AT(scores, j) >= limit.number;
        reached = 0;
        for (int lane = 0; lane < LANES; lane++) reached += found[lane];
        if (reached >= kept)
            first = half;
        else
            last = half - 1;
    }
    limit.bits = sgd_ordered((int32_t)first);
    const VEC masked = (VEC){0} + SGD_MASKED;
    if (reached == kept) {
        for (int64_t j = 0; j < n / LANES; j++)
            SET(scores, j) = LEVEL_NAME(pick)(AT(scores, j) >= limit.number, AT(scores, j), masked);
        return;
    }
    for (int64_t j = 0; j < n; j++) kept -= scores[j] > limit.number;
    for (int64_t j = 0; j < n; j++)
        if (scores[j] < limit.number || (scores[j] == limit.number && kept-- <= 0))
            scores[j] = SGD_MASKED;
}

/* Replace scores by e^(score - most), most being no less than any; return their sum. */
INLINE float LEVEL_NAME(to_powers)(float *scores, int64_t n, float most) {
    VEC sum = {0};
    for (int64_t j = 0; j < n / LANES; j++) {
        const VEC power = LEVEL_NAME(exp)(AT(scores, j) - most);
        SET(scores, j) = power;
        sum += power;
    }
    return LEVEL_NAME(sum)(sum);
}

/* Replace scores by share * sigmoid(score - origin); return share * sum softplus(score - origin).
 */
INLINE float LEVEL_NAME(to_sigmoids)(float *scores, int64_t n, float origin, float share) {
    VEC sum = {0};
    const VEC zero = {0}, one = zero + 1.0f;
    for (int64_t j = 0; j < n / LANES; j++) {
        const VEC x = AT(scores, j) - origin;
        const VEC e = LEVEL_NAME(exp)((VEC)((INTS)x | INT32_MIN)); /* of -|x| */
        sum += LEVEL_NAME(larger)(x, zero) + LEVEL_NAME(log)(1.0f + e);
        SET(scores, j) = share * LEVEL_NAME(pick)(x >= zero, one, e) / (1.0f + e);
    }
    return share * LEVEL_NAME(sum)(sum);
}

/* Turn one pair's scores into derivatives of its loss, in place; return the loss.
 *
 * scores (n,): of the negatives, SGD_MASKED where one is a positive of the user. `positive` is the
 * score of the pair itself, and becomes the derivative by it. */
static double LEVEL_NAME(derive)(const SgdLoss *loss, float label, const float *corrections,
    float *scores, int64_t n, float *positive) {
    const int64_t kept = loss->hard_count && loss->hard_count < n ? loss->hard_count : n;
    const float share = n ? loss->negative_weight / (float)kept : 0.0f;
    const float s = *positive;
    const VEC zero = {0};
    VEC sum = {0};
    if (kept < n) LEVEL_NAME(keep_hardest)(scores, n, kept);
    switch (loss->kind) {
    case SGD_SQUARED:
        for (int64_t j = 0; j < n / LANES; j++) {
            const VEC x = LEVEL_NAME(pick)(AT(scores, j) > SGD_MASKED / 2, AT(scores, j), zero);
            sum += x * x;
            SET(scores, j) = 2 * share * x;
        }
        *positive = 2 * (s - label);
        return (double)(s - label) * (s - label) + (double)share * LEVEL_NAME(sum)(sum);
    case SGD_LOGISTIC: {
        const float total = LEVEL_NAME(to_sigmoids)(scores, n, 0.0f, share);
        *positive = 1.0f / (1.0f + expf(-s)) - label;
        return total + log1p(exp(-fabs((double)s))) + (s > 0 ? s : 0) - (double)label * s;
    }
    case SGD_BPR: {
        const float total = LEVEL_NAME(to_sigmoids)(scores, n, s, share);
        for (int64_t j = 0; j < n / LANES; j++) sum += AT(scores, j);
        *positive = -LEVEL_NAME(sum)(sum);
        return total;
    }
    case SGD_SOFTMAX: {
        const float sharpness = 1.0f / loss->temperature;
        for (int64_t j = 0; j < n / LANES; j++)
            SET(scores, j) = AT(scores, j) * sharpness - AT(corrections, j);
        const float most = LEVEL_NAME(highest)(scores, n, s * sharpness);
        const float own = expf(s * sharpness - most),
                    total = own + LEVEL_NAME(to_powers)(scores, n, most);
        const float scale = sharpness / total;
        for (int64_t j = 0; j < n / LANES; j++) SET(scores, j) = AT(scores, j) * scale;
        *positive = scale * own - sharpness;
        return log((double)total) + most - s * sharpness;
    }
    default: /* SGD_CONTRASTIVE */
        for (int64_t j = 0; j < n / LANES; j++) {
            const VEC over = LEVEL_NAME(larger)(AT(scores, j) - loss->margin, zero);
            sum += over;
            SET(scores, j) = LEVEL_NAME(pick)(over > zero, zero + share, zero);
        }
        *positive = -1.0f;
        return 1.0 - (double)s + (double)share * LEVEL_NAME(sum)(sum);
    }
}

#undef INTS
