/*
 * Address spaces: regions of user memory, and the page tables that realise them.
 *
 * A region is reserved (no memory), committed anonymous memory (charged when committed, so that touching it
 * cannot fail), growable anonymous memory (charged when touched: stacks), or a mapping of a memory object.
 * Pages come on first touch (those of the smallest mappings at once); page tables are made, and charged, when
 * a region is committed or mapped. Large (2 MiB) pages are committed at once.
 *
 * Every function locks the address space itself (LOCK_ASPACE). `size` is rounded up to pages; addresses must
 * be page-aligned. No function blocks.
 *
 * Functions that change the layout (map, reserve, commit, decommit, protect, unmap, destroy) pass preemption
 * points: they are called with no lock held, and not from a timer or interrupt callback. They exclude each
 * other for their whole length; faults and copies go on meanwhile. They check and reserve everything first:
 * refused means unchanged.
 *
 * Errors they share: UNALIGNED: an address that is no multiple of the page size, or a range that cuts a large
 * page. BAD_ADDRESS: size 0 or a range not in user space. TOO_LARGE: a size above all of user space.
 * BAD_FLAGS: prot has unknown bits, or write and execute together. NO_MEMORY, QUOTA: the ledger, or too many
 * regions. REVOKED: the address space was destroyed. Read access is implied by write and by execute; prot 0
 * allows nothing and keeps the content.
 */
#pragma once
#include "core/lock.h"
#include "core/types.h"

struct aspace;
struct ledger;
struct memory_object;

enum aspace_prot { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_LARGE = 8 };
enum aspace_access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

/* The address space keeps a reference to the ledger, which pays for it. NO_MEMORY. */
CHECKED status_t aspace_create(struct ledger *ledger, struct aspace **out);
/* From now on the kernel chooses places from here upward (hint 0), instead of from a random base of its own:
 * near what the program has already, page tables are shared. Whoever loads the program has randomised the
 * address. */
void aspace_choose_near(struct aspace *aspace, uaddr_t address);
/* The owner's hold ends, and with it the address space: everything in it is given back; who still has a
 * reference sees it dead. No CPU runs in it or has it loaded any more. Bounded work between preemption
 * points. */
void aspace_release(struct aspace *aspace);
/* References keep the struct, not its content. */
void aspace_get(struct aspace *aspace);
void aspace_put(struct aspace *aspace);
bool aspace_is_dead(struct aspace *aspace);
/* Who pays; borrowed. */
struct ledger *aspace_ledger(const struct aspace *aspace);
/* What CR3 gets, and the mask of CPUs that have it (arch_context_switch). */
paddr_t aspace_page_table(const struct aspace *aspace);
uint64_t *aspace_resident_cpus(struct aspace *aspace);

/* Committed memory. BAD_ADDRESS: outside user space, occupied (hint != 0), or no gap. BAD_FLAGS: PROT_LARGE
 * with a size that is no multiple of 2 MiB (UNALIGNED: such a hint). hint 0: the kernel chooses, beginning at
 * a random base. */
CHECKED status_t aspace_map(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot,
                            uaddr_t *out);
/* Memory charged on touch, with a guard page below it that nothing else is mapped in: [*out, *out + size) is
 * usable, and the page below must be free too if there is a hint. The guard goes when the lowest page of the
 * region is unmapped. */
CHECKED status_t aspace_map_growable(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot,
                                     uaddr_t *out);
CHECKED status_t aspace_reserve(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uaddr_t *out);
/* BAD_ADDRESS: not all of the range is reserved or committed. What was committed keeps its content and gets
 * `prot`. PROT_LARGE: all of it must be reserved only (BAD_FLAGS) and in 2 MiB units (UNALIGNED). */
CHECKED status_t aspace_commit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot);
/* BAD_ADDRESS: not all of the range is reserved, committed or growable. Growable memory stays growable. */
CHECKED status_t aspace_decommit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes);
/* BAD_ADDRESS: not all of the range is committed, growable or a mapped object. BAD_FLAGS: write to an object
 * mapped read-only; PROT_LARGE. */
CHECKED status_t aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot);
/* Of whatever lies in the range, also nothing. */
CHECKED status_t aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size_bytes);
/* Takes a reference to the object. `writable` false: prot may not ask for write, now or by protect
 * (BAD_FLAGS). BAD_ADDRESS also: [offset, offset + size) is not inside the object rounded up to pages.
 * UNALIGNED:
 * also the offset, or physical memory that begins within a page. */
CHECKED status_t aspace_map_object(struct aspace *aspace, struct memory_object *object, bool writable,
                                   uaddr_t hint, uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot,
                                   uaddr_t *out);
/* The same for a mapping that can be taken back: it goes when the token is revoked, wherever it is then; so
 * does what a clone of the address space has of it. Null: a mapping like any other. REVOKED: the token is. */
struct mapping_token;
CHECKED status_t aspace_map_object_by(struct aspace *aspace, struct mapping_token *token,
                                      struct memory_object *object, bool writable, uaddr_t hint,
                                      uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot,
                                      uaddr_t *out);
/* One reference, the caller's; mappings have their own. Charged to the ledger. As long as there are mappings
 * made with it the `owner` is referenced: so whoever can revoke it is there. NO_MEMORY. */
struct object;
CHECKED status_t mapping_token_create(struct ledger *ledger, struct object *owner,
                                      struct mapping_token **out);
void mapping_token_get(struct mapping_token *token);
void mapping_token_put(struct mapping_token *token);
/* From now on nothing is mapped with it, and when this returns nothing is any more, in any address space.
 * Like an operation that changes the layout of each of them: passes preemption points. More than once is
 * allowed. */
void mapping_token_revoke(struct mapping_token *token);

/* BAD_ADDRESS: the range holds anything but mappings of this object. */
CHECKED status_t aspace_unmap_object(struct aspace *aspace, struct memory_object *object, uaddr_t address,
                                     uint64_t size_bytes);

/* The memory object mapped readable at the address, referenced, and the offset in it. BAD_ADDRESS: none is.
 */
CHECKED status_t aspace_object_at(struct aspace *aspace, uaddr_t address, struct memory_object **object,
                                  uint64_t *offset_bytes);

/* ---- Copies of address spaces. */

/* Instead of one memory object the copy maps another (which is as long), or with `replacement` null nothing.
 */
struct aspace_substitute {
    const struct memory_object *original;
    struct memory_object *replacement; /* borrowed */
};
/* A copy of a whole address space, as fork needs it. Memory of its own (committed, growable) is shared page
 * by page until either side writes; 2 MiB pages are copied at once, since a block for a later copy might not
 * be found; mapped objects are mapped in the copy too,
 * but for those that stay home (memory_object_stay_home) and have no substitute. The copy pays with its
 * ledger for everything as if nothing were shared, so that a later write cannot fail. Other threads may run
 * in `from` and fault: of what they write meanwhile, the copy gets some. Passes preemption points. NO_MEMORY,
 * QUOTA, REVOKED: there is no copy, and `from` is as it was. */
CHECKED status_t aspace_clone(struct aspace *from, struct ledger *ledger,
                              const struct aspace_substitute *substitutes, size_t substitute_count,
                              struct aspace **out);

/* A page fault in user mode or in a user copy. OK: the access may be retried. BAD_ADDRESS: nothing there, or
 * not that way. NO_MEMORY: a growable region whose ledger is used up. */
CHECKED status_t aspace_fault(struct aspace *aspace, uaddr_t address, enum aspace_access access);
/* Why a fault was refused, as a sentence for the crash record ("write to read-only memory", "stack guard
 * page" ...). */
const char *aspace_fault_reason(struct aspace *aspace, uaddr_t address, enum aspace_access access);

/* Copies through the page tables, filling pages on the way; for address spaces that are not this CPU's
 * current one. The access must be one that the user may make. BAD_ADDRESS, NO_MEMORY; a failed copy may have
 * been done in part. */
CHECKED status_t aspace_read(struct aspace *aspace, uaddr_t address, void *out, size_t size_bytes);
CHECKED status_t aspace_write(struct aspace *aspace, uaddr_t address, const void *bytes, size_t size_bytes);

/* What a struct aspace begins with. `generation`, under the lock: what was found out about pages of this
 * address space holds as long as it has this value, which none has twice. */
struct aspace_front {
    struct spinlock lock;
    uint64_t generation;
};
static inline struct aspace_front *aspace_front(struct aspace *aspace)
{
    return (struct aspace_front *)(void *)aspace;
}
/* Where the page of user memory that holds the address lies, for writing, as long as the generation is this
 * one. Null: it is not there yet, or not writable; aspace_write does what can be done then. The address space
 * is locked. */
void *aspace_page_locked(struct aspace *aspace, uaddr_t address);

/* Copies between the memory of the running thread and another address space (or the same one, when two of its
 * threads talk), without a buffer in between unless the running thread's pages have to be brought in first.
 * No other LOCK_ASPACE than the other one's is taken while that is held. Either side may be hostile. A failed
 * copy may have been done in part. Ranges that overlap end up with bytes of either. */
enum aspace_copied {
    ASPACE_COPIED,
    ASPACE_COPY_CURRENT_BAD, /* the running thread's range cannot be accessed so (or has no memory left) */
    ASPACE_COPY_OTHER_BAD,   /* the same of the other one's; decided first when both are bad */
};
CHECKED enum aspace_copied aspace_copy_from_current(struct aspace *to, uaddr_t to_address, uaddr_t from,
                                                    size_t size_bytes);
CHECKED enum aspace_copied aspace_copy_to_current(struct aspace *from, uaddr_t from_address, uaddr_t to,
                                                  size_t size_bytes);

struct aspace_stats {
    uint64_t reserved_bytes;  /* all regions together, guard pages included */
    uint64_t committed_bytes; /* charged for memory: committed, and growable as far as touched; not mapped
                                 objects */
    uint64_t table_frames;    /* page tables, charged too */
};
void aspace_stats(struct aspace *aspace, struct aspace_stats *out);
/* True if regions, page tables, counts and charges agree. Slow; for tests and debug builds. Holds at
 * preemption points. */
bool aspace_check(struct aspace *aspace);
