/* A five-point stencil, back and forth between two grids. */
#include "bench.h"

enum { N = 250 };
static double a[N][N], b[N][N];

static void sweep(double (*to)[N], double (*from)[N])
{
    for (uint32_t i = 1; i < N - 1; i++)
        for (uint32_t j = 1; j < N - 1; j++)
            to[i][j] = 0.2 * (from[i][j] + from[i][j - 1] + from[i][j + 1] + from[i + 1][j] + from[i - 1][j]);
}

int main(int argc, char **argv)
{
    uint32_t steps = bench_size(argc, argv, 300);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t j = 0; j < N; j++)
            a[i][j] = b[i][j] = (double)(i * (j + 2) % 101) / 101;
    for (uint32_t t = 0; t < steps; t++) {
        sweep(b, a);
        sweep(a, b);
    }
    for (uint32_t i = 0; i < N; i++)
        sum = bench_mix_double(sum, a[i][(i * 7) % N]);
    return bench_report("jacobi2d", sum);
}
