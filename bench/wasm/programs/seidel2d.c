/* A nine-point stencil in place: every point waits for its neighbour. */
#include "bench.h"

enum { N = 250 };
static double a[N][N];

int main(int argc, char **argv)
{
    uint32_t steps = bench_size(argc, argv, 200);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t j = 0; j < N; j++)
            a[i][j] = ((double)i * (j + 2) + 2) / N;
    for (uint32_t t = 0; t < steps; t++)
        for (uint32_t i = 1; i < N - 1; i++)
            for (uint32_t j = 1; j < N - 1; j++)
                a[i][j] = (a[i - 1][j - 1] + a[i - 1][j] + a[i - 1][j + 1] + a[i][j - 1] + a[i][j] +
                           a[i][j + 1] + a[i + 1][j - 1] + a[i + 1][j] + a[i + 1][j + 1]) /
                          9.0;
    for (uint32_t i = 0; i < N; i++)
        sum = bench_mix_double(sum, a[i][(i * 7) % N]);
    return bench_report("seidel2d", sum);
}
