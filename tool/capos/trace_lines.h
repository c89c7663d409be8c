/*
 * capos run --trace on the host's side: the tracer's lines (server/tracer) picked out of the kernel's log.
 */
#pragma once
#include "buffer.h"

struct trace_lines {
    struct buffer line; /* of the log, that has not ended yet */
};

/* The next bytes of the log, in any pieces; the trace's lines go to stderr. */
void trace_lines_feed(struct trace_lines *lines, const char *bytes, size_t size);
void trace_lines_free(struct trace_lines *lines);
