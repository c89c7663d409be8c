/*
 * Changing what is mapped in place: commit, decommit, protect.
 *
 * Commit in two phases: first tables are made for all that is only reserved in the range, and the memory is
 * charged; that may fail and is undone as a whole. Then the regions become committed, which cannot fail.
 * (Large pages are filled in last; if there are none, what was committed just now is reserved again.)
 */
#include "arch/arch.h"
#include "mm/aspace_internal.h"
#include "mm/ledger.h"
#include "object/memory_object.h"

/* ---- What lies in a range. */

enum {
    IN_RESERVED = 1 << REGION_RESERVED,
    IN_COMMITTED = 1 << REGION_COMMITTED,
    IN_GROWABLE = 1 << REGION_GROWABLE,
    IN_OBJECT = 1 << REGION_OBJECT,
};

/* True if the whole range is covered by regions of these kinds. */
static bool is_covered(const struct aspace *aspace, uaddr_t start, uaddr_t end, unsigned kinds)
{
    uaddr_t at = start;
    const struct region *region;
    for_each_region(region, aspace, start, end)
    {
        if (region->start > at || (1u << region->kind & kinds) == 0)
            return false;
        at = region->end;
    }
    return at >= end;
}

static uint64_t reserved_pages_in(const struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    uint64_t pages = 0;
    const struct region *region;
    for_each_region(region, aspace, start, end)
    {
        uaddr_t low = region->start > start ? region->start : start;
        uaddr_t high = region->end < end ? region->end : end;
        if (region->kind == REGION_RESERVED)
            pages += (high - low) >> CAPOS_PAGE_SHIFT;
    }
    return pages;
}

/* Begins an operation on a range that has to be covered by `kinds`; lock held and ends split on success. */
static status_t begin_range(struct aspace *aspace, uaddr_t start, uaddr_t end, unsigned kinds)
{
    status_t status = aspace_begin(aspace, SPLITS_MAX);
    if (status != CAPOS_OK)
        return status;
    if (!is_covered(aspace, start, end, kinds))
        status = CAPOS_ERR_BAD_ADDRESS;
    else if (region_cuts_large(aspace, start, end))
        status = CAPOS_ERR_UNALIGNED;
    if (status != CAPOS_OK) {
        aspace_end(aspace);
        return status;
    }
    region_split_at(aspace, start);
    region_split_at(aspace, end);
    return CAPOS_OK;
}

static void end_range(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    region_merge_range(aspace, start, end);
    aspace_end(aspace);
}

/* ---- Commit. */

static status_t prepare_reserved(struct aspace *aspace, uaddr_t start, uaddr_t end, bool large)
{
    struct region *region;
    status_t status = CAPOS_OK;
    for_each_region(region, aspace, start, end)
    {
        if (region->kind == REGION_RESERVED)
            status = region_prepare(aspace, region, large);
        if (status != CAPOS_OK)
            break;
    }
    if (status == CAPOS_OK)
        return CAPOS_OK;
    for_each_region(region, aspace, start, end)
    {
        if (region->kind == REGION_RESERVED)
            region_unprepare(aspace, region, large, true);
    }
    return status;
}

/* Everything in the range is committed, or reserved and prepared. */
static void make_committed(struct aspace *aspace, uaddr_t start, uaddr_t end, uint32_t prot)
{
    struct region *region;
    for_each_region(region, aspace, start, end)
    {
        if (region->kind == REGION_RESERVED) {
            region->kind = REGION_COMMITTED;
            region->prot = (uint8_t)prot;
        } else if ((region->prot & ~(unsigned)PROT_LARGE) != prot) {
            region_set_prot(aspace, region, prot);
        }
    }
}

static status_t fill_large(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    struct region *region;
    status_t status = CAPOS_OK;
    for_each_region(region, aspace, start, end)
    {
        if (status == CAPOS_OK)
            status = region_fill_large(aspace, region);
    }
    if (status == CAPOS_OK)
        return CAPOS_OK;
    for_each_region(region, aspace, start, end)
    {
        region_strip(aspace, region);
    }
    return status;
}

static status_t commit_split(struct aspace *aspace, uaddr_t start, uaddr_t end, uint32_t prot)
{
    bool large = (prot & PROT_LARGE) != 0;
    uint64_t pages = reserved_pages_in(aspace, start, end);
    status_t status = ledger_charge(aspace->ledger, LEDGER_FRAMES, pages);
    if (status != CAPOS_OK)
        return status;
    status = prepare_reserved(aspace, start, end, large);
    if (status != CAPOS_OK) {
        ledger_refund(aspace->ledger, LEDGER_FRAMES, pages);
        return status;
    }
    aspace->committed_pages += pages;
    make_committed(aspace, start, end, prot);
    return large ? fill_large(aspace, start, end) : CAPOS_OK;
}

status_t aspace_commit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot)
{
    uaddr_t end;
    status_t status = range_check(address, size_bytes, &end);
    if (status == CAPOS_OK)
        status = prot_check(prot, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_LARGE, &prot);
    bool large = (prot & PROT_LARGE) != 0;
    if (status == CAPOS_OK && large && ((address | end) & (LARGE_PAGE_SIZE - 1)) != 0)
        status = CAPOS_ERR_UNALIGNED;
    if (status == CAPOS_OK)
        status = begin_range(aspace, address, end, IN_RESERVED | IN_COMMITTED);
    if (status != CAPOS_OK)
        return status;
    aspace->has_large = aspace->has_large || large;
    if (large && !is_covered(aspace, address, end, IN_RESERVED))
        status = CAPOS_ERR_BAD_FLAGS;
    else
        status = commit_split(aspace, address, end, prot);
    end_range(aspace, address, end);
    return status;
}

/* ---- Decommit and protect. */

status_t aspace_decommit(struct aspace *aspace, uaddr_t address, uint64_t size_bytes)
{
    uaddr_t end;
    status_t status = range_check(address, size_bytes, &end);
    if (status == CAPOS_OK)
        status = begin_range(aspace, address, end, IN_RESERVED | IN_COMMITTED | IN_GROWABLE);
    if (status != CAPOS_OK)
        return status;
    struct region *region;
    unsigned regions = 0;
    for_each_region(region, aspace, address, end)
    {
        region_strip(aspace, region);
        if (++regions % REGIONS_AT_ONCE == 0)
            aspace_breathe(aspace);
    }
    end_range(aspace, address, end);
    return CAPOS_OK;
}

static bool protect_is_allowed(const struct aspace *aspace, uaddr_t start, uaddr_t end, uint32_t prot)
{
    const struct region *region;
    for_each_region(region, aspace, start, end)
    {
        if ((prot & PROT_WRITE) != 0 && region->kind == REGION_OBJECT && !region->object_writable)
            return false;
    }
    return true;
}

status_t aspace_protect(struct aspace *aspace, uaddr_t address, uint64_t size_bytes, uint32_t prot)
{
    uaddr_t end;
    status_t status = range_check(address, size_bytes, &end);
    if (status == CAPOS_OK)
        status = prot_check(prot, PROT_READ | PROT_WRITE | PROT_EXEC, &prot);
    if (status == CAPOS_OK)
        status = begin_range(aspace, address, end, IN_COMMITTED | IN_GROWABLE | IN_OBJECT);
    if (status != CAPOS_OK)
        return status;
    struct region *region;
    if (!protect_is_allowed(aspace, address, end, prot)) {
        status = CAPOS_ERR_BAD_FLAGS;
    } else {
        unsigned regions = 0;
        for_each_region(region, aspace, address, end)
        {
            region_set_prot(aspace, region, prot);
            if (++regions % REGIONS_AT_ONCE == 0)
                aspace_breathe(aspace);
        }
    }
    end_range(aspace, address, end);
    return status;
}
