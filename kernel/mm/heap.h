/*
 * The kernel heap: small objects by size class out of single frames, larger ones by whole blocks of frames.
 * The caller charges the ledger and remembers the size.
 */
#pragma once
#include "core/types.h"

/* Zeroed, 16-byte aligned (64 for sizes that are multiples of 64). Null when there is no memory. */
void *heap_alloc(size_t size_bytes);
/* `size_bytes` as given to heap_alloc; null memory is ignored. The memory is scrubbed before it is used
 * again. */
void heap_free(void *memory, size_t size_bytes);
uint64_t heap_used_bytes(void);
