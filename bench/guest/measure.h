/*
 * How one row is measured, the same in every guest: a warm-up pass, then MEASURE_PASSES passes, the median.
 *
 * The unit is the TSC tick, which under `-icount shift=0` is one guest instruction (docs/benchmarking.md).
 * The one processor must stay busy inside run(): idle time is added to the TSC. The cost of the loop in run()
 * is part of the result, in every guest alike. Freestanding; knows no operating system.
 */
#pragma once
#include <stdint.h>

enum { MEASURE_PASSES = 5 };

/* What a guest may count besides instructions. */
struct measure_counters {
    uint64_t kernel_entries;
    uint64_t cr3_writes;
};

struct measure_task {
    const char *key;                              /* of the row, as docs/benchmarking.md lists them */
    uint32_t count;                               /* operations in one pass; not 0 */
    void *context;                                /* for the functions below */
    void (*begin)(void *context, uint32_t count); /* before each pass, not measured; may be null */
    void (*run)(void *context, uint32_t count);   /* does the operation `count` times */
    void (*end)(void *context, uint32_t count);   /* after each pass, not measured; may be null */
};

struct measure_result {
    uint64_t ticks;                     /* per operation, rounded */
    uint64_t kernel_entries_hundredths; /* per operation, in 1/100; 0 without a sampler */
    uint64_t cr3_writes_hundredths;
};

/* Reads the guest's counters; called outside the measured time. */
typedef void (*measure_sampler)(struct measure_counters *out);

static inline uint64_t measure_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* Measures one row. Blocks as long as task->run does. `sample` may be null; what sampling itself adds to the
 * counters is found out by an empty task and subtracted. */
void measure(const struct measure_task *task, measure_sampler sample, struct measure_result *out);

/* The median of `count` values, which are sorted in place. `count` is odd. */
uint64_t measure_median(uint64_t *values, uint32_t count);
