/*
 * QEMU's log of executed instructions (`log exec,nochain` of a machine that runs one instruction a block),
 * cut into stretches from one mark to another.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stretch {
    size_t start; /* in addresses */
    size_t count;
};

struct trace {
    uint64_t *addresses; /* of every instruction executed, in order */
    size_t count;
    struct stretch *stretches; /* complete ones, the marks themselves left out */
    size_t stretch_count;
};

/* Reads the log. False, with errno, if it cannot be read. */
bool trace_read(struct trace *trace, const char *path);
/* Finds the stretches, and sorts them by length. */
void trace_cut(struct trace *trace, uint64_t begin, uint64_t end);
