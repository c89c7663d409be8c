/*
 * What the benchmark programs share. Each is one file, takes its size as the first argument, and prints a
 * checksum that is the same natively and as WebAssembly: fixed-width integers, no library mathematics but
 * sqrt.
 */
#pragma once
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t bench_size(int argc, char **argv, uint32_t fallback)
{
    return argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : fallback;
}

/* The same numbers everywhere. */
static inline uint32_t bench_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static inline uint64_t bench_mix(uint64_t sum, uint64_t x)
{
    return (sum ^ x) * 0x100000001b3u;
}

static inline uint64_t bench_mix_double(uint64_t sum, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bench_mix(sum, bits);
}

static inline int bench_report(const char *name, uint64_t sum)
{
    printf("%s %016" PRIx64 "\n", name, sum);
    return 0;
}
