/* See trace_lines.h. A line of the trace is any number of log lines `trace+ PIECE` and one `trace: PIECE`. */
#include "trace_lines.h"
#include <capos/process.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX_BYTES = 7 };

static enum cap_own_object own_object_of(enum cap_kernel_cap source)
{
    switch (source) {
    case CAP_KERNEL_CAP_CAPABILITY_MANAGER:
        return CAP_OWN_OBJECT_CAPABILITY_MANAGER;
    case CAP_KERNEL_CAP_THREAD_SPAWNER:
        return CAP_OWN_OBJECT_THREAD_SPAWNER;
    case CAP_KERNEL_CAP_THREAD_CONTROL:
        return CAP_OWN_OBJECT_THREAD_CONTROL;
    case CAP_KERNEL_CAP_PARK_SPACE:
        return CAP_OWN_OBJECT_PARK_SPACE;
    case CAP_KERNEL_CAP_SCHEDULING_POLICY:
        return CAP_OWN_OBJECT_SCHEDULING_POLICY;
    default:
        return CAP_OWN_OBJECT_VIRTUAL_MEMORY;
    }
}

void trace_arguments(const struct options *options, const char *binary, const struct words *args,
                     struct words *out)
{
    words_add(out, "tracer");
    if (options->trace_calls)
        words_add(out, "--calls");
    if (options->trace_sched)
        words_add(out, "--sched");
    if (options->trace_times)
        words_add(out, "--times");
    words_addf(out, "--program=%s", binary);
    for (size_t i = 0; i < options->grants.count; i++) {
        const struct grant *grant = &options->grants.items[i];
        if (grant->kind->own)
            words_addf(out, "--own=%u:%s", (unsigned)own_object_of(grant->kind->source), grant->name);
        else
            words_addf(out, "--cap=%s:%s", grant->kind->word, grant->name);
    }
    words_add(out, "--");
    for (size_t i = 0; i < args->count; i++)
        words_add(out, args->items[i]);
}

static void show_line(const char *line, size_t len)
{
    bool ends = len >= PREFIX_BYTES && memcmp(line, "trace: ", PREFIX_BYTES) == 0;
    bool goes_on = len >= PREFIX_BYTES && memcmp(line, "trace+ ", PREFIX_BYTES) == 0;
    if (ends || goes_on)
        fprintf(stderr, "%.*s%s", (int)(len - PREFIX_BYTES), line + PREFIX_BYTES, ends ? "\n" : "");
}

void trace_lines_feed(struct trace_lines *lines, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '\n') {
            buffer_append(&lines->line, &bytes[i], 1);
            continue;
        }
        show_line(buffer_string(&lines->line), lines->line.size);
        lines->line.size = 0;
    }
}

void trace_lines_free(struct trace_lines *lines)
{
    buffer_free(&lines->line);
}
