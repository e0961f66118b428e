/* What this machine can do at best: reads one array again and again, or multiplies registers.
 * usage: peak read BYTES | peak fma -> gigabytes or gigaflops a second, one thread */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define CHAINS 12
typedef float vector __attribute__((vector_size(4 * LANES)));

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static vector read_all(const float *values, long count) {
    vector sums[8] = {0};
    for (long i = 0; i + 8 * LANES <= count; i += 8 * LANES)
        for (int j = 0; j < 8; j++) {
            vector v;
            memcpy(&v, values + i + j * LANES, sizeof v);
            sums[j] += v;
        }
    for (int j = 1; j < 8; j++) sums[0] += sums[j];
    return sums[0];
}

static vector multiply(long rounds) {
    vector sums[CHAINS] = {0}, x = (vector){0} + 0.999f, y = (vector){0} + 0.001f;
    for (long i = 0; i < rounds; i++)
        for (int j = 0; j < CHAINS; j++) {
            sums[j] = sums[j] * x + y; /* one instruction with -ffp-contract=fast */
            __asm__ volatile("" : "+x"(sums[j]));
        }
    for (int j = 1; j < CHAINS; j++) sums[0] += sums[j];
    return sums[0];
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    const int reading = !strcmp(argv[1], "read");
    const long count = reading ? atol(argv[2]) / 4 : 4000000;
    float *values = reading ? calloc(count + 1, 4) : 0, sink = 0;
    for (long i = 0; reading && i < count; i++) values[i] = (float)(i & 7);
    double times[15];
    for (int round = 0; round < 15; round++) {
        const double start = seconds();
        const vector v = reading ? read_all(values, count) : multiply(count);
        times[round] = seconds() - start;
        sink += v[0];
        for (int j = round; j > 0 && times[j] < times[j - 1]; j--) {
            const double swap = times[j];
            times[j] = times[j - 1];
            times[j - 1] = swap;
        }
    }
    const double work = reading ? 4.0 * count : 2.0 * LANES * CHAINS * count;
    printf("%.3f\n", work / times[7] / 1e9);
    return sink == 0.5f; /* keeps the sums alive */
}
