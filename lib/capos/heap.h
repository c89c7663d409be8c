/*
 * The allocator behind malloc, without its lock and without the kernel: memory comes from a struct
 * heap_source, which libcapos implements with a VirtualMemory capability and the unit tests with a fake.
 *
 * Three sizes of allocation:
 *   small  up to about 7 KiB: one of 32 size classes, in slabs of 1 to 8 pages. A bitmap says which objects
 * are free; it lies outside the slab, so that a wild write into the heap's objects cannot mislead the
 * allocator. The last 8 bytes of an object hold its unused length and a mark made from its address and a
 * secret. runs   of whole pages, up to HEAP_HUGE_MIN. huge   a reservation of its own, given back to the
 * kernel when freed, and grown in place while the reservation lasts (it is rounded up to a power of two,
 * since address space costs nothing).
 *
 * Small slabs and runs live in zones: large reservations, committed as they fill up from the bottom. Each
 * page of a zone has a descriptor at the zone's start; all the allocator knows is in descriptors. Free runs
 * are found by their exact length and coalesce with neighbours in the same state: committed, or bare (given
 * back to the kernel, reads as zeros).
 *
 * Not thread-safe: the caller holds a lock. See docs/libcapos.md for the reasons.
 */
#pragma once
#include <base/rbtree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum {
    HEAP_PAGE_SHIFT = 12,
    HEAP_PAGE = 1 << HEAP_PAGE_SHIFT,
    HEAP_ALIGN = 16,
    HEAP_CLASSES = 32,
    HEAP_RUN_BINS = 128, /* bin n: free runs of n pages; the last one also of more */
    HEAP_HUGE_MIN = HEAP_RUN_BINS * HEAP_PAGE,
    HEAP_ZONES_MAX = 24,
    HEAP_SLAB_OBJECTS_MAX = 256,
};

/* Where memory comes from. All sizes and addresses are multiples of HEAP_PAGE. 0 or negative. */
struct heap_source {
    int32_t (*reserve)(void *self, uint64_t size_bytes, uint64_t *address);
    int32_t (*commit)(void *self, uint64_t address, uint64_t size_bytes); /* reads as zeros */
    int32_t (*decommit)(void *self, uint64_t address, uint64_t size_bytes);
    int32_t (*release)(void *self, uint64_t address, uint64_t size_bytes); /* a whole reservation */
    void *self;
};

enum heap_page_kind {
    HEAP_PAGE_FREE = 0, /* of a free run, committed */
    HEAP_PAGE_BARE,     /* of a free run, not committed */
    HEAP_PAGE_RUN,      /* first of an allocated run */
    HEAP_PAGE_SLAB,     /* first of a slab */
    HEAP_PAGE_BODY,     /* not the first of a run or slab: `pages` is the distance to it */
};

/* What is known of one page of a zone. Exact for every page below the zone's frontier. */
struct heap_page {
    uint8_t kind;
    uint8_t size_class;     /* SLAB */
    uint16_t used;          /* SLAB: objects allocated */
    uint32_t pages;         /* first page of anything, last page of a free run: its length */
    struct heap_page *next; /* in a bin of free runs, or among the slabs of a class with free objects */
    struct heap_page *prev;
    union {
        uint64_t size_bytes; /* RUN: as asked for */
        uint64_t start;      /* SLAB: address of its first object */
    };
    uint64_t free_bits[HEAP_SLAB_OBJECTS_MAX / 64]; /* SLAB */
};

struct heap_zone {
    struct heap_page *pages; /* descriptors, at the reservation's start */
    uint64_t first;          /* address of page 0 */
    uint32_t page_count;
    uint32_t frontier;  /* pages from here on were never used, or were given back */
    uint32_t described; /* pages whose descriptors are committed */
};

struct heap_bins {
    struct heap_page *head[HEAP_RUN_BINS + 1];
    uint64_t filled[HEAP_RUN_BINS / 64 + 1]; /* bit n: head[n] is not null */
};

struct heap {
    struct heap_source source;
    uint64_t secret;
    struct heap_zone zones[HEAP_ZONES_MAX];
    uint32_t zone_count;
    struct heap_bins committed;
    struct heap_bins bare;
    uint64_t free_pages; /* committed and in no use */
    uint64_t used_pages;
    struct heap_page *partial[HEAP_CLASSES];
    struct rb_root huge;

    uint64_t allocated_bytes;
    uint64_t allocations;
    uint64_t committed_bytes;
    uint64_t reserved_bytes;
};

/* `heap` is all zero before. The secret makes marks hard to forge by accident; it need not be random. */
void heap_init(struct heap *heap, const struct heap_source *source, uint64_t secret);

/* Null: no memory, or alignment is no power of two. `zero`: the bytes asked for read as zero. */
void *heap_alloc(struct heap *heap, size_t size_bytes, size_t alignment, bool zero);

/* Null, or a sentence about what is wrong with the pointer or with the allocation's surroundings; nothing was
 * done then. `memory` is not null. */
const char *heap_free(struct heap *heap, void *memory);

/* The size an allocation was made with. A sentence as above, and nothing stored. */
const char *heap_size(struct heap *heap, const void *memory, size_t *size_bytes);

/* Makes an allocation that passed heap_size longer or shorter where it is; false if it would have to move. */
bool heap_resize(struct heap *heap, void *memory, size_t size_bytes);

/* ---- heap_pages.c: runs of pages in zones. */

struct heap_run {
    struct heap_zone *zone; /* null: none */
    uint32_t first;
    uint32_t pages;
    bool zeroed;
};

/* A run of `pages` (1 .. HEAP_RUN_BINS - 1) committed pages; its descriptors say BODY but for the first,
 * which the caller describes. False: no memory. */
bool heap_run_alloc(struct heap *heap, uint32_t pages, struct heap_run *out);
void heap_run_free(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages);
/* Takes `more` pages that follow an allocated run, if they are free and committed. */
bool heap_run_extend(struct heap *heap, struct heap_zone *zone, uint32_t first, uint32_t pages,
                     uint32_t more);
/* The zone that the address lies in, and the page's number, below the frontier; null if in none. */
struct heap_zone *heap_zone_of(struct heap *heap, uint64_t address, uint32_t *page);

#pragma GCC visibility pop
