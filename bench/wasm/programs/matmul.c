/* Integer and single precision matrix products over flat arrays. */
#include "bench.h"

int main(int argc, char **argv)
{
    uint32_t n = bench_size(argc, argv, 400), random = 5;
    int32_t *a = malloc(n * n * sizeof(*a)), *b = malloc(n * n * sizeof(*b));
    float *f = malloc(n * n * sizeof(*f));
    uint64_t sum = 0;
    if (!a || !b || !f)
        return 1;
    for (uint32_t i = 0; i < n * n; i++) {
        a[i] = (int32_t)bench_random(&random) % 1000 - 500;
        b[i] = (int32_t)bench_random(&random) % 1000 - 500;
        f[i] = (float)a[i] * 0.125f;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            int32_t total = 0;
            float total_f = 0;
            for (uint32_t k = 0; k < n; k++) {
                total += a[i * n + k] * b[k * n + j];
                total_f += f[i * n + k] * f[k * n + j];
            }
            sum = bench_mix_double(bench_mix(sum, (uint32_t)total), (double)total_f);
        }
    free(a);
    free(b);
    free(f);
    return bench_report("matmul", sum);
}
