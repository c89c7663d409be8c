/*
 * Physical memory in 4 KiB frames: a buddy allocator over all usable RAM with an 8-byte record per frame.
 *
 * Frames are not charged here: whoever allocates on a process' behalf charges its ledger first. Frame 0 is
 * never handed out, so a zero paddr_t can stand for "none". RAM above 1 TiB is left unused. No function
 * blocks; lock: LOCK_FRAME.
 */
#pragma once
#include "core/types.h"

struct boot_info;
enum { FRAME_ORDER_LARGE = 9, FRAME_ORDER_MAX = 10 };

/* Takes the usable regions; the per-frame records are placed in the largest of them. The cost does not depend
 * on how much memory there is. Panics if there is not even room for the records. */
void frame_init(const struct boot_info *boot);

/* 2^order_log2 frames, naturally aligned, one reference, content undefined. NO_MEMORY. */
CHECKED status_t frame_alloc(unsigned order_log2, paddr_t *out);
/* The same, zeroed: what anything that a process can see must use. */
CHECKED status_t frame_alloc_zeroed(unsigned order_log2, paddr_t *out);
/* References on an allocated block, named by its first frame. The last put frees it. Anything but the first
 * frame of an allocated block panics: it is a bug of the kernel. */
void frame_get(paddr_t frame);
void frame_put(paddr_t frame);
/* 1: the caller, who holds it, is the only one, and what others did with the frame is done. */
uint32_t frame_references(paddr_t frame);

uint64_t frame_total_count(void);
uint64_t frame_free_count(void);
/* True if the free lists, records and counts agree. Walks every free block: for tests and debug builds. */
bool frame_check(void);
