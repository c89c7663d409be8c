/*
 * Names of the kernel's own functions, for backtraces. The table is made by kernel/ksyms.sh from the linked
 * image and linked in by a second link, behind all code, so that no function moves.
 *
 * It is read from the beginning for each address, which happens only when something has gone wrong, and so it
 * is small: for each function in the order of addresses the distance from the start of the one before (the
 * first: from the start of the text) as unsigned LEB128, then the name and a NUL.
 */
#pragma once
#include "core/types.h"

/* The function that `offset_in_text` lies in, and how far; null below the first. Pure. */
const char *ksyms_lookup(const uint8_t *table, const uint8_t *end, uint64_t offset_in_text, uint64_t *offset);

/* The function that the address lies in and the distance from its start; null if it is not in the kernel's
 * text. */
const char *ksyms_find(uint64_t address, uint64_t *offset);
