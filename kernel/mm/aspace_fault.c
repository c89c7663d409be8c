/*
 * Filling pages in on touch. Committed memory and mapped objects have their tables and their charge already,
 * so only growable memory can run out here.
 */
#include "arch/arch.h"
#include "arch/x86_64/tlb.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include <base/string.h>

static const uint8_t prot_needed[] = {
    [ACCESS_READ] = PROT_READ,
    [ACCESS_WRITE] = PROT_WRITE,
    [ACCESS_EXEC] = PROT_EXEC,
};

static bool is_allowed(const struct region *region, enum aspace_access access)
{
    bool has_memory =
        region->kind == REGION_COMMITTED || region->kind == REGION_GROWABLE || region->kind == REGION_OBJECT;
    return has_memory && !region->closing && (region->prot & prot_needed[access]) != 0;
}

/* One more page of a growable region: table, charge and frame, or nothing. */
static status_t grow(struct aspace *aspace, uaddr_t page, paddr_t *out)
{
    struct paging_dead dead;
    status_t status = ledger_charge(aspace->ledger, LEDGER_FRAMES, 1);
    if (status != CAPOS_OK)
        return status;
    status = paging_prepare(&aspace->tables, aspace->ledger, page, 1, false);
    if (status != CAPOS_OK)
        goto err_refund;
    status = frame_alloc_zeroed(0, out);
    if (status != CAPOS_OK)
        goto err_release;
    aspace->committed_pages++;
    return CAPOS_OK;

err_release:
    paging_release(&aspace->tables, page, 1, false, &dead);
    if (dead.count > 0)
        aspace_tlb_flush(aspace, page, page + PAGE_SIZE);
    paging_bury(aspace->ledger, &dead);
err_refund:
    ledger_refund(aspace->ledger, LEDGER_FRAMES, 1);
    return status;
}

static status_t page_obtain(struct aspace *aspace, const struct region *region, uaddr_t page, paddr_t *out)
{
    switch (region->kind) {
    case REGION_GROWABLE:
        return grow(aspace, page, out);
    case REGION_OBJECT:
        return memory_object_frame(
            region->object, region->object_first_page + ((page - region->start) >> CAPOS_PAGE_SHIFT), out);
    default:
        return frame_alloc_zeroed(region_is_large(region) ? FRAME_ORDER_LARGE : 0, out);
    }
}

enum { OWN_TRIES = 1000 };

/* A write to a page that may be shared: it becomes this address space's own, by a copy unless it is already.
 * The charge for it is there, so there is a frame, too. */
static status_t page_own(struct aspace *aspace, const struct region *region, uaddr_t page, pte_t *entry)
{
    paddr_t shared = pte_frame(*entry), own;
    if (frame_references(shared) == 1) { /* the others are done with it, and nobody can come to it any more */
        *entry = pte_make(shared, region->prot);
        return CAPOS_OK;
    }
    status_t status = frame_alloc(0, &own);
    /* Those who share a page and write to it at the same time have one frame more than their charges for a
     * moment: then one of them is about to give the old one back. */
    for (unsigned tries = 0; status != CAPOS_OK && tries < OWN_TRIES; tries++) {
        arch_relax();
        if (frame_references(shared) == 1) {
            *entry = pte_make(shared, region->prot);
            return CAPOS_OK;
        }
        status = frame_alloc(0, &own);
    }
    if (status != CAPOS_OK)
        return status;
    memcpy(direct_map(own), direct_map(shared), PAGE_SIZE); /* nobody can write to it */
    *entry = pte_make(own, region->prot);
    aspace_tlb_flush(aspace, page, page + PAGE_SIZE);
    frame_put(shared);
    return CAPOS_OK;
}

struct resolved {
    const struct region *region;
    pte_t *entry;
    bool was_there;
};

/* Sees to it that the page of `address` is there. */
static status_t fault_locked(struct aspace *aspace, uaddr_t address, enum aspace_access access,
                             struct resolved *out)
{
    const struct region *region = region_at(aspace, address);
    if (region == NULL || !is_allowed(region, access))
        return CAPOS_ERR_BAD_ADDRESS;
    bool large = region_is_large(region);
    uaddr_t page = align_down(address, large ? LARGE_PAGE_SIZE : PAGE_SIZE);
    pte_t *entry = paging_entry(&aspace->tables, page, large);
    *out = (struct resolved){region, entry, entry != NULL && *entry != 0};
    if (out->was_there)
        return access == ACCESS_WRITE && pte_is_shared(*entry) ? page_own(aspace, region, page, entry)
                                                               : CAPOS_OK;
    paddr_t frame;
    status_t status = page_obtain(aspace, region, page, &frame);
    if (status != CAPOS_OK)
        return status;
    if (entry == NULL) /* growable: there was no table yet */
        out->entry = paging_entry(&aspace->tables, page, large);
    *out->entry = pte_make(frame, region->prot);
    return CAPOS_OK;
}

status_t aspace_fault(struct aspace *aspace, uaddr_t address, enum aspace_access access)
{
    struct resolved found;
    spinlock_acquire(&aspace->lock);
    status_t status = fault_locked(aspace, address, access, &found);
    if (status == CAPOS_OK && found.was_there) {
        /* This CPU saw an old entry, or a protect of another one is on its way to this page. */
        *found.entry = pte_with_prot(*found.entry, found.region->prot);
        arch_tlb_flush_page(align_down(address, PAGE_SIZE));
    }
    spinlock_release(&aspace->lock);
    return status;
}

status_t aspace_object_at(struct aspace *aspace, uaddr_t address, struct memory_object **object,
                          uint64_t *offset_bytes)
{
    spinlock_acquire(&aspace->lock);
    const struct region *region = region_at(aspace, address);
    bool found = region != NULL && region->kind == REGION_OBJECT && is_allowed(region, ACCESS_READ);
    if (found) {
        *object = region->object;
        object_get(memory_object_as_object(region->object));
        *offset_bytes = (region->object_first_page << CAPOS_PAGE_SHIFT) + (address - region->start);
    }
    spinlock_release(&aspace->lock);
    return found ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

static const char *reason_locked(const struct aspace *aspace, uaddr_t address, enum aspace_access access)
{
    const struct region *region = region_at(aspace, address);
    if (region == NULL)
        return address < CAPOS_USER_MIN ? "access through a null pointer: nothing is ever mapped there"
                                        : "nothing is mapped there";
    if (region->kind == REGION_GUARD)
        return "stack guard page: the stack is used up";
    if (region->kind == REGION_RESERVED || region->closing)
        return "memory that is reserved but not committed";
    if (!is_allowed(region, access)) {
        if (region->prot == 0)
            return "memory that is protected against all access";
        return access == ACCESS_WRITE ? "write to read-only memory"
                                      : "execution of memory that is not executable";
    }
    return region->kind == REGION_GROWABLE ? "no memory left to grow into: the process' ledger is used up"
                                           : "no memory left";
}

const char *aspace_fault_reason(struct aspace *aspace, uaddr_t address, enum aspace_access access)
{
    if (address >= CAPOS_USER_MAX)
        return "address outside user space";
    spinlock_acquire(&aspace->lock);
    const char *reason = reason_locked(aspace, address, access);
    spinlock_release(&aspace->lock);
    return reason;
}

status_t aspace_window(struct aspace *aspace, uaddr_t address, enum aspace_access access, char **out)
{
    struct resolved found;
    status_t status = fault_locked(aspace, address, access, &found);
    if (status != CAPOS_OK)
        return status;
    uint64_t mask = region_is_large(found.region) ? LARGE_PAGE_SIZE - 1 : PAGE_MASK;
    *out = (char *)direct_map(pte_frame(*found.entry)) + (address & mask);
    return CAPOS_OK;
}
