/*
 * Tracer and Trace: the capabilities to core/trace.h.
 */
#pragma once

struct pending;
struct trace;

/* Answers a read that waited. It may hold the last reference to the trace. */
void tracer_answer(struct trace *trace, struct pending *reader);
