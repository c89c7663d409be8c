/*
 * x86-64 page tables. Intel SDM volume 3A, 4.5 "4-level paging": level 3 is the root (PML4), level 0 the leaf
 * table.
 *
 * Entries that point to tables carry the count of slots in use of that table in bits 52..61, which the
 * processor ignores: for a leaf table the pages prepared in it; above, the tables below it and the large
 * pages prepared in it. They are made accessed from the start, so that the processor never writes to them
 * while the count changes.
 */
#include "arch/x86_64/paging.h"
#include "arch/arch.h"
#include "arch/x86_64/page_entry.h"
#include "core/panic.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/ledger.h"
#include <base/string.h>

#define PAGE_ACCESSED UINT64_C(0x020)
#define PAGE_DIRTY    UINT64_C(0x040)
#define PAGE_SHARED   UINT64_C(0x200) /* ours: the processor ignores it */

enum { TABLE_ENTRIES = 512, TABLE_BITS = 9, USER_ENTRIES = 256, LEVEL_ROOT = 3, COUNT_SHIFT = 52 };

static const uint64_t COUNT_ONE = UINT64_C(1) << COUNT_SHIFT;
static const uint64_t COUNT_MASK = UINT64_C(0x3ff) << COUNT_SHIFT; /* 0 .. 512 */

/* ---- Leaf entries. */

static pte_t prot_bits(uint32_t prot)
{
    pte_t bits = PAGE_USER | PAGE_ACCESSED;
    if ((prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) != 0)
        bits |= PAGE_PRESENT;
    if ((prot & PROT_WRITE) != 0)
        bits |= PAGE_WRITE | PAGE_DIRTY;
    if ((prot & PROT_EXEC) == 0)
        bits |= PAGE_NX;
    return bits;
}

pte_t pte_make(paddr_t frame, uint32_t prot)
{
    return frame.raw | prot_bits(prot) | ((prot & PROT_LARGE) != 0 ? PAGE_LARGE : 0);
}

paddr_t pte_frame(pte_t entry)
{
    return (paddr_t){entry & PAGE_ADDRESS_MASK};
}

pte_t pte_with_prot(pte_t entry, uint32_t prot)
{
    pte_t kept = entry & (PAGE_ADDRESS_MASK | PAGE_LARGE | PAGE_SHARED);
    if ((entry & PAGE_SHARED) != 0)
        prot &= ~(uint32_t)PROT_WRITE; /* read access is implied, and in prot already */
    return kept | prot_bits(prot);
}

pte_t pte_shared(pte_t entry)
{
    return (entry & ~(PAGE_WRITE | PAGE_DIRTY)) | PAGE_SHARED;
}

bool pte_is_shared(pte_t entry)
{
    return (entry & PAGE_SHARED) != 0;
}

bool pte_is_writable(pte_t entry)
{
    return (entry & PAGE_WRITE) != 0;
}

pte_t pte_hidden(pte_t entry)
{
    return entry & ~PAGE_PRESENT;
}

/* ---- Tables. */

static pte_t *table_at(paddr_t table)
{
    return direct_map(table);
}

static pte_t *entry_in(paddr_t table, uaddr_t address, unsigned level)
{
    unsigned index = (unsigned)(address >> (CAPOS_PAGE_SHIFT + level * TABLE_BITS)) & (TABLE_ENTRIES - 1);
    return &table_at(table)[index];
}

static uint64_t count_of(pte_t entry)
{
    return (entry & COUNT_MASK) >> COUNT_SHIFT;
}

static pte_t entry_for_table(paddr_t table)
{
    return table.raw | PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_ACCESSED;
}

status_t paging_create(struct page_tables *tables)
{
    paddr_t root;
    status_t status = frame_alloc(0, &root);
    if (status != CAPOS_OK)
        return status;
    pte_t *entries = table_at(root);
    memset(entries, 0, USER_ENTRIES * sizeof *entries);
    memcpy(entries + USER_ENTRIES, table_at(arch_kernel_page_table()) + USER_ENTRIES,
           (TABLE_ENTRIES - USER_ENTRIES) * sizeof *entries);
    *tables = (struct page_tables){.root = root, .table_count = 1};
    return CAPOS_OK;
}

void paging_destroy(struct page_tables *tables)
{
    kassert(tables->table_count == 1);
    frame_put(tables->root);
    /* What still looks finds nothing. */
    *tables = (struct page_tables){.root = arch_kernel_page_table()};
}

static bool is_recent(const struct page_tables *tables, uaddr_t address)
{
    return (address ^ tables->recent_span) < PAGING_SPAN && tables->recent_parent != NULL;
}

/* Walks down to the entry that points to the leaf table: path[level] is the entry passed at each level from
 * the root to leaf_level + 1. Returns the level at which an entry was zero, leaf_level if none was. */
static unsigned walk(const struct page_tables *tables, uaddr_t address, unsigned leaf_level,
                     pte_t *path[LEVEL_ROOT + 1])
{
    paddr_t table = tables->root;
    for (unsigned level = LEVEL_ROOT; level > leaf_level; level--) {
        path[level] = entry_in(table, address, level);
        if (*path[level] == 0)
            return level;
        kassert((*path[level] & PAGE_LARGE) == 0);
        table = pte_frame(*path[level]);
    }
    return leaf_level;
}

/* Zeroed frames for `count` tables, charged; all or none. */
static status_t tables_take(struct ledger *ledger, unsigned count, paddr_t taken[LEVEL_ROOT])
{
    status_t status = ledger_charge(ledger, LEDGER_FRAMES, count);
    if (status != CAPOS_OK)
        return status;
    for (unsigned i = 0; i < count; i++) {
        status = frame_alloc_zeroed(0, &taken[i]);
        if (status == CAPOS_OK)
            continue;
        while (i-- > 0)
            frame_put(taken[i]);
        ledger_refund(ledger, LEDGER_FRAMES, count);
        return status;
    }
    return CAPOS_OK;
}

status_t paging_prepare(struct page_tables *tables, struct ledger *ledger, uaddr_t address,
                        uint64_t page_count, bool large)
{
    unsigned leaf_level = large ? 1 : 0;
    pte_t *path[LEVEL_ROOT + 1];
    if (!large && is_recent(tables, address)) {
        *tables->recent_parent += page_count * COUNT_ONE;
        return CAPOS_OK;
    }
    unsigned level = walk(tables, address, leaf_level, path);
    if (level > leaf_level) {
        paddr_t taken[LEVEL_ROOT];
        unsigned missing = level - leaf_level;
        status_t status = tables_take(ledger, missing, taken);
        if (status != CAPOS_OK)
            return status;
        tables->table_count += missing;
        for (const paddr_t *table = taken; level > leaf_level; level--, table++) {
            *path[level] = entry_for_table(*table);
            if (level < LEVEL_ROOT)
                *path[level + 1] += COUNT_ONE;
            path[level - 1] = entry_in(*table, address, level - 1);
        }
    }
    *path[leaf_level + 1] += page_count * COUNT_ONE;
    if (!large) {
        tables->recent_span = align_down(address, PAGING_SPAN);
        tables->recent_parent = path[1];
    }
    return CAPOS_OK;
}

void paging_release(struct page_tables *tables, uaddr_t address, uint64_t page_count, bool large,
                    struct paging_dead *dead)
{
    unsigned leaf_level = large ? 1 : 0, level = leaf_level + 1;
    pte_t *path[LEVEL_ROOT + 1];
    dead->count = 0;
    if (!large && is_recent(tables, address) && count_of(*tables->recent_parent) > page_count) {
        *tables->recent_parent -= page_count * COUNT_ONE;
        return;
    }
    kassert(walk(tables, address, leaf_level, path) == leaf_level);
    kassert(page_count <= count_of(*path[level]));
    *path[level] -= page_count * COUNT_ONE;
    for (; level <= LEVEL_ROOT && count_of(*path[level]) == 0; level++) {
        dead->tables[dead->count++] = pte_frame(*path[level]);
        *path[level] = 0;
        if (level < LEVEL_ROOT)
            *path[level + 1] -= COUNT_ONE;
    }
    if (dead->count == 0)
        return;
    tables->recent_parent = NULL;
    tables->table_count -= dead->count;
}

void paging_bury(struct ledger *ledger, struct paging_dead *dead)
{
    unsigned count = dead->count;
    while (dead->count > 0)
        frame_put(dead->tables[--dead->count]);
    if (count > 0)
        ledger_refund(ledger, LEDGER_FRAMES, count);
}

/* Walks as walk() does, without the path. */
pte_t *paging_entry(struct page_tables *tables, uaddr_t address, bool large)
{
    unsigned leaf_shift = large ? CAPOS_PAGE_SHIFT + TABLE_BITS : CAPOS_PAGE_SHIFT;
    pte_t *table = table_at(tables->root), *parent = NULL;
    if (!large && is_recent(tables, address)) {
        table = table_at(pte_frame(*tables->recent_parent));
        return &table[address >> CAPOS_PAGE_SHIFT & (TABLE_ENTRIES - 1)];
    }
    for (unsigned shift = CAPOS_PAGE_SHIFT + LEVEL_ROOT * TABLE_BITS; shift > leaf_shift;
         shift -= TABLE_BITS) {
        parent = &table[address >> shift & (TABLE_ENTRIES - 1)];
        if (*parent == 0)
            return NULL;
        table = table_at(pte_frame(*parent));
    }
    if (!large) {
        tables->recent_span = align_down(address, PAGING_SPAN);
        tables->recent_parent = parent;
    }
    return &table[address >> leaf_shift & (TABLE_ENTRIES - 1)];
}

static void *window_in(pte_t leaf, uaddr_t offset_mask, uaddr_t address, bool write)
{
    pte_t needed = PAGE_PRESENT | (write ? PAGE_WRITE : 0);
    if ((leaf & needed) != needed)
        return NULL;
    return (char *)direct_map(pte_frame(leaf)) + (address & offset_mask);
}

static __attribute__((noinline)) void *window_by_walk(struct page_tables *tables, uaddr_t address, bool write)
{
    pte_t *table = table_at(tables->root), *parent = NULL;
    for (unsigned shift = CAPOS_PAGE_SHIFT + LEVEL_ROOT * TABLE_BITS; shift > CAPOS_PAGE_SHIFT;
         shift -= TABLE_BITS) {
        parent = &table[address >> shift & (TABLE_ENTRIES - 1)];
        if ((*parent & PAGE_LARGE) != 0)
            return window_in(*parent, LARGE_PAGE_SIZE - 1, address, write);
        if (*parent == 0)
            return NULL;
        table = table_at(pte_frame(*parent));
    }
    tables->recent_span = align_down(address, PAGING_SPAN);
    tables->recent_parent = parent;
    return window_in(table[address >> CAPOS_PAGE_SHIFT & (TABLE_ENTRIES - 1)], PAGE_MASK, address, write);
}

void *paging_window(struct page_tables *tables, uaddr_t address, bool write)
{
    if (!is_recent(tables, address))
        return window_by_walk(tables, address, write);
    const pte_t *table = table_at(pte_frame(*tables->recent_parent));
    return window_in(table[address >> CAPOS_PAGE_SHIFT & (TABLE_ENTRIES - 1)], PAGE_MASK, address, write);
}

uaddr_t paging_hole_end(const struct page_tables *tables, uaddr_t address)
{
    pte_t *path[LEVEL_ROOT + 1];
    unsigned level = walk(tables, address, 0, path);
    if (level == 0)
        return address;
    uint64_t covered = UINT64_C(1) << (CAPOS_PAGE_SHIFT + level * TABLE_BITS);
    return align_down(address, covered) + covered;
}

/* ---- Checking. One function per level, so no recursion. */

struct check {
    paging_visit *visit;
    void *context;
    uint64_t tables;
    uint64_t large_prepared;
};

static bool check_level_1(struct check *check, pte_t above, uaddr_t base)
{
    const pte_t *entries = table_at(pte_frame(above));
    uint64_t pointed = 0, filled = 0;
    check->tables++;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uaddr_t address = base + i * PAGING_SPAN;
        if (entries[i] == 0)
            continue;
        if ((entries[i] & PAGE_LARGE) != 0) {
            filled++;
            if (!check->visit(check->context, address, 1, &entries[i], true))
                return false;
            continue;
        }
        pointed++;
        check->tables++;
        if (count_of(entries[i]) == 0 || !check->visit(check->context, address, count_of(entries[i]),
                                                       table_at(pte_frame(entries[i])), false))
            return false;
    }
    check->large_prepared += count_of(above) - pointed; /* prepared, filled in or not */
    return count_of(above) > 0 && count_of(above) >= pointed + filled;
}

static bool check_level_2(struct check *check, pte_t above, uaddr_t base)
{
    const pte_t *entries = table_at(pte_frame(above));
    uint64_t pointed = 0;
    check->tables++;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (entries[i] == 0)
            continue;
        pointed++;
        if (!check_level_1(check, entries[i], base + i * (PAGING_SPAN * TABLE_ENTRIES)))
            return false;
    }
    return pointed > 0 && count_of(above) == pointed;
}

static bool recent_is_right(const struct page_tables *tables)
{
    pte_t *path[LEVEL_ROOT + 1];
    return tables->recent_parent == NULL ||
           (walk(tables, tables->recent_span, 0, path) == 0 && path[1] == tables->recent_parent);
}

bool paging_check(const struct page_tables *tables, paging_visit *visit, void *context,
                  uint64_t *large_prepared)
{
    struct check check = {.visit = visit, .context = context, .tables = 1};
    const pte_t *entries = table_at(tables->root);
    for (unsigned i = 0; i < USER_ENTRIES; i++) {
        uaddr_t base = (uint64_t)i << (CAPOS_PAGE_SHIFT + LEVEL_ROOT * TABLE_BITS);
        if (entries[i] != 0 && !check_level_2(&check, entries[i], base))
            return false;
    }
    *large_prepared = check.large_prepared;
    return check.tables == tables->table_count && recent_is_right(tables);
}
