/*
 * Ledgers: what a process may use of the machine, and what it uses.
 *
 * Each process has one ledger; everything held on its behalf is charged there before it exists and refunded
 * when it is gone. A child's limits are carved out of its parent's: they count as used in the parent until
 * the child's ledger is destroyed, so the sum of all limits never exceeds the machine, and a charge that
 * succeeds here is backed by real frames. The root ledger is made at boot from what the frame allocator has,
 * less a reserve for the kernel heap, which cannot grow beyond it (heap_limit_frames). So whoever has charged
 * a single frame will get it; a block of 2 MiB may still be refused because memory is fragmented.
 *
 * No function blocks or takes a lock (the counts are atomic), so all may be called with any lock held.
 */
#pragma once
#include "core/types.h"

enum ledger_resource {
    LEDGER_FRAMES, /* 4 KiB frames: user memory, page tables, kernel objects by the page */
    LEDGER_CAP_SLOTS,
    LEDGER_THREADS,
    LEDGER_CALLS,          /* operations in flight */
    LEDGER_RESERVED_PAGES, /* address space reserved */
    LEDGER_HEAP_BYTES,     /* kernel heap held on the process' behalf */
    LEDGER_RESOURCES
};

struct ledger;

/* limit[r] == 0: the default share, a quarter of what the parent has left. The parent is charged the limits
 * and the ledger's own memory at once, and referenced. NO_MEMORY: no memory for the ledger itself. QUOTA: the
 * parent has not that much left. */
CHECKED status_t ledger_create(struct ledger *parent, const uint64_t limit[LEDGER_RESOURCES],
                               struct ledger **out);
struct ledger *ledger_root(void);
/* After frame_init: splits what is free now between the root ledger's frames and the kernel heap. */
void ledger_root_init(void);
/* References: the process and every object still charged to it. The last put returns the limits to the
 * parent. */
void ledger_get(struct ledger *ledger);
void ledger_put(struct ledger *ledger);

/* NO_MEMORY for frames and heap, NO_SLOTS for slots, QUOTA for the rest. Nothing is charged on failure. */
CHECKED status_t ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t amount);
/* The amount must have been charged. */
void ledger_refund(struct ledger *ledger, enum ledger_resource resource, uint64_t amount);
uint64_t ledger_used(const struct ledger *ledger, enum ledger_resource resource);
uint64_t ledger_limit(const struct ledger *ledger, enum ledger_resource resource);
