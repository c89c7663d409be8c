/* LU decomposition in place, of a matrix with a heavy diagonal. */
#include "bench.h"

enum { MAX = 500 };
static double a[MAX][MAX];

int main(int argc, char **argv)
{
    uint32_t n = bench_size(argc, argv, 480), random = 19;
    uint64_t sum = 0;
    if (n > MAX)
        return 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            a[i][j] = (double)(bench_random(&random) % 1000) / 1000 + (i == j ? n : 0);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = k + 1; i < n; i++) {
            a[i][k] /= a[k][k];
            for (uint32_t j = k + 1; j < n; j++)
                a[i][j] -= a[i][k] * a[k][j];
        }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            sum = bench_mix_double(sum, a[i][j]);
    return bench_report("lu", sum);
}
