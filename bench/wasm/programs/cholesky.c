/* Cholesky decomposition of a symmetric matrix with a heavy diagonal; square roots included. */
#include "bench.h"

enum { MAX = 600 };
static double a[MAX][MAX];

int main(int argc, char **argv)
{
    uint32_t n = bench_size(argc, argv, 550);
    uint64_t sum = 0;
    if (n > MAX)
        return 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            a[i][j] = i == j ? n : (double)((i * 3 + j) % 17) / 17;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            for (uint32_t k = 0; k < j; k++)
                a[i][j] -= a[i][k] * a[j][k];
            a[i][j] /= a[j][j];
        }
        for (uint32_t k = 0; k < i; k++)
            a[i][i] -= a[i][k] * a[i][k];
        a[i][i] = __builtin_sqrt(a[i][i]);
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++)
            sum = bench_mix_double(sum, a[i][j]);
    return bench_report("cholesky", sum);
}
