/*
 * Names of the kernel's own functions, for backtraces. The table is made by kernel/ksyms.sh from the linked
 * image and linked in by a second link, behind all code, so that no function moves.
 */
#pragma once
#include "core/types.h"

/* Function starts, ascending, relative to the start of the text, and where each name starts in `names`. */
struct ksyms_table {
    const uint32_t *addresses, *name_offsets;
    const char *names;
    size_t count;
};

/* The function that `offset_in_text` lies in, and how far; null below the first. Pure. */
const char *ksyms_lookup(const struct ksyms_table *table, uint64_t offset_in_text, uint64_t *offset);

/* The function that the address lies in and the distance from its start; null if it is not in the kernel's
 * text. */
const char *ksyms_find(uint64_t address, uint64_t *offset);
