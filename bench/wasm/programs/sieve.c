/* Bytes in memory: the sieve of Eratosthenes, several times. */
#include "bench.h"

static uint32_t count_primes(uint8_t *composite, uint32_t limit)
{
    uint32_t count = 0;
    memset(composite, 0, limit);
    for (uint32_t i = 2; i < limit; i++) {
        if (composite[i])
            continue;
        count++;
        for (uint64_t k = (uint64_t)i * i; k < limit; k += i)
            composite[k] = 1;
    }
    return count;
}

int main(int argc, char **argv)
{
    uint32_t limit = bench_size(argc, argv, 4000000);
    uint8_t *composite = malloc(limit);
    uint64_t sum = 0;
    if (!composite)
        return 1;
    for (uint32_t round = 0; round < 4; round++)
        sum = bench_mix(sum, count_primes(composite, limit - round));
    free(composite);
    return bench_report("sieve", sum);
}
