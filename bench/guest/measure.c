#include "measure.h"
#include <stddef.h>

struct pass {
    uint64_t ticks;
    struct measure_counters counted;
};

uint64_t measure_median(uint64_t *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        uint32_t place = i;
        for (; place > 0 && values[place - 1] > value; place--)
            values[place] = values[place - 1];
        values[place] = value;
    }
    return values[count / 2];
}

static void no_sample(struct measure_counters *out)
{
    *out = (struct measure_counters){0};
}

static void run_nothing(void *context, uint32_t count)
{
    (void)context;
    (void)count;
}

static void run_pass(const struct measure_task *task, measure_sampler sample, struct pass *out)
{
    struct measure_counters before, after;
    if (task->begin != NULL)
        task->begin(task->context, task->count);
    sample(&before);
    uint64_t start = measure_tsc();
    task->run(task->context, task->count);
    uint64_t stop = measure_tsc();
    sample(&after);
    if (task->end != NULL)
        task->end(task->context, task->count);
    out->ticks = stop - start;
    out->counted.kernel_entries = after.kernel_entries - before.kernel_entries;
    out->counted.cr3_writes = after.cr3_writes - before.cr3_writes;
}

static void median_pass(const struct measure_task *task, measure_sampler sample, struct pass *out)
{
    uint64_t ticks[MEASURE_PASSES], entries[MEASURE_PASSES], cr3_writes[MEASURE_PASSES];
    run_pass(task, sample, out); /* warm-up */
    for (uint32_t i = 0; i < MEASURE_PASSES; i++) {
        run_pass(task, sample, out);
        ticks[i] = out->ticks;
        entries[i] = out->counted.kernel_entries;
        cr3_writes[i] = out->counted.cr3_writes;
    }
    out->ticks = measure_median(ticks, MEASURE_PASSES);
    out->counted.kernel_entries = measure_median(entries, MEASURE_PASSES);
    out->counted.cr3_writes = measure_median(cr3_writes, MEASURE_PASSES);
}

static uint64_t per_operation(uint64_t value, uint64_t overhead, uint64_t scale, uint32_t count)
{
    uint64_t net = value > overhead ? value - overhead : 0;
    return (net * scale + count / 2) / count;
}

void measure(const struct measure_task *task, measure_sampler sample, struct measure_result *out)
{
    const struct measure_task nothing = {.key = "nothing", .count = 1, .run = run_nothing};
    struct pass empty, pass;
    if (sample == NULL)
        sample = no_sample;
    median_pass(&nothing, sample, &empty);
    median_pass(task, sample, &pass);
    out->ticks = per_operation(pass.ticks, empty.ticks, 1, task->count);
    out->kernel_entries_hundredths =
        per_operation(pass.counted.kernel_entries, empty.counted.kernel_entries, 100, task->count);
    out->cr3_writes_hundredths =
        per_operation(pass.counted.cr3_writes, empty.counted.cr3_writes, 100, task->count);
}
