/* Dense linear algebra in double precision: C = alpha A B + beta C. */
#include "bench.h"

enum { MAX = 400 };
static double a[MAX][MAX], b[MAX][MAX], c[MAX][MAX];

int main(int argc, char **argv)
{
    uint32_t n = bench_size(argc, argv, 400);
    uint64_t sum = 0;
    if (n > MAX)
        return 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            a[i][j] = (double)(i * j % 7) / 7;
            b[i][j] = (double)((i + j) % 11) / 11;
            c[i][j] = (double)(i + 2 * j) / n;
        }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++)
            c[i][j] *= 1.2;
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t j = 0; j < n; j++)
                c[i][j] += 1.5 * a[i][k] * b[k][j];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            sum = bench_mix_double(sum, c[i][j]);
    return bench_report("gemm", sum);
}
