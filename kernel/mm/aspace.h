/*
 * Address spaces: regions of user memory, and the page tables that realise them.
 *
 * A region is reserved (no memory), committed anonymous memory (charged when committed, so that touching it
 * cannot fail), growable anonymous memory (charged when touched: stacks), or a mapping of a memory object.
 * Pages come on first touch; page tables are made, and charged, when a region is committed or mapped. Large
 * (2 MiB) pages are committed at once.
 *
 * Every function locks the address space itself (LOCK_ASPACE) unless named _locked. `size` is rounded up to
 * pages; addresses must be page-aligned. No function blocks.
 */
#pragma once
#include "core/types.h"

struct aspace;
struct ledger;
struct memory_object;

enum aspace_prot { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_LARGE = 8 };
enum aspace_access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

/* The address space keeps a reference to the ledger. NO_MEMORY. */
CHECKED status_t aspace_create(struct ledger *ledger, struct aspace **out);
/* No CPU runs in it any more. Gives everything back. Bounded work between preemption points. */
void aspace_destroy(struct aspace *aspace);
paddr_t aspace_page_table(const struct aspace *aspace);

/* BAD_ADDRESS: outside user space, occupied (hint != 0), or no gap. TOO_LARGE. BAD_FLAGS: write and exec
 * together, or PROT_LARGE with sizes that do not fit. NO_MEMORY, QUOTA: the ledger. hint 0: the kernel
 * chooses (randomised). */
CHECKED status_t aspace_map(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot,
                            uaddr_t *out);
/* Memory charged on touch, with an unmapped guard page below it. */
CHECKED status_t aspace_map_growable(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot,
                                     uaddr_t *out);
CHECKED status_t aspace_reserve(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uaddr_t *out);
CHECKED status_t aspace_commit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot);
CHECKED status_t aspace_decommit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes);
CHECKED status_t aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot);
CHECKED status_t aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size_bytes);
/* Takes a reference to the object. `writable` false: prot may not ask for write, now or by protect. */
CHECKED status_t aspace_map_object(struct aspace *aspace, struct memory_object *object, bool writable,
                                   uaddr_t hint, uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot,
                                   uaddr_t *out);
CHECKED status_t aspace_unmap_object(struct aspace *aspace, struct memory_object *object, uaddr_t address,
                                     uint64_t size_bytes);

/* A page fault in user mode or in a user copy. OK: the access may be retried. BAD_ADDRESS: nothing there, or
 * not that way. NO_MEMORY: a growable region whose ledger is used up. */
CHECKED status_t aspace_fault(struct aspace *aspace, uaddr_t address, enum aspace_access access);
/* Why a fault was refused, as a sentence for the crash record ("write to read-only memory", "stack guard
 * page" ...). */
const char *aspace_fault_reason(struct aspace *aspace, uaddr_t address, enum aspace_access access);

/* Copies through the page tables, filling pages on the way; for address spaces that are not this CPU's
 * current one. BAD_ADDRESS, NO_MEMORY; a failed copy may have been done in part. */
CHECKED status_t aspace_read(struct aspace *aspace, uaddr_t address, void *out, size_t size_bytes);
CHECKED status_t aspace_write(struct aspace *aspace, uaddr_t address, const void *bytes, size_t size_bytes);

struct aspace_stats {
    uint64_t reserved_bytes;
    uint64_t committed_bytes;
    uint64_t table_frames;
};
void aspace_stats(struct aspace *aspace, struct aspace_stats *out);
