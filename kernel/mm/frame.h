/*
 * Physical memory in 4 KiB frames: a buddy allocator over all usable RAM with one small record per frame.
 *
 * Frames are not charged here: whoever allocates on a process' behalf charges its ledger first.
 */
#pragma once
#include "core/types.h"

struct boot_info;
enum { FRAME_ORDER_LARGE = 9, FRAME_ORDER_MAX = 10 };

/* Takes the usable regions; the per-frame records are placed in one of them. */
void frame_init(const struct boot_info *boot);

/* 2^order_log2 frames, naturally aligned, one reference, content undefined. NO_MEMORY. */
CHECKED status_t frame_alloc(unsigned order_log2, paddr_t *out);
/* The same, zeroed: what anything that a process can see must use. */
CHECKED status_t frame_alloc_zeroed(unsigned order_log2, paddr_t *out);
/* References on an allocated block, named by its first frame. The last put frees it. */
void frame_get(paddr_t frame);
void frame_put(paddr_t frame);
uint32_t frame_references(paddr_t frame);

uint64_t frame_total_count(void);
uint64_t frame_free_count(void);
