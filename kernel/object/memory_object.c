/*
 * Memory objects. The page list is a radix tree of 512-entry tables; an entry is the physical address of a
 * frame, or of the next table, or 0. The root table is as long as it needs to be, from the heap; all others
 * are frames, made when they are needed and charged from the start, so that touching a page cannot fail for
 * want of quota.
 */
#include "object/memory_object.h"
#include "arch/arch.h"
#include "core/call.h"
#include "core/lock.h"
#include "core/panic.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_calls.h"
#include <base/checked.h>
#include <base/string.h>
#include <capos/memory_server.h>

enum {
    TABLE_BITS = 9,
    TABLE_ENTRIES = 1 << TABLE_BITS,
    HEIGHT_MAX = 4, /* 2^36 pages: more than user space has */
    STEPS_AT_ONCE = 512,
};

struct memory_object {
    struct object object;
    struct spinlock lock; /* entries of the tables */

    /* Constant after creation. */
    struct ledger *ledger; /* referenced; null: physical memory */
    uint64_t size_bytes;
    uint64_t page_count;
    uint64_t physical_base;
    uint64_t *root; /* null: physical, or no pages */
    uint64_t root_entries;
    unsigned height; /* tables on the way to a page */
    uint64_t charged_frames;
    bool stays_home; /* before anybody else knows it */
};

static struct memory_object *of(struct object *object)
{
    return container_of(object, struct memory_object, object);
}

static uint64_t *table_at(uint64_t entry)
{
    return direct_map((paddr_t){entry});
}

/* ---- Creation and destruction. */

static uint64_t tables_for(uint64_t page_count, unsigned level)
{
    uint64_t covered = UINT64_C(1) << (TABLE_BITS * level);
    return (page_count + covered - 1) / covered;
}

/* Height, root size and charge of the page list. */
static void plan_tables(struct memory_object *object)
{
    object->height = 1;
    object->charged_frames = object->page_count;
    while (tables_for(object->page_count, object->height) > 1) {
        object->charged_frames += tables_for(object->page_count, object->height);
        object->height++;
    }
    object->root_entries = tables_for(object->page_count, object->height - 1);
}

static size_t heap_charge(const struct memory_object *object)
{
    return sizeof *object + object->root_entries * sizeof *object->root;
}

static status_t charge(const struct memory_object *plan, struct ledger *ledger)
{
    status_t status = ledger_charge(ledger, LEDGER_FRAMES, plan->charged_frames);
    if (status != CAPOS_OK)
        return status;
    status = ledger_charge(ledger, LEDGER_HEAP_BYTES, heap_charge(plan));
    if (status != CAPOS_OK)
        ledger_refund(ledger, LEDGER_FRAMES, plan->charged_frames);
    return status;
}

static void refund(const struct memory_object *plan, struct ledger *ledger)
{
    ledger_refund(ledger, LEDGER_HEAP_BYTES, heap_charge(plan));
    ledger_refund(ledger, LEDGER_FRAMES, plan->charged_frames);
}

static struct memory_object *allocate(const struct memory_object *plan)
{
    struct memory_object *object = heap_alloc(sizeof *object);
    if (object == NULL)
        return NULL;
    *object = *plan;
    if (plan->root_entries > 0)
        object->root = heap_alloc(plan->root_entries * sizeof *object->root);
    if (plan->root_entries > 0 && object->root == NULL) {
        heap_free(object, sizeof *object);
        return NULL;
    }
    spinlock_init(&object->lock, LOCK_MEMOBJ);
    object_init(&object->object, &memory_object_type);
    return object;
}

status_t memory_object_create(struct ledger *ledger, uint64_t size_bytes, struct memory_object **out)
{
    struct memory_object plan = {.ledger = ledger, .size_bytes = size_bytes};
    uint64_t rounded;
    if (!checked_align_up_u64(size_bytes, PAGE_SIZE, &rounded) || rounded > CAPOS_USER_MAX)
        return CAPOS_ERR_TOO_LARGE;
    plan.page_count = rounded >> CAPOS_PAGE_SHIFT;
    plan_tables(&plan);
    status_t status = charge(&plan, ledger);
    if (status != CAPOS_OK)
        return status;
    struct memory_object *object = allocate(&plan);
    if (object == NULL) {
        refund(&plan, ledger);
        return CAPOS_ERR_NO_MEMORY;
    }
    ledger_get(ledger);
    *out = object;
    return CAPOS_OK;
}

status_t memory_object_create_physical(paddr_t base, uint64_t size_bytes, struct memory_object **out)
{
    struct memory_object plan = {.size_bytes = size_bytes, .physical_base = base.raw};
    uint64_t end;
    if (!checked_add_u64(base.raw, size_bytes, &end) || end > UINT64_MAX - PAGE_MASK)
        return CAPOS_ERR_TOO_LARGE;
    plan.page_count = align_up(size_bytes, PAGE_SIZE) >> CAPOS_PAGE_SHIFT;
    struct memory_object *object = allocate(&plan);
    if (object == NULL)
        return CAPOS_ERR_NO_MEMORY;
    *out = object;
    return CAPOS_OK;
}

/* One table on the way, while all are given back. */
struct visit {
    uint64_t *table;
    uint64_t count;
    uint64_t next;
};

/* Depth first with a stack of its own: HEIGHT_MAX tables deep. */
static void give_back_pages(const struct memory_object *object)
{
    struct visit stack[HEIGHT_MAX] = {{object->root, object->root_entries, 0}};
    unsigned depth = 0;
    for (unsigned steps = 1;; steps++) {
        struct visit *top = &stack[depth];
        if (steps % STEPS_AT_ONCE == 0)
            arch_preemption_point();
        if (top->next == top->count) {
            if (depth == 0)
                return;
            frame_put(direct_map_to_physical(top->table));
            depth--;
            continue;
        }
        uint64_t entry = top->table[top->next++];
        if (entry == 0)
            continue;
        if (depth + 1 == object->height)
            frame_put((paddr_t){entry});
        else
            stack[++depth] = (struct visit){table_at(entry), TABLE_ENTRIES, 0};
    }
}

static void destroy(struct object *base)
{
    struct memory_object *object = of(base);
    struct ledger *ledger = object->ledger;
    if (object->root != NULL)
        give_back_pages(object);
    heap_free(object->root, object->root_entries * sizeof *object->root);
    if (ledger != NULL)
        refund(object, ledger);
    heap_free(object, sizeof *object);
    if (ledger != NULL)
        ledger_put(ledger);
}

/* ---- Pages. */

/* The entry of a page. With `make`, tables that are missing are made, and *out is never null on success;
 * without, *out is null if one is missing. */
static status_t entry_of(const struct memory_object *object, uint64_t page_index, bool make, uint64_t **out)
{
    uint64_t *table = object->root;
    for (unsigned level = object->height - 1; level > 0; level--) {
        uint64_t *entry = &table[page_index >> (TABLE_BITS * level)];
        if (*entry == 0) {
            paddr_t frame;
            status_t status = make ? frame_alloc_zeroed(0, &frame) : CAPOS_OK;
            if (status != CAPOS_OK || !make) {
                *out = NULL;
                return status;
            }
            *entry = frame.raw;
        }
        table = table_at(*entry);
        page_index &= (UINT64_C(1) << (TABLE_BITS * level)) - 1;
    }
    *out = &table[page_index];
    return CAPOS_OK;
}

static status_t frame_locked(const struct memory_object *object, uint64_t page_index, paddr_t *out)
{
    uint64_t *entry;
    status_t status = entry_of(object, page_index, true, &entry);
    if (status != CAPOS_OK)
        return status;
    if (*entry == 0) {
        paddr_t frame;
        status = frame_alloc_zeroed(0, &frame);
        if (status != CAPOS_OK)
            return status;
        *entry = frame.raw;
    }
    *out = (paddr_t){*entry};
    return CAPOS_OK;
}

status_t memory_object_frame(struct memory_object *object, uint64_t page_index, paddr_t *out)
{
    if (page_index >= object->page_count || !memory_object_is_mappable(object))
        return CAPOS_ERR_BAD_ADDRESS;
    if (object->ledger == NULL) {
        *out = (paddr_t){object->physical_base + (page_index << CAPOS_PAGE_SHIFT)};
        return CAPOS_OK;
    }
    spinlock_acquire(&object->lock);
    status_t status = frame_locked(object, page_index, out);
    spinlock_release(&object->lock);
    return status;
}

/* The frame of a page if it is there, else 0. */
static uint64_t frame_if_there(struct memory_object *object, uint64_t page_index)
{
    uint64_t *entry;
    spinlock_acquire(&object->lock);
    uint64_t frame = entry_of(object, page_index, false, &entry) == CAPOS_OK && entry != NULL ? *entry : 0;
    spinlock_release(&object->lock);
    return frame;
}

/* A frame stays where it is as long as the object lives, so the copy needs no lock. */
static void read_pages(struct memory_object *object, uint64_t offset, char *out, size_t size_bytes)
{
    for (size_t done = 0; done < size_bytes;) {
        uint64_t at = offset + done, in_page = at & PAGE_MASK;
        size_t chunk = (size_t)(PAGE_SIZE - in_page);
        chunk = chunk < size_bytes - done ? chunk : size_bytes - done;
        uint64_t frame = frame_if_there(object, at >> CAPOS_PAGE_SHIFT);
        if (frame == 0)
            memset(out + done, 0, chunk);
        else
            memcpy(out + done, (const char *)direct_map((paddr_t){frame}) + in_page, chunk);
        done += chunk;
    }
}

status_t memory_object_read(struct memory_object *object, uint64_t offset, void *out, size_t size_bytes)
{
    uint64_t end;
    if (!checked_add_u64(offset, size_bytes, &end) || end > object->size_bytes)
        return CAPOS_ERR_BAD_ADDRESS;
    if (object->ledger == NULL)
        memcpy(out, direct_map((paddr_t){object->physical_base + offset}), size_bytes);
    else
        read_pages(object, offset, out, size_bytes);
    return CAPOS_OK;
}

uint64_t memory_object_size(const struct memory_object *object)
{
    return object->size_bytes;
}

void memory_object_stay_home(struct memory_object *object)
{
    object->stays_home = true;
}

bool memory_object_stays_home(const struct memory_object *object)
{
    return object->stays_home;
}

bool memory_object_is_mappable(const struct memory_object *object)
{
    return (object->physical_base & PAGE_MASK) == 0;
}

struct object *memory_object_as_object(struct memory_object *object)
{
    return &object->object;
}

struct memory_object *memory_object_from(struct capability capability, bool *writable)
{
    if (capability.object == NULL ||
        (capability.type != &memory_object_type && capability.type != &memory_object_read_only_type))
        return NULL;
    *writable = capability.type == &memory_object_type;
    return of(capability.object);
}

/* ---- The interface MemoryObject. Both facets have the same methods; they differ in what map may ask for. */

struct facet {
    struct memory_object *object;
    bool writable;
};

static int32_t op_info(void *self, struct cap_call *call, struct cap_memory_object_info_results *results)
{
    const struct facet *facet = self;
    (void)call;
    results->page_count = facet->object->page_count;
    results->size = facet->object->size_bytes;
    results->writable = facet->writable;
    return CAPOS_OK;
}

static int32_t op_map(void *self, struct cap_call *call, const struct cap_memory_object_map_params *params,
                      struct cap_memory_object_map_results *results)
{
    const struct facet *facet = self;
    int32_t refused =
        memory_call_check(call, params->hint, params->size, params->prot, PROT_READ | PROT_WRITE | PROT_EXEC,
                          cap_memory_object_map_results_size(results));
    if (refused != CAPOS_OK)
        return refused;
    if (!facet->writable && (params->prot & PROT_WRITE) != 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "this MemoryObject is read-only: it cannot be mapped writable");
    if ((params->offset & PAGE_MASK) != 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "offset is not a multiple of 4096");
    uint64_t end, object_end = facet->object->page_count << CAPOS_PAGE_SHIFT;
    if (!checked_add_u64(params->offset, params->size, &end) || end > object_end)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "offset and size reach behind the object's end");
    if (!memory_object_is_mappable(facet->object))
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED,
                             "this object begins within a page and cannot be mapped");
    struct mapping_token *token;
    status_t status = kcall_mapping_token(call, &token);
    if (status != CAPOS_OK)
        return status;
    status = aspace_map_object_by(kcall_aspace(call), token, facet->object, facet->writable, params->hint,
                                  params->offset, params->size, params->prot, &results->address);
    if (status == CAPOS_ERR_REVOKED && token != NULL)
        return status; /* the facet, not the address space */
    return memory_call_result(call, status, "the range is occupied, or no free range is that long");
}

static int32_t op_unmap(void *self, struct cap_call *call,
                        const struct cap_memory_object_unmap_params *params)
{
    const struct facet *facet = self;
    int32_t refused = memory_call_check(call, params->address, params->size, 0, 0, 0);
    if (refused != CAPOS_OK)
        return refused;
    status_t status = aspace_unmap_object(kcall_aspace(call), facet->object, params->address, params->size);
    return memory_call_result(call, status, "the range holds something other than this object");
}

static int32_t op_read_only(void *self, struct cap_call *call,
                            struct cap_memory_object_read_only_results *results)
{
    const struct facet *facet = self;
    object_get(&facet->object->object);
    const struct capability capability = {&facet->object->object, &memory_object_read_only_type};
    return kcall_return_capability(call, capability, &results->object.id);
}

static const struct cap_memory_object_server server = {
    .info = op_info,
    .map = op_map,
    .unmap = op_unmap,
    .read_only = op_read_only,
};

static int32_t dispatch_read_write(const void *methods, void *object, uint16_t method_id,
                                   struct cap_call *call)
{
    struct facet facet = {of(object), true};
    return cap_memory_object_dispatch(methods, &facet, method_id, call);
}

static int32_t dispatch_read_only(const void *methods, void *object, uint16_t method_id,
                                  struct cap_call *call)
{
    struct facet facet = {of(object), false};
    return cap_memory_object_dispatch(methods, &facet, method_id, call);
}

const struct object_type memory_object_type = {
    .name = "MemoryObject",
    .interface_id = CAP_MEMORY_OBJECT_INTERFACE_ID,
    .dispatch = dispatch_read_write,
    .server = &server,
    .destroy = destroy,
};

const struct object_type memory_object_read_only_type = {
    .name = "MemoryObject (read-only)",
    .interface_id = CAP_MEMORY_OBJECT_INTERFACE_ID,
    .dispatch = dispatch_read_only,
    .server = &server,
    .destroy = destroy,
};
