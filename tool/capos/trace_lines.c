/* See trace_lines.h. A line of the trace is any number of log lines `trace+ PIECE` and one `trace: PIECE`;
 * `tracer: WHY` says that there is none. */
#include "trace_lines.h"
#include "host.h"
#include <stdio.h>
#include <string.h>

enum { PREFIX_BYTES = 7 };
static const char trouble[] = "tracer: ";

static void show_line(const char *line, size_t len)
{
    bool ends = len >= PREFIX_BYTES && memcmp(line, "trace: ", PREFIX_BYTES) == 0;
    bool goes_on = len >= PREFIX_BYTES && memcmp(line, "trace+ ", PREFIX_BYTES) == 0;
    if (ends || goes_on)
        fprintf(stderr, "%.*s%s", (int)(len - PREFIX_BYTES), line + PREFIX_BYTES, ends ? "\n" : "");
    if (len >= sizeof trouble && memcmp(line, trouble, sizeof trouble - 1) == 0)
        complain("%.*s", (int)len, line);
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
