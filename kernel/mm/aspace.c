/*
 * Address spaces: lifetime, taking turns, mapping and unmapping. See aspace_internal.h for how the parts fit.
 *
 * Where the kernel chooses addresses it begins at a random base and takes the first gap above: the base makes
 * them hard to guess, and their lying together keeps the page tables few. The base is a page in the lower
 * quarter of a leaf table's range, in the lower 512 GiB, so that a small program at fixed addresses shares
 * its upper table with it.
 */
#include "mm/aspace.h"
#include "arch/arch.h"
#include "arch/x86_64/tlb.h"
#include "core/panic.h"
#include "mm/aspace_internal.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include <base/checked.h>

static const uaddr_t BASE_MIN = UINT64_C(4) << 30, BASE_END = UINT64_C(508) << 30;

/* ---- Arguments. */

status_t range_check(uaddr_t address, uint64_t size_bytes, uaddr_t *end)
{
    uint64_t size;
    if ((address & PAGE_MASK) != 0)
        return CAPOS_ERR_UNALIGNED;
    if (!checked_align_up_u64(size_bytes, PAGE_SIZE, &size) || size > CAPOS_USER_MAX - CAPOS_USER_MIN)
        return CAPOS_ERR_TOO_LARGE;
    if (size == 0 || address < CAPOS_USER_MIN || address > CAPOS_USER_MAX - size)
        return CAPOS_ERR_BAD_ADDRESS;
    *end = address + size;
    return CAPOS_OK;
}

status_t prot_check(uint32_t prot, uint32_t allowed, uint32_t *out)
{
    if ((prot & ~allowed) != 0 || (prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
        return CAPOS_ERR_BAD_FLAGS;
    *out = (prot & (PROT_WRITE | PROT_EXEC)) != 0 ? prot | PROT_READ : prot;
    return CAPOS_OK;
}

/* ---- Lifetime. */

static uaddr_t random_base(void)
{
    uint64_t random;
    if (!arch_random_u64(&random))
        random =
            arch_read_tsc() * UINT64_C(0x9e3779b97f4a7c15); /* no entropy: at least not the same every time */
    uint64_t spans = (BASE_END - BASE_MIN) / PAGING_SPAN;
    uint64_t page = random >> 56 & 127;
    return BASE_MIN + (random & 0xffffffff) * spans / (UINT64_C(1) << 32) * PAGING_SPAN + page * PAGE_SIZE;
}

/* 0 is none's: so that nothing is taken for true about an address space that was never looked at. */
static uint64_t new_generation(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

status_t aspace_create(struct ledger *ledger, struct aspace **out)
{
    struct aspace *aspace;
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof *aspace);
    if (status != CAPOS_OK)
        return status;
    status = ledger_charge(ledger, LEDGER_FRAMES, 1);
    if (status != CAPOS_OK)
        goto err_heap_charge;
    aspace = heap_alloc(sizeof *aspace);
    status = aspace == NULL ? CAPOS_ERR_NO_MEMORY : paging_create(&aspace->tables);
    if (status != CAPOS_OK)
        goto err_memory;
    spinlock_init(&aspace->lock, LOCK_ASPACE);
    aspace->generation = new_generation();
    aspace->references = 1;
    aspace->ledger = ledger;
    ledger_get(ledger);
    aspace->base = random_base();
    aspace->gap_hint = aspace->base;
    list_init(&aspace->uses);
    *out = aspace;
    return CAPOS_OK;

err_memory:
    heap_free(aspace, sizeof *aspace);
    ledger_refund(ledger, LEDGER_FRAMES, 1);
err_heap_charge:
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *aspace);
    return status;
}

void aspace_choose_near(struct aspace *aspace, uaddr_t address)
{
    spinlock_acquire(&aspace->lock);
    if (address >= CAPOS_USER_MIN && address < CAPOS_USER_MAX)
        aspace->base = aspace->gap_hint = align_down(address, PAGE_SIZE);
    spinlock_release(&aspace->lock);
}

void aspace_get(struct aspace *aspace)
{
    __atomic_add_fetch(&aspace->references, 1, __ATOMIC_RELAXED);
}

void aspace_put(struct aspace *aspace)
{
    if (__atomic_sub_fetch(&aspace->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    kassert(aspace->dead);
    struct ledger *ledger = aspace->ledger;
    heap_free(aspace, sizeof *aspace);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof *aspace);
    ledger_put(ledger);
}

bool aspace_is_dead(struct aspace *aspace)
{
    return __atomic_load_n(&aspace->dead, __ATOMIC_RELAXED);
}

struct ledger *aspace_ledger(const struct aspace *aspace)
{
    return aspace->ledger;
}

paddr_t aspace_page_table(const struct aspace *aspace)
{
    return aspace->tables.root;
}

uint64_t *aspace_resident_cpus(struct aspace *aspace)
{
    return &aspace->resident_cpus;
}

void aspace_stats(struct aspace *aspace, struct aspace_stats *out)
{
    spinlock_acquire(&aspace->lock);
    out->reserved_bytes = aspace->reserved_pages * PAGE_SIZE;
    out->committed_bytes = aspace->committed_pages * PAGE_SIZE;
    out->table_frames = aspace->tables.table_count;
    spinlock_release(&aspace->lock);
}

/* ---- Taking turns. */

static void begin_waiting(struct aspace *aspace)
{
    spinlock_acquire(&aspace->lock);
    while (aspace->busy) { /* another CPU's operation, between two of its steps */
        spinlock_release(&aspace->lock);
        arch_relax();
        arch_preemption_point();
        spinlock_acquire(&aspace->lock);
    }
    aspace->busy = true;
}

status_t aspace_begin(struct aspace *aspace, unsigned nodes)
{
    begin_waiting(aspace);
    status_t status = aspace->dead ? CAPOS_ERR_REVOKED : region_stock(aspace, nodes);
    if (status != CAPOS_OK)
        aspace_end(aspace);
    return status;
}

void aspace_end(struct aspace *aspace)
{
    region_trim_spares(aspace, REGION_SPARES_KEPT);
    aspace->busy = false;
    spinlock_release(&aspace->lock);
}

void aspace_breathe(struct aspace *aspace)
{
    spinlock_release(&aspace->lock);
    arch_preemption_point();
    spinlock_acquire(&aspace->lock);
}

void aspace_tlb_flush(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    aspace->generation = new_generation();
    if (!aspace->dead) /* then every CPU has left it */
        arch_tlb_shootdown(&aspace->resident_cpus, aspace->tables.root, start, end);
}

/* ---- Mapping. */

struct map_request {
    enum region_kind kind;
    uint32_t prot;
    uint64_t guard_bytes;
    struct memory_object *object; /* borrowed */
    bool object_writable;
    uint64_t object_first_page;
    struct mapping_token *token; /* borrowed; null: none */
    struct mapping_use *use;     /* null: none */
};

static status_t place(struct aspace *aspace, const struct map_request *request, uaddr_t hint,
                      uint64_t size_bytes, uaddr_t *out)
{
    uint64_t alignment = (request->prot & PROT_LARGE) != 0 ? LARGE_PAGE_SIZE : PAGE_SIZE;
    if (hint == 0)
        return region_find_gap(aspace, size_bytes, alignment, request->guard_bytes, out)
                   ? CAPOS_OK
                   : CAPOS_ERR_BAD_ADDRESS;
    if ((hint & (alignment - 1)) != 0)
        return CAPOS_ERR_UNALIGNED;
    if (hint - CAPOS_USER_MIN < request->guard_bytes ||
        !region_gap_is_free(aspace, hint - request->guard_bytes, hint + size_bytes))
        return CAPOS_ERR_BAD_ADDRESS;
    *out = hint;
    return CAPOS_OK;
}

static status_t frames_charge(struct aspace *aspace, uint64_t pages)
{
    status_t status = ledger_charge(aspace->ledger, LEDGER_FRAMES, pages);
    if (status == CAPOS_OK)
        aspace->committed_pages += pages;
    return status;
}

static void frames_refund(struct aspace *aspace, uint64_t pages)
{
    aspace->committed_pages -= pages;
    ledger_refund(aspace->ledger, LEDGER_FRAMES, pages);
}

/* Makes a fresh RESERVED region what was asked for; leaves it RESERVED on failure. */
static status_t establish(struct aspace *aspace, struct region *region, const struct map_request *request)
{
    bool large = (request->prot & PROT_LARGE) != 0, committed = request->kind == REGION_COMMITTED;
    uint64_t pages = committed ? region_pages(region) : 0;
    status_t status = frames_charge(aspace, pages);
    if (status != CAPOS_OK)
        return status;
    if (committed || request->kind == REGION_OBJECT)
        status = region_prepare(aspace, region, large);
    if (status != CAPOS_OK) {
        region_unprepare(aspace, region, large, true);
        frames_refund(aspace, pages);
        return status;
    }
    region->kind = (uint8_t)request->kind;
    region->prot = (uint8_t)request->prot;
    if (request->kind == REGION_OBJECT) {
        region->object = request->object;
        region->object_writable = request->object_writable;
        region->object_first_page = request->object_first_page;
        object_get(memory_object_as_object(request->object));
        if (request->use != NULL) {
            region->use = request->use->number;
            request->use->regions++;
        }
    }
    if (committed && !large && pages <= FILL_AT_ONCE_PAGES)
        region_fill_small(aspace, region);
    if (large && (status = region_fill_large(aspace, region)) != CAPOS_OK)
        region_strip(aspace, region);
    return status;
}

static status_t map_at(struct aspace *aspace, const struct map_request *request, uaddr_t start, uaddr_t end)
{
    uaddr_t guard_start = start - request->guard_bytes;
    uint64_t pages = (end - guard_start) >> CAPOS_PAGE_SHIFT;
    status_t status = ledger_charge(aspace->ledger, LEDGER_RESERVED_PAGES, pages);
    if (status != CAPOS_OK)
        return status;
    const struct region like = {.start = start, .end = end, .prepared_end = start, .kind = REGION_RESERVED};
    struct region *region = region_insert(aspace, &like);
    status = establish(aspace, region, request);
    if (status != CAPOS_OK) {
        region_erase(aspace, region);
        ledger_refund(aspace->ledger, LEDGER_RESERVED_PAGES, pages);
        return status;
    }
    if (guard_start < start) {
        const struct region guard = {.start = guard_start, .end = start, .kind = REGION_GUARD};
        region_insert(aspace, &guard);
    }
    aspace->reserved_pages += pages;
    region_merge_around(aspace, region);
    return CAPOS_OK;
}

/* hint 0 is checked as if it were the lowest address: what can be known before there is an address. */
static status_t map(struct aspace *aspace, struct map_request *request, uaddr_t hint, uint64_t size_bytes,
                    uaddr_t *out)
{
    uaddr_t start = hint == 0 ? CAPOS_USER_MIN : hint, end;
    status_t status = range_check(start, size_bytes, &end);
    if (status != CAPOS_OK)
        return status;
    uint64_t size = end - start;
    if ((request->prot & PROT_LARGE) != 0 && (size & (LARGE_PAGE_SIZE - 1)) != 0)
        return CAPOS_ERR_BAD_FLAGS;
    status = aspace_begin(aspace, 1 + (request->guard_bytes > 0 ? 1 : 0));
    if (status != CAPOS_OK)
        return status;
    aspace->has_large = aspace->has_large || (request->prot & PROT_LARGE) != 0;
    status = place(aspace, request, hint, size, &start);
    if (status == CAPOS_OK && request->token != NULL)
        status = mapping_use_obtain(aspace, request->token, &request->use);
    if (status == CAPOS_OK)
        status = map_at(aspace, request, start, start + size);
    if (status != CAPOS_OK)
        mapping_use_discard(request->use);
    aspace_end(aspace);
    if (status == CAPOS_OK)
        *out = start;
    return status;
}

status_t aspace_map(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot, uaddr_t *out)
{
    struct map_request request = {.kind = REGION_COMMITTED};
    status_t status = prot_check(prot, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_LARGE, &request.prot);
    return status != CAPOS_OK ? status : map(aspace, &request, hint, size_bytes, out);
}

status_t aspace_map_growable(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uint32_t prot,
                             uaddr_t *out)
{
    struct map_request request = {.kind = REGION_GROWABLE, .guard_bytes = PAGE_SIZE};
    status_t status = prot_check(prot, PROT_READ | PROT_WRITE | PROT_EXEC, &request.prot);
    return status != CAPOS_OK ? status : map(aspace, &request, hint, size_bytes, out);
}

status_t aspace_reserve(struct aspace *aspace, uaddr_t hint, uint64_t size_bytes, uaddr_t *out)
{
    struct map_request request = {.kind = REGION_RESERVED};
    return map(aspace, &request, hint, size_bytes, out);
}

status_t aspace_map_object(struct aspace *aspace, struct memory_object *object, bool writable, uaddr_t hint,
                           uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot, uaddr_t *out)
{
    return aspace_map_object_by(aspace, NULL, object, writable, hint, offset_bytes, size_bytes, prot, out);
}

status_t aspace_map_object_by(struct aspace *aspace, struct mapping_token *token,
                              struct memory_object *object, bool writable, uaddr_t hint,
                              uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot, uaddr_t *out)
{
    struct map_request request = {.kind = REGION_OBJECT,
                                  .token = token,
                                  .object = object,
                                  .object_writable = writable,
                                  .object_first_page = offset_bytes >> CAPOS_PAGE_SHIFT};
    status_t status =
        prot_check(prot, PROT_READ | PROT_EXEC | (writable ? (uint32_t)PROT_WRITE : 0u), &request.prot);
    if (status != CAPOS_OK)
        return status;
    if ((offset_bytes & PAGE_MASK) != 0 || !memory_object_is_mappable(object))
        return CAPOS_ERR_UNALIGNED;
    uint64_t object_end = align_up(memory_object_size(object), PAGE_SIZE), end;
    if (!checked_add_u64(offset_bytes, size_bytes, &end) || end > object_end)
        return CAPOS_ERR_BAD_ADDRESS;
    return map(aspace, &request, hint, size_bytes, out);
}

/* ---- Unmapping. */

/* One region out: pages, tables, node, charges, and the object's reference last, without the lock. */
static void remove_region(struct aspace *aspace, struct region *region)
{
    struct memory_object *object = region_strip(aspace, region);
    uint64_t pages = region_pages(region);
    struct object *owner = region->use == 0 ? NULL : mapping_use_drop(mapping_use_at(aspace, region->use));
    region_erase(aspace, region);
    region_trim_spares(aspace, REGION_SPARES_KEPT + SPLITS_MAX);
    aspace->reserved_pages -= pages;
    ledger_refund(aspace->ledger, LEDGER_RESERVED_PAGES, pages);
    if (object == NULL)
        return;
    spinlock_release(&aspace->lock);
    object_put(memory_object_as_object(object));
    if (owner != NULL)
        object_put(owner);
    spinlock_acquire(&aspace->lock);
}

/* From `region` on, all that begin below `end`. Nobody else changes the layout, so the next one stays the
 * next. */
static void remove_regions(struct aspace *aspace, struct region *region, uaddr_t end)
{
    unsigned removed = 0;
    while (region != NULL && region->start < end) {
        struct region *next = region_next(region);
        remove_region(aspace, region);
        if (++removed % REGIONS_AT_ONCE == 0)
            aspace_breathe(aspace);
        region = next;
    }
}

/* The first region in the range, after splitting those that reach across its ends; perhaps one behind it, or
 * null. */
static struct region *cut_out(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    region_split_at(aspace, start);
    region_split_at(aspace, end);
    return region_from(aspace, start);
}

/* A guard page goes with the lowest page of what it guards, which `region`, the first behind `start`, may be.
 */
static uaddr_t with_guard(const struct region *region, uaddr_t start)
{
    if (region == NULL || region->kind != REGION_GROWABLE || region->start != start)
        return start;
    const struct region *below = region_previous(region);
    return below != NULL && below->kind == REGION_GUARD && below->end == start ? below->start : start;
}

/* False if the range holds anything but this object, or nothing somewhere. */
static bool holds_only_object(const struct aspace *aspace, uaddr_t start, uaddr_t end,
                              const struct memory_object *object)
{
    uaddr_t at = start;
    const struct region *region;
    for_each_region(region, aspace, start, end)
    {
        if (region->start > at || region->kind != REGION_OBJECT || region->object != object)
            return false;
        at = region->end;
    }
    return at >= end;
}

static unsigned splits_at(const struct aspace *aspace, uaddr_t address)
{
    const struct region *region = region_at(aspace, address);
    return region != NULL && region->start < address;
}

/* Only the nodes that cutting this range out takes: who has no memory left must be able to give some back. */
static status_t stock_for_cuts(struct aspace *aspace, uaddr_t start, uaddr_t end)
{
    if (__builtin_expect(aspace->spare_count >= SPLITS_MAX, 1))
        return CAPOS_OK;
    return region_stock(aspace, splits_at(aspace, start) + splits_at(aspace, end));
}

/* Most often it is one region, and nothing has to be cut. */
static status_t remove_range(struct aspace *aspace, uaddr_t address, uaddr_t end)
{
    struct region *first = region_from(aspace, address);
    const uaddr_t start = with_guard(first, address);
    if (first == NULL)
        return CAPOS_OK;
    if (start != address || first->start != start || first->end != end) {
        status_t status = stock_for_cuts(aspace, start, end);
        if (status != CAPOS_OK)
            return status;
        first = cut_out(aspace, start, end);
    }
    remove_regions(aspace, first, end);
    return CAPOS_OK;
}

/* object null: whatever is there. */
static status_t unmap(struct aspace *aspace, const struct memory_object *object, uaddr_t address,
                      uint64_t size_bytes)
{
    uaddr_t end;
    status_t status = range_check(address, size_bytes, &end);
    if (status == CAPOS_OK)
        status = aspace_begin(aspace, 0);
    if (status != CAPOS_OK)
        return status;
    if (region_cuts_large(aspace, address, end)) {
        status = CAPOS_ERR_UNALIGNED;
    } else if (object != NULL && !holds_only_object(aspace, address, end, object)) {
        status = CAPOS_ERR_BAD_ADDRESS;
    } else {
        status = remove_range(aspace, address, end);
    }
    aspace_end(aspace);
    return status;
}

status_t aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size_bytes)
{
    return unmap(aspace, NULL, address, size_bytes);
}

status_t aspace_unmap_object(struct aspace *aspace, struct memory_object *object, uaddr_t address,
                             uint64_t size_bytes)
{
    return unmap(aspace, object, address, size_bytes);
}

void aspace_unmap_token(struct aspace *aspace, const struct mapping_token *token)
{
    begin_waiting(aspace); /* for an aspace_release to end, if need be: nothing is left then */
    unsigned seen = 0;
    for (struct region *region = region_from(aspace, 0), *next; region != NULL; region = next) {
        next = region_next(region);
        if (region->use != 0 && mapping_use_at(aspace, region->use)->token == token)
            remove_region(aspace, region);
        if (++seen % REGIONS_AT_ONCE == 0)
            aspace_breathe(aspace);
    }
    aspace_end(aspace);
}

void aspace_release(struct aspace *aspace)
{
    begin_waiting(aspace);
    kassert(!aspace->dead);
    aspace->dead = true;
    arch_tlb_leave(&aspace->resident_cpus, aspace->tables.root);
    remove_regions(aspace, region_from(aspace, 0), CAPOS_USER_MAX);
    region_trim_spares(aspace, 0);
    paging_destroy(&aspace->tables);
    ledger_refund(aspace->ledger, LEDGER_FRAMES, 1);
    aspace_end(aspace);
    aspace_put(aspace);
}
