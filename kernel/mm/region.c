/*
 * The regions of an address space: a red-black tree by address, without overlaps. Neighbours that say the
 * same are one region. Nothing here fails once region_stock has reserved the nodes. Lock: LOCK_ASPACE.
 */
#include "core/panic.h"
#include "mm/aspace_internal.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"

static struct region *region_of(struct rb_node *node)
{
    return node == NULL ? NULL : rb_entry(node, struct region, node);
}

struct region *region_from(const struct aspace *aspace, uaddr_t address)
{
    struct rb_node *node = aspace->regions.node;
    struct region *best = NULL;
    while (node != NULL) {
        struct region *region = region_of(node);
        if (region->end > address) {
            best = region;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct region *region_at(const struct aspace *aspace, uaddr_t address)
{
    struct region *region = region_from(aspace, address);
    return region != NULL && region->start <= address ? region : NULL;
}

struct region *region_next(const struct region *region)
{
    return region_of(rb_next(&region->node));
}

struct region *region_previous(const struct region *region)
{
    return region_of(rb_prev(&region->node));
}

/* ---- Nodes. */

status_t region_stock(struct aspace *aspace, unsigned count)
{
    while (aspace->spare_count < count) {
        if (aspace->region_count + aspace->spare_count >= REGIONS_MAX)
            return CAPOS_ERR_QUOTA;
        status_t status = ledger_charge(aspace->ledger, LEDGER_HEAP_BYTES, sizeof(struct region));
        if (status != CAPOS_OK)
            return status;
        struct region *region = heap_alloc(sizeof *region);
        if (region == NULL) {
            ledger_refund(aspace->ledger, LEDGER_HEAP_BYTES, sizeof(struct region));
            return CAPOS_ERR_NO_MEMORY;
        }
        region->node.left = aspace->spares == NULL ? NULL : &aspace->spares->node;
        aspace->spares = region;
        aspace->spare_count++;
    }
    return CAPOS_OK;
}

static struct region *spare_take(struct aspace *aspace)
{
    struct region *region = aspace->spares;
    kassert(region != NULL);
    aspace->spares = region_of(region->node.left);
    aspace->spare_count--;
    return region;
}

void region_free_spares(struct aspace *aspace, unsigned keep)
{
    while (aspace->spare_count > keep) {
        struct region *region = spare_take(aspace);
        heap_free(region, sizeof *region);
        ledger_refund(aspace->ledger, LEDGER_HEAP_BYTES, sizeof(struct region));
    }
}

struct region *region_insert(struct aspace *aspace, const struct region *like)
{
    struct region *region = spare_take(aspace);
    *region = *like;
    struct rb_node *parent = NULL, **link = &aspace->regions.node;
    while (*link != NULL) {
        parent = *link;
        link = like->start < region_of(parent)->start ? &parent->left : &parent->right;
    }
    rb_insert(&aspace->regions, &region->node, parent, link);
    aspace->region_count++;
    return region;
}

void region_erase(struct aspace *aspace, struct region *region)
{
    rb_erase(&aspace->regions, &region->node);
    aspace->region_count--;
    if (region->start < aspace->gap_hint && region->end > aspace->base)
        aspace->gap_hint = region->start > aspace->base ? region->start : aspace->base;
    region->node.left = aspace->spares == NULL ? NULL : &aspace->spares->node;
    aspace->spares = region;
    aspace->spare_count++;
}

/* ---- Splitting and merging. */

void region_split_at(struct aspace *aspace, uaddr_t address)
{
    struct region *region = region_at(aspace, address);
    if (region == NULL || region->start == address)
        return;
    struct region upper = *region;
    upper.start = address;
    if (region->kind == REGION_OBJECT) {
        upper.object_first_page += (address - region->start) >> CAPOS_PAGE_SHIFT;
        object_get(memory_object_as_object(region->object));
        mapping_use_region_added(aspace, region);
    } else if (region->kind == REGION_RESERVED) {
        kassert(region->prepared_end == region->start);
        upper.prepared_end = address;
    }
    region->end = address;
    region_insert(aspace, &upper);
}

static bool can_merge(const struct region *low, const struct region *high)
{
    if (low->end != high->start || low->kind != high->kind || low->prot != high->prot)
        return false;
    switch (low->kind) {
    case REGION_RESERVED:
        return low->prepared_end == low->start && high->prepared_end == high->start;
    case REGION_COMMITTED:
    case REGION_GROWABLE: /* without a guard between them they were one */
        return true;
    case REGION_OBJECT:
        return low->object == high->object && low->object_writable == high->object_writable &&
               low->use == high->use && low->object_first_page + region_pages(low) == high->object_first_page;
    default:
        return false;
    }
}

/* `low` takes over `high`, which begins where it ends. */
static void merge(struct aspace *aspace, struct region *low, struct region *high)
{
    uaddr_t end = high->end, hint = aspace->gap_hint;
    if (high->kind == REGION_OBJECT) {
        object_put(memory_object_as_object(high->object)); /* `low` holds another one */
        mapping_use_region_merged(aspace, high);
    }
    region_erase(aspace, high);
    aspace->gap_hint = hint; /* nothing became free */
    low->end = end;
}

void region_merge_around(struct aspace *aspace, struct region *region)
{
    struct region *next = region_next(region), *previous = region_previous(region);
    if (next != NULL && can_merge(region, next))
        merge(aspace, region, next);
    if (previous != NULL && can_merge(previous, region))
        merge(aspace, previous, region);
}

void region_merge_range(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    struct region *region = region_from(aspace, start == 0 ? 0 : start - 1);
    while (region != NULL && region->start <= end) {
        struct region *next = region_next(region);
        if (next != NULL && can_merge(region, next))
            merge(aspace, region, next);
        else
            region = next;
    }
}

bool region_cuts_large(const struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    if (!aspace->has_large)
        return false;
    const uaddr_t borders[] = {start, end};
    for (size_t i = 0; i < array_count(borders); i++) {
        const struct region *region = region_at(aspace, borders[i]);
        if (region != NULL && region_is_large(region) && (borders[i] & (LARGE_PAGE_SIZE - 1)) != 0)
            return true;
    }
    return false;
}

/* ---- Gaps. */

bool region_gap_is_free(const struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    const struct region *region = region_from(aspace, start);
    return region == NULL || region->start >= end;
}

/* The first fit in [from, limit). */
static bool first_fit(const struct aspace *aspace, uaddr_t from, uaddr_t limit, uint64_t size_bytes,
                      uint64_t alignment, uint64_t guard_bytes, uaddr_t *out)
{
    uaddr_t at = align_up(from + guard_bytes, alignment);
    const struct region *region = region_from(aspace, from);
    for (; region != NULL && at < limit; region = region_next(region)) {
        if (at < region->start && region->start - at >= size_bytes)
            break;
        at = align_up(region->end + guard_bytes, alignment);
    }
    if (at > limit || limit - at < size_bytes)
        return false;
    *out = at;
    return true;
}

bool region_find_gap(struct aspace *aspace, uint64_t size_bytes, uint64_t alignment, uint64_t guard_bytes,
                     uaddr_t *out)
{
    const struct region *region = region_from(aspace, aspace->gap_hint);
    while (region != NULL && region->start <= aspace->gap_hint) {
        aspace->gap_hint = region->end;
        region = region_next(region);
    }
    if (guard_bytes == 0 && alignment == PAGE_SIZE && region != NULL &&
        region->start - aspace->gap_hint >= size_bytes) { /* what first_fit would find */
        *out = aspace->gap_hint;
        return true;
    }
    return first_fit(aspace, aspace->gap_hint, CAPOS_USER_MAX, size_bytes, alignment, guard_bytes, out) ||
           first_fit(aspace, CAPOS_USER_MIN, aspace->base, size_bytes, alignment, guard_bytes, out);
}
