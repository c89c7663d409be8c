/* Double precision arithmetic in a tight loop with a data-dependent exit. */
#include "bench.h"

static uint32_t escape_time(double cx, double cy, uint32_t limit)
{
    double x = 0, y = 0;
    uint32_t n = 0;
    while (n < limit && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    uint32_t size = bench_size(argc, argv, 400);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        for (uint32_t j = 0; j < size; j++)
            sum = bench_mix(sum, escape_time(-2 + 3.0 * j / size, -1.5 + 3.0 * i / size, 200));
    return bench_report("mandelbrot", sum);
}
