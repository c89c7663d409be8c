/*
 * The kernel heap: small objects by size class out of single frames, larger ones by whole blocks of frames.
 * The caller charges the ledger and remembers the size. No function blocks; lock: LOCK_HEAP.
 */
#pragma once
#include "core/types.h"

/* Zeroed, 16-byte aligned (64 for sizes that are multiples of 64). Null when there is no memory, and for size
 * 0 and sizes above 4 MiB. */
void *heap_alloc(size_t size_bytes);
/* `size_bytes` as given to heap_alloc; null memory is ignored. The memory is scrubbed before it is used
 * again. */
void heap_free(void *memory, size_t size_bytes);
/* Bytes handed out, each allocation rounded up to its size class or to whole frames. */
uint64_t heap_used_bytes(void);
/* The heap never holds more frames than this: what the root ledger leaves to the kernel. No limit at first.
 */
void heap_limit_frames(uint64_t frame_count);
uint64_t heap_frame_count(void);
/* True if every slab with free objects is sound and the counts agree. For tests and debug builds. */
bool heap_check(void);
