/* See trace.h. */
#include "trace.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, STEP = 1 << 16 };

static void *grow(void *items, size_t count, size_t item_bytes)
{
    if (count % STEP != 0)
        return items;
    items = realloc(items, (count + STEP) * item_bytes);
    if (items == NULL) {
        fputs("bench-profile: out of memory\n", stderr);
        exit(1);
    }
    return items;
}

/* `Trace 0: 0x7f... [cs_base/pc/flags/cflags] name`: the instruction is about to be executed.
 * `Stopped execution of TB chain before ...`: it was not after all, and comes again. */
static void take_line(struct trace *trace, const char *line)
{
    uint64_t address;
    if (sscanf(line, "Trace %*d: %*s [%*[^/]/%" SCNx64, &address) == 1) {
        trace->addresses = grow(trace->addresses, trace->count, sizeof(*trace->addresses));
        trace->addresses[trace->count++] = address;
    } else if (strncmp(line, "Stopped execution", strlen("Stopped execution")) == 0 && trace->count > 0) {
        trace->count--;
    }
}

bool trace_read(struct trace *trace, const char *path)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL)
        take_line(trace, line);
    fclose(file);
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    return a->count < b->count ? -1 : a->count > b->count;
}

void trace_cut(struct trace *trace, uint64_t begin, uint64_t end)
{
    size_t started = SIZE_MAX;
    for (size_t i = 0; i < trace->count; i++) {
        if (trace->addresses[i] == begin)
            started = i + 1;
        if (trace->addresses[i] != end || started == SIZE_MAX)
            continue;
        trace->stretches = grow(trace->stretches, trace->stretch_count, sizeof(*trace->stretches));
        trace->stretches[trace->stretch_count++] = (struct stretch){started, i - started};
        started = SIZE_MAX;
    }
    if (trace->stretch_count > 0)
        qsort(trace->stretches, trace->stretch_count, sizeof(*trace->stretches), compare);
}
