/* The library's qsort with a comparison through a pointer, and a quicksort written out. */
#include "bench.h"

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void quicksort(uint32_t *a, int32_t low, int32_t high)
{
    while (low < high) {
        uint32_t pivot = a[low + (high - low) / 2];
        int32_t i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        if (j - low < high - i) {
            quicksort(a, low, j);
            low = i;
        } else {
            quicksort(a, i, high);
            high = j;
        }
    }
}

int main(int argc, char **argv)
{
    uint32_t count = bench_size(argc, argv, 600000), random = 3;
    uint32_t *a = malloc(count * sizeof(*a)), *b = malloc(count * sizeof(*b));
    uint64_t sum = 0;
    if (!a || !b)
        return 1;
    for (uint32_t i = 0; i < count; i++)
        a[i] = b[i] = bench_random(&random);
    quicksort(a, 0, (int32_t)count - 1);
    qsort(b, count, sizeof(*b), compare);
    for (uint32_t i = 0; i < count; i++)
        sum = bench_mix(sum, a[i] ^ (uint64_t)b[i] << 32);
    free(a);
    free(b);
    return bench_report("qsort", sum);
}
