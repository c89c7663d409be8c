/*
 * The user half of a 4-level page table, and the tables' own memory. The upper half is the kernel's, shared
 * by all.
 *
 * Tables are counted by slot: paging_prepare makes the tables that a range needs and counts its pages in
 * them, paging_release takes the count back; a table lives exactly as long as its count is not zero. So a
 * page can be filled in later without anything that may fail, and nobody searches for tables that have become
 * empty. The count of a table is kept in unused bits of the entry that points to it.
 *
 * The caller holds the address space's lock, and flushes the TLB after changing entries that were present;
 * frames and tables taken out are given back only after that flush.
 */
#pragma once
#include "core/types.h"

struct ledger;

struct page_tables {
    paddr_t root;         /* what CR3 gets */
    uint64_t table_count; /* frames, the root included */
    /* The leaf table of the last walk: neighbouring work finds it again without one. Forgotten when tables
     * go. */
    uaddr_t recent_span;
    uint64_t *recent_parent; /* the entry that points to it; null: none */
};

/* The kernel's own root table; its upper half goes into every address space. (The rest of arch/x86_64.) */
paddr_t arch_kernel_page_table(void);

/* ---- Leaf entries. 0: no page. An entry with an address but no permission keeps its page, and every access
 * faults. */
typedef uint64_t pte_t;
/* prot: enum aspace_prot; PROT_LARGE makes a 2 MiB leaf. */
pte_t pte_make(paddr_t frame, uint32_t prot);
paddr_t pte_frame(pte_t entry);
/* The same page with other permissions. */
pte_t pte_with_prot(pte_t entry, uint32_t prot);
/* The same page, not writable whatever its permissions say, until it is made anew: the frame may have other
 * users. */
pte_t pte_shared(pte_t entry);
bool pte_is_shared(pte_t entry);
bool pte_is_writable(pte_t entry);
/* The same page, not accessible. */
pte_t pte_hidden(pte_t entry);

/* An empty user half. The root frame is not charged here. NO_MEMORY. */
CHECKED status_t paging_create(struct page_tables *tables);
/* Everything must have been released. */
void paging_destroy(struct page_tables *tables);

/* The address range that one leaf table (or one large leaf) covers: what prepare and release work on at a
 * time. */
#define PAGING_SPAN LARGE_PAGE_SIZE

/* Makes the tables for `page_count` more pages in the span that holds `address` (large: 1, its one large
 * page), charging each new table to the ledger. All or nothing. NO_MEMORY. A span holds small pages or one
 * large page. */
CHECKED status_t paging_prepare(struct page_tables *tables, struct ledger *ledger, uaddr_t address,
                                uint64_t page_count, bool large);

/* Tables that are out of the tree but may still be cached by a processor. */
struct paging_dead {
    paddr_t tables[3];
    unsigned count;
};
/* Takes back what paging_prepare counted. Tables that nobody needs any more are taken out and put
 * in *dead, with the leaf entries they had. */
void paging_release(struct page_tables *tables, uaddr_t address, uint64_t page_count, bool large,
                    struct paging_dead *dead);
/* After the flush, and with all entries zeroed: frees them, and only then refunds the charge, so that whoever
 * has charged a frame finds one. */
void paging_bury(struct ledger *ledger, struct paging_dead *dead);

/* The leaf entry of an address in a prepared span, followed by those of the rest of the span; null if there
 * is no table for it. `large` as it was prepared. */
pte_t *paging_entry(struct page_tables *tables, uaddr_t address, bool large);
/* Where the byte at `address` is, if the processor would let the user access it so without a fault; else
 * null. Good to the end of its 4 KiB page, for as long as the lock is held. The address is in user space. */
void *paging_window(struct page_tables *tables, uaddr_t address, bool write);
/* For ranges of small pages: the end of the aligned range around `address` that has no table because one is
 * missing on the way down; `address` itself if there is a leaf table. */
uaddr_t paging_hole_end(const struct page_tables *tables, uaddr_t address);

/* ---- Checking, for tests and debug builds. Calls visit for every leaf table (entries: its 512, count: pages
 * prepared) and for every large leaf (entries: the one, count 1). False if visit ever returned false, if the
 * counts of the upper tables are not those of their entries, or if table_count is wrong. `large_prepared` is
 * out: large slots counted. */
typedef bool paging_visit(void *context, uaddr_t address, uint64_t count, const pte_t *entries, bool large);
bool paging_check(const struct page_tables *tables, paging_visit *visit, void *context,
                  uint64_t *large_prepared);
