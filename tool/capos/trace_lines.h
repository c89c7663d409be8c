/*
 * capos run --trace on the host's side: what the tracer is told (server/tracer), and its lines picked out of
 * the kernel's log.
 */
#pragma once
#include "options.h"

/* The tracer's arguments, its own name in front, for a program of this binary name and these arguments. */
void trace_arguments(const struct options *options, const char *binary, const struct words *args,
                     struct words *out);

struct trace_lines {
    struct buffer line; /* of the log, that has not ended yet */
};

/* The next bytes of the log, in any pieces; the trace's lines go to stderr. */
void trace_lines_feed(struct trace_lines *lines, const char *bytes, size_t size);
void trace_lines_free(struct trace_lines *lines);
