/* All shortest paths (Floyd and Warshall) in integers: loads, a comparison, stores. */
#include "bench.h"

enum { MAX = 400 };
static int32_t distance[MAX][MAX];

int main(int argc, char **argv)
{
    uint32_t n = bench_size(argc, argv, 400), random = 23;
    uint64_t sum = 0;
    if (n > MAX)
        return 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            distance[i][j] = i == j ? 0 : (int32_t)(bench_random(&random) % 5000) + 1;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) {
                int32_t through = distance[i][k] + distance[k][j];
                if (through < distance[i][j])
                    distance[i][j] = through;
            }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            sum = bench_mix(sum, (uint32_t)distance[i][j]);
    return bench_report("floyd", sum);
}
