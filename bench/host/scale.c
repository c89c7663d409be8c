/* See scale.h. */
#include "scale.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 3, RUN_LIMIT_MS = 120 * 1000 };
static const char suffix[] = "_ns";

bool scale_run(struct machine machine, unsigned cpus, struct figures *out)
{
    static struct machine_run run;
    machine.cpus = cpus;
    if (!machine_run(&machine, "bench-done", RUN_LIMIT_MS, &run)) {
        fprintf(stderr, "bench: %s did not finish with %u processors; it printed:\n%s\n", machine.initrd,
                cpus, run.output);
        return false;
    }
    figures_parse(out, run.output, "bench ");
    return true;
}

/* The length of the row's key if the figure is a time; else 0. */
static size_t key_bytes(const struct figure *figure)
{
    size_t len = strlen(figure->key), suffix_len = strlen(suffix);
    bool is_time = strncmp(figure->key, "scale_", strlen("scale_")) == 0 && len > suffix_len &&
                   strcmp(figure->key + len - suffix_len, suffix) == 0;
    return is_time ? len - suffix_len : 0;
}

void scale_keep_fastest(struct figures *best, const struct figures *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct figure *figure = &run->items[i], *known = figures_find(best, figure->key);
        if (known == NULL || strtod(figure->value, NULL) < strtod(known->value, NULL))
            figures_set(best, figure);
    }
}

/* The time itself, under the key that says with how many processors. */
static void add_time(const struct figure *time, unsigned cpus, struct figures *out)
{
    struct figure named = *time;
    snprintf(named.key, sizeof(named.key), "%.*s%s_%u", (int)key_bytes(time), time->key, suffix, cpus);
    figures_set(out, &named);
}

void scale_figures(const struct figures *one, const struct figures *several, struct figures *out)
{
    for (size_t i = 0; i < one->count; i++) {
        const struct figure *alone = &one->items[i], *together = figures_find(several, alone->key);
        char key[FIGURE_WORD_MAX + 1];
        if (key_bytes(alone) == 0 || together == NULL || strtod(together->value, NULL) <= 0)
            continue;
        snprintf(key, sizeof(key), "%.*s", (int)key_bytes(alone), alone->key);
        figures_set_number(
            out, key, 100.0 * SCALE_CPUS * strtod(alone->value, NULL) / strtod(together->value, NULL), 0);
        add_time(alone, 1, out);
        add_time(together, SCALE_CPUS, out);
    }
}

/* Those of one worker among several processors. */
static void add_alone(const struct figures *several, struct figures *out)
{
    for (size_t i = 0; i < several->count; i++) {
        if (strstr(several->items[i].key, "_alone") != NULL)
            figures_set(out, &several->items[i]);
    }
}

bool scale_measure(struct machine machine, struct figures *out)
{
    static struct figures one, several, run;
    for (int i = 0; i < RUNS; i++) {
        run.count = 0;
        if (!scale_run(machine, 1, &run))
            return false;
        scale_keep_fastest(&one, &run);
        run.count = 0;
        if (!scale_run(machine, SCALE_CPUS, &run))
            return false;
        scale_keep_fastest(&several, &run);
    }
    scale_figures(&one, &several, out);
    add_alone(&several, out);
    return true;
}
