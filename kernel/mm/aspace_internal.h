/*
 * Address spaces from the inside: shared by region.c (the tree of regions), aspace.c (lifetime, map, unmap),
 * populate.c (tables and pages of a region), aspace_commit.c, aspace_fault.c and aspace_check.c.
 *
 * Two levels of exclusion. The lock protects everything for the time of one step. `busy` is owned by one
 * operation that changes the layout from aspace_begin to aspace_end, across the preemption points where it
 * lets go of the lock: so between its steps an operation finds the regions as it left them, and only faults
 * can have filled pages in.
 */
#pragma once
#include "arch/x86_64/paging.h"
#include "core/lock.h"
#include "mm/aspace.h"
#include <base/list.h>
#include <base/rbtree.h>

enum region_kind {
    REGION_RESERVED, /* no memory; tables only in [start, prepared_end), while a commit or decommit is at work
                      */
    REGION_COMMITTED,
    REGION_GROWABLE,
    REGION_OBJECT,
    REGION_GUARD, /* the page below a growable region */
};

struct region {
    struct rb_node node; /* by start; a spare one is chained by node.left */
    uaddr_t start;
    uaddr_t end; /* > start */
    union {
        uaddr_t prepared_end;       /* RESERVED */
        uint64_t object_first_page; /* OBJECT: the page that is mapped at start */
    };
    struct memory_object *object; /* OBJECT: referenced; null otherwise */
    uint8_t kind;
    uint8_t prot;         /* enum aspace_prot; PROT_LARGE: made of large pages */
    bool object_writable; /* protect may add PROT_WRITE */
    bool closing;         /* an operation is taking its pages out: faults are refused */
    uint32_t use;         /* OBJECT: struct mapping_use.number; 0: mapped without a token */
};

_Static_assert(sizeof(struct region) == 64, "one cache line, and one of the heap's size classes");

enum {
    REGIONS_MAX = 65536,    /* in one address space: bounds every walk over regions */
    REGION_SPARES_KEPT = 3, /* so that map and unmap in turns never go to the heap */
    REGIONS_AT_ONCE = 64,   /* of an operation on many, between two preemption points */
    SPLITS_MAX = 2,         /* nodes that an operation on a range may need: one at either end */
};

struct aspace {
    struct spinlock lock;
    uint64_t generation; /* of what the page tables allow; the two are struct aspace_front */
    uint32_t references; /* atomic */
    bool busy;
    bool dead;
    bool has_large; /* a large page was ever asked for */
    struct rb_root regions;
    struct region *spares; /* reserved nodes, so that splitting cannot fail */
    uint32_t spare_count;
    uint32_t region_count;
    struct page_tables tables;
    uaddr_t base;             /* where the search for gaps begins; random */
    uaddr_t gap_hint;         /* [base, gap_hint) is all occupied */
    uint64_t reserved_pages;  /* = charged to LEDGER_RESERVED_PAGES */
    uint64_t committed_pages; /* = charged to LEDGER_FRAMES for memory */
    struct list uses;         /* struct mapping_use.in_aspace */
    uint32_t last_use;        /* the newest one's number */
    uint64_t resident_cpus;   /* atomic: CPUs that may have it loaded (arch_context_switch keeps it) */

    struct ledger *ledger; /* constant, referenced */
};
_Static_assert(offsetof(struct aspace, lock) == offsetof(struct aspace_front, lock) &&
                   offsetof(struct aspace, generation) == offsetof(struct aspace_front, generation),
               "aspace_front");

/* ---- aspace.c */

/* A layout operation begins: waits its turn, sets busy and reserves nodes. The lock is held on success. */
CHECKED status_t aspace_begin(struct aspace *aspace, unsigned nodes);
void aspace_end(struct aspace *aspace);
/* Lets go of the lock for a preemption point. */
void aspace_breathe(struct aspace *aspace);
/* Makes this and every other CPU that has the address space loaded forget [start, end). */
void aspace_tlb_flush(struct aspace *aspace, uaddr_t start, uaddr_t end);

/* Rounds the size up and checks the range: UNALIGNED, BAD_ADDRESS, TOO_LARGE. */
CHECKED status_t range_check(uaddr_t address, uint64_t size_bytes, uaddr_t *end);
/* BAD_FLAGS. Adds the implied read access. */
CHECKED status_t prot_check(uint32_t prot, uint32_t allowed, uint32_t *out);

/* ---- aspace_fault.c */

/* Where the byte at `address` is, up to the end of its 4 KiB page, for as long as the lock is held; brings
 * the page in. As aspace_fault. */
CHECKED status_t aspace_window(struct aspace *aspace, uaddr_t address, enum aspace_access access, char **out);

/* ---- region.c: the tree. */

/* The region that holds the address, or null. */
struct region *region_at(const struct aspace *aspace, uaddr_t address);
/* The first region that ends above the address, or null. */
struct region *region_from(const struct aspace *aspace, uaddr_t address);
struct region *region_next(const struct region *region);
struct region *region_previous(const struct region *region);
/* Sees to it that `count` spare nodes are there. NO_MEMORY, QUOTA (too many regions). */
CHECKED status_t region_stock(struct aspace *aspace, unsigned count);
/* Takes a spare node and puts it into the tree; start and end from *like, which must lie in a gap. */
struct region *region_insert(struct aspace *aspace, const struct region *like);
/* Out of the tree; the node becomes a spare. The caller has dealt with the object reference. */
void region_erase(struct aspace *aspace, struct region *region);
/* Frees spare nodes beyond `keep`. */
void region_free_spares(struct aspace *aspace, unsigned keep);
static inline void region_trim_spares(struct aspace *aspace, unsigned keep)
{
    if (__builtin_expect(aspace->spare_count > keep, 0))
        region_free_spares(aspace, keep);
}
/* Sees to it that no region lies across the address; takes a spare node if one does. */
void region_split_at(struct aspace *aspace, uaddr_t address);
/* Joins a region with its neighbours if it can be. The region may be gone afterwards. */
void region_merge_around(struct aspace *aspace, struct region *region);
/* Joins what can be joined in [start, end] and across both its ends. */
void region_merge_range(struct aspace *aspace, uaddr_t start, uaddr_t end);
/* True if either end of the range would cut a large page. */
bool region_cuts_large(const struct aspace *aspace, uaddr_t start, uaddr_t end);
bool region_gap_is_free(const struct aspace *aspace, uaddr_t start, uaddr_t end);
/* A gap for `size_bytes` at a multiple of `alignment`, with `guard_bytes` below it. */
bool region_find_gap(struct aspace *aspace, uint64_t size_bytes, uint64_t alignment, uint64_t guard_bytes,
                     uaddr_t *out);

/* Walks over the regions in a range that are known to touch (split_at was done at both ends). */
#define for_each_region(region, aspace, from, to)                                              \
    for ((region) = region_from((aspace), (from)); (region) != NULL && (region)->start < (to); \
         (region) = region_next(region))

static inline uint64_t region_pages(const struct region *region)
{
    return (region->end - region->start) >> CAPOS_PAGE_SHIFT;
}

static inline bool region_is_large(const struct region *region)
{
    return (region->prot & PROT_LARGE) != 0;
}

/* ---- mapping_token.c: tokens that mappings were made with. */

/* That an address space has mappings made with a token. Made and ended by operations that own `busy`. */
struct mapping_use {
    struct list_node in_aspace;  /* LOCK_ASPACE */
    struct list_node in_token;   /* the token's lock */
    struct mapping_token *token; /* referenced */
    struct aspace *aspace;       /* not referenced: the last region goes before it does */
    uint32_t number;             /* from 1, within the address space */
    uint32_t regions;            /* LOCK_ASPACE */
};
/* The one for this token, made if need be; it ends with its last region, or by mapping_use_drop if it never
 * had one. REVOKED, NO_MEMORY. */
CHECKED status_t mapping_use_obtain(struct aspace *aspace, struct mapping_token *token,
                                    struct mapping_use **out);
/* The one with this number, which exists. */
struct mapping_use *mapping_use_at(const struct aspace *aspace, uint32_t number);
static inline void mapping_use_region_added(const struct aspace *aspace, const struct region *region)
{
    if (__builtin_expect(region->use != 0, 0))
        mapping_use_at(aspace, region->use)->regions++;
}
/* Merged with a neighbour of the same use. */
static inline void mapping_use_region_merged(const struct aspace *aspace, const struct region *region)
{
    if (__builtin_expect(region->use != 0, 0))
        mapping_use_at(aspace, region->use)->regions--;
}
/* One region less, or none if there is none. What to put once the lock is released, or null. */
CHECKED struct object *mapping_use_drop(struct mapping_use *use);
/* A use that was obtained for a region that did not come to be. */
void mapping_use_discard(struct mapping_use *use);
/* In aspace.c: takes out all mappings made with the token. */
void aspace_unmap_token(struct aspace *aspace, const struct mapping_token *token);

/* ---- populate.c: the tables and pages of one region. All keep the lock, but for preemption points; the
 * operation owns `busy`. */

/* RESERVED: makes the tables for all of it, for small or large pages. On failure prepared_end says how far it
 * came. */
CHECKED status_t region_prepare(struct aspace *aspace, struct region *region, bool large);
/* RESERVED: gives back the tables in [start, prepared_end) and the pages in them. */
void region_unprepare(struct aspace *aspace, struct region *region, bool large, bool pages_owned);
/* GROWABLE: gives back pages and tables, and the charge. */
void region_empty_growable(struct aspace *aspace, struct region *region);
/* Regions up to this long are filled when they are mapped. */
enum { FILL_AT_ONCE_PAGES = 2 };
/* Fills in the pages of a small COMMITTED region: a fault for each costs more than clearing a few that may
 * stay unused. As far as there are frames at once; what is missing comes on touch. */
void region_fill_small(struct aspace *aspace, struct region *region);
/* Fills in all large pages of a COMMITTED region. NO_MEMORY: some are missing. */
CHECKED status_t region_fill_large(struct aspace *aspace, struct region *region);
/* Sets prot on the region and its pages. */
void region_set_prot(struct aspace *aspace, struct region *region, uint32_t prot);
/* Gives back all pages, tables and charges of a region of any kind and leaves it RESERVED (GROWABLE and GUARD
 * stay what they are). The object reference of an OBJECT region passes to the caller. */
struct memory_object *region_strip(struct aspace *aspace, struct region *region);
