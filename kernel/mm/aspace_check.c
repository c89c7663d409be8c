/*
 * The invariants of an address space, checked from scratch. Regions are ordered, disjoint, inside user space,
 * and merged as far as they can be; every table is counted with exactly the pages that regions have prepared
 * in it; every entry lies in a region that may have pages, with that region's permissions; a frame with other
 * users is marked as shared; the charges are the sum of the regions.
 */
#include "core/panic.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/ledger.h"
#include "object/memory_object.h"

struct totals {
    struct aspace *aspace;
    uint64_t pages;
    uint64_t committed_pages;
    uint64_t growable_filled; /* found in the tables */
    uint64_t large_prepared;
};

/* The part of a region that has its tables made; empty for growable ones, whose pages are counted one by one.
 */
static uaddr_t prepared_end(const struct region *region)
{
    switch (region->kind) {
    case REGION_RESERVED:
        return region->prepared_end;
    case REGION_COMMITTED:
    case REGION_OBJECT:
        return region->end;
    default:
        return region->start;
    }
}

static bool region_is_sound(const struct aspace *aspace, const struct region *region, uaddr_t previous_end)
{
    uint64_t unit = region_is_large(region) ? LARGE_PAGE_SIZE : PAGE_SIZE;
    uint64_t unaligned = (region->start | region->end) & (unit - 1);
    bool write_and_execute = (region->prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC);
    bool prepared = prepared_end(region) >= region->start && prepared_end(region) <= region->end;
    bool resting = region->kind != REGION_RESERVED || region->prepared_end == region->start;
    return region->start >= previous_end && region->start < region->end && region->end <= CAPOS_USER_MAX &&
           unaligned == 0 && !write_and_execute && prepared && (resting || aspace->busy) &&
           (region->object != NULL) == (region->kind == REGION_OBJECT) && (!region->closing || aspace->busy);
}

/* True if gap_hint says that part of this gap is occupied. */
static bool gap_is_overlooked(const struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    uaddr_t low = start > aspace->base ? start : aspace->base;
    uaddr_t high = end < aspace->gap_hint ? end : aspace->gap_hint;
    return low < high;
}

/* Each use counts its regions, and is there only while it has some. */
static bool uses_are_sound(const struct aspace *aspace)
{
    for (struct list_node *node = list_first(&aspace->uses); node != NULL;
         node = list_next(&aspace->uses, node)) {
        const struct mapping_use *use = container_of(node, struct mapping_use, in_aspace);
        const struct region *region;
        uint32_t count = 0;
        for_each_region(region, aspace, 0, UINT64_MAX)
        {
            count += region->use == use->number ? 1 : 0;
        }
        if (use->aspace != aspace || count != use->regions || (count == 0 && !aspace->busy))
            return false;
    }
    return true;
}

static bool regions_are_sound(struct aspace *aspace, struct totals *totals)
{
    uaddr_t previous_end = CAPOS_USER_MIN;
    uint32_t count = 0;
    const struct region *region;
    for_each_region(region, aspace, 0, UINT64_MAX)
    {
        if (!region_is_sound(aspace, region, previous_end))
            return false;
        if (gap_is_overlooked(aspace, previous_end, region->start))
            return false;
        previous_end = region->end;
        totals->pages += region_pages(region);
        totals->committed_pages += region->kind == REGION_COMMITTED ? region_pages(region) : 0;
        if (region_is_large(region))
            totals->large_prepared += region_pages(region) / (LARGE_PAGE_SIZE / PAGE_SIZE);
        count++;
    }
    return uses_are_sound(aspace) && count == aspace->region_count && rb_check(&aspace->regions) &&
           !gap_is_overlooked(aspace, previous_end, CAPOS_USER_MAX);
}

/* How many pages of the table at `base` are prepared by regions, not counting growable ones. */
static uint64_t prepared_in_table(const struct aspace *aspace, uaddr_t base)
{
    uint64_t pages = 0;
    const struct region *region;
    for_each_region(region, aspace, base, base + PAGING_SPAN)
    {
        uaddr_t low = region->start > base ? region->start : base;
        uaddr_t high = prepared_end(region);
        high = high < base + PAGING_SPAN ? high : base + PAGING_SPAN;
        pages += high > low ? (high - low) >> CAPOS_PAGE_SHIFT : 0;
    }
    return pages;
}

static bool entry_is_sound(struct totals *totals, uaddr_t page, pte_t entry, bool large, uint64_t *grown)
{
    const struct region *region = region_at(totals->aspace, page);
    if (region == NULL)
        return false;
    if (region->kind == REGION_GROWABLE)
        (*grown)++;
    else if (page >= prepared_end(region))
        return false;
    bool own = region->kind == REGION_GROWABLE || region->kind == REGION_COMMITTED;
    if (pte_is_shared(entry) ? !own && region->kind != REGION_RESERVED
                             : own && frame_references(pte_frame(entry)) != 1)
        return false;
    if (totals->aspace->busy) /* protect or decommit may be half way */
        return true;
    return region_is_large(region) == large && pte_with_prot(entry, region->prot) == entry;
}

static bool visit_table(void *context, uaddr_t base, uint64_t count, const pte_t *entries, bool large)
{
    struct totals *totals = context;
    uint64_t grown = 0;
    if (large)
        return entry_is_sound(totals, base, entries[0], true, &grown);
    for (unsigned i = 0; i < PAGING_SPAN / PAGE_SIZE; i++)
        if (entries[i] != 0 && !entry_is_sound(totals, base + i * PAGE_SIZE, entries[i], false, &grown))
            return false;
    totals->growable_filled += grown;
    return count == prepared_in_table(totals->aspace, base) + grown;
}

static bool check_locked(struct aspace *aspace)
{
    struct totals totals = {.aspace = aspace};
    uint64_t large_prepared = 0;
    if (!regions_are_sound(aspace, &totals) ||
        !paging_check(&aspace->tables, visit_table, &totals, &large_prepared))
        return false;
    if (aspace->busy)
        return true;
    return totals.pages == aspace->reserved_pages && large_prepared == totals.large_prepared &&
           totals.committed_pages + totals.growable_filled == aspace->committed_pages &&
           aspace->spare_count <= REGION_SPARES_KEPT;
}

bool aspace_check(struct aspace *aspace)
{
    spinlock_acquire(&aspace->lock);
    bool good = check_locked(aspace);
    spinlock_release(&aspace->lock);
    return good;
}
