#include "core/captable.h"
#include "arch/arch.h"
#include "core/process.h"
#include "mm/heap.h"
#include "mm/ledger.h"

enum { SLOTS_AT_ONCE = 64 }; /* looked at between two preemption points */
enum { SLOT_FREE, SLOT_RESERVED, SLOT_LIVE, SLOT_MOVING, SLOT_RETIRED };

static uint32_t chunk_slots(unsigned chunk)
{
    return 1u << (chunk + CAP_CHUNK0_LOG2);
}

static size_t chunk_bytes(unsigned chunk)
{
    return chunk_slots(chunk) * sizeof(struct cap_slot);
}

static uint32_t id_make(uint32_t index, uint32_t generation)
{
    return generation << CAP_INDEX_BITS | index;
}

void captable_init(struct captable *table, struct ledger *ledger)
{
    *table = (struct captable){.ledger = ledger};
    spinlock_init(&table->lock, LOCK_CAPTABLE);
}

/* Chains a new chunk's slots into the free list, lowest index first. */
static void grow_chain_locked(struct captable *table, unsigned chunk, struct cap_slot *slots)
{
    uint32_t first = table->capacity;
    uint32_t count = chunk_slots(chunk);
    for (uint32_t i = 0; i < count; i++) {
        slots[i].generation = 1;
        slots[i].live_id = CAP_ID_NONE;
        slots[i].next_free = (uint16_t)(i + 1 < count ? first + i + 2 : table->free_head);
    }
    table->chunks[chunk] = slots;
    table->capacity += count;
    table->free_head = first + 1;
}

static status_t grow_locked(struct captable *table)
{
    unsigned chunk = 0;
    while (chunk < CAP_CHUNKS && table->chunks[chunk] != NULL)
        chunk++;
    if (chunk == CAP_CHUNKS || table->capacity + chunk_slots(chunk) > CAPOS_CAP_SLOTS_MAX)
        return CAPOS_ERR_NO_SLOTS;
    status_t status = ledger_charge(table->ledger, LEDGER_HEAP_BYTES, chunk_bytes(chunk));
    if (status < 0)
        return status;
    struct cap_slot *slots = heap_alloc(chunk_bytes(chunk));
    if (slots == NULL) {
        ledger_refund(table->ledger, LEDGER_HEAP_BYTES, chunk_bytes(chunk));
        return CAPOS_ERR_NO_MEMORY;
    }
    grow_chain_locked(table, chunk, slots);
    return CAPOS_OK;
}

static inline status_t reserve_locked(struct captable *table, uint32_t *out_id, struct cap_slot **out)
{
    *out = NULL;
    if (table->closed)
        return CAPOS_ERR_NOT_FOUND;
    status_t status = table->free_head != 0 ? CAPOS_OK : grow_locked(table);
    if (status < 0)
        return status;
    status = ledger_charge(table->ledger, LEDGER_CAP_SLOTS, 1);
    if (status < 0)
        return status;
    uint32_t index = table->free_head - 1;
    struct cap_slot *slot = captable_slot(table, index);
    table->free_head = slot->next_free;
    table->used++;
    slot->state = SLOT_RESERVED;
    *out_id = id_make(index, slot->generation);
    *out = slot;
    return CAPOS_OK;
}

static inline void fill_locked(struct cap_slot *slot, uint32_t id, struct capability capability,
                               enum cap_origin origin)
{
    slot->capability = capability;
    slot->origin = (uint8_t)origin;
    slot->state = SLOT_LIVE;
    slot->live_id = id;
}

status_t captable_reserve(struct captable *table, uint32_t *out_id)
{
    struct cap_slot *slot;
    spinlock_acquire(&table->lock);
    status_t status = reserve_locked(table, out_id, &slot);
    spinlock_release(&table->lock);
    return status;
}

void captable_publish(struct captable *table, uint32_t id, struct capability capability,
                      enum cap_origin origin)
{
    spinlock_acquire(&table->lock);
    fill_locked(captable_slot(table, id & CAP_INDEX_MASK), id, capability, origin);
    spinlock_release(&table->lock);
}

status_t captable_insert_alone(struct captable *table, struct capability capability, enum cap_origin origin,
                               uint32_t *out_id)
{
    struct cap_slot *slot;
    status_t status = reserve_locked(table, out_id, &slot);
    if (status == CAPOS_OK)
        fill_locked(slot, *out_id, capability, origin);
    return status;
}

/* Makes the slot's id stale and the slot free again, unless its generations are used up. */
static void empty_locked(struct captable *table, uint32_t index)
{
    struct cap_slot *slot = captable_slot(table, index);
    slot->capability = (struct capability){NULL, NULL};
    slot->live_id = CAP_ID_NONE;
    table->used--;
    ledger_refund(table->ledger, LEDGER_CAP_SLOTS, 1);
    if (slot->generation == CAP_GENERATION_MAX) {
        slot->state = SLOT_RETIRED;
        return;
    }
    slot->generation++;
    slot->state = SLOT_FREE;
    slot->next_free = (uint16_t)table->free_head;
    table->free_head = index + 1;
}

void captable_cancel(struct captable *table, uint32_t id)
{
    spinlock_acquire(&table->lock);
    empty_locked(table, id & CAP_INDEX_MASK);
    spinlock_release(&table->lock);
}

/* The one place that decides whether an id is good. */
static status_t find_locked(const struct captable *table, uint32_t id, struct cap_slot **out)
{
    uint32_t index = id & CAP_INDEX_MASK;
    uint32_t generation = id >> CAP_INDEX_BITS;
    if (generation == 0 || index >= table->capacity)
        return CAPOS_ERR_BAD_CAP;
    struct cap_slot *slot = captable_slot(table, index);
    if (slot->generation == generation && slot->state == SLOT_LIVE) {
        *out = slot;
        return CAPOS_OK;
    }
    bool was_valid =
        generation < slot->generation || slot->state == SLOT_MOVING || slot->state == SLOT_RETIRED;
    return was_valid && generation <= slot->generation ? CAPOS_ERR_STALE_CAP : CAPOS_ERR_BAD_CAP;
}

status_t captable_refuse(struct captable *table, uint32_t id)
{
    struct cap_slot *slot;
    spinlock_acquire(&table->lock);
    status_t status = find_locked(table, id, &slot);
    spinlock_release(&table->lock);
    return status == CAPOS_OK ? CAPOS_ERR_STALE_CAP : status;
}

void captable_give_up(struct process *process, struct capability capability)
{
    if (capability.type->holder_ended != NULL)
        capability.type->holder_ended(capability.object, process);
    object_put(capability.object);
}

/* The table does not hold it any more. */
static void give_up(struct captable *table, struct capability capability)
{
    captable_give_up(container_of(table, struct process, captable), capability);
}

status_t captable_release(struct captable *table, uint32_t id)
{
    struct cap_slot *slot;
    struct capability capability = {NULL, NULL};
    spinlock_acquire(&table->lock);
    status_t status = find_locked(table, id, &slot);
    if (status == CAPOS_OK) {
        capability = slot->capability;
        empty_locked(table, id & CAP_INDEX_MASK);
    }
    spinlock_release(&table->lock);
    if (capability.object != NULL)
        give_up(table, capability);
    return status;
}

status_t captable_move_begin(struct captable *table, uint32_t id, struct capability *out)
{
    struct cap_slot *slot;
    spinlock_acquire(&table->lock);
    status_t status = find_locked(table, id, &slot);
    if (status == CAPOS_OK) {
        slot->state = SLOT_MOVING;
        slot->live_id = CAP_ID_NONE;
        *out = slot->capability;
        object_get(out->object);
    }
    spinlock_release(&table->lock);
    return status;
}

void captable_move_commit(struct captable *table, uint32_t id)
{
    spinlock_acquire(&table->lock);
    struct capability capability = captable_slot(table, id & CAP_INDEX_MASK)->capability;
    empty_locked(table, id & CAP_INDEX_MASK);
    spinlock_release(&table->lock);
    give_up(table, capability);
}

void captable_move_take_out(struct captable *table, uint32_t id)
{
    spinlock_acquire(&table->lock);
    empty_locked(table, id & CAP_INDEX_MASK);
    spinlock_release(&table->lock);
}

void captable_take_out_alone(struct captable *table, uint32_t id)
{
    empty_locked(table, id & CAP_INDEX_MASK);
}

void captable_move_abort(struct captable *table, uint32_t id)
{
    spinlock_acquire(&table->lock);
    struct cap_slot *slot = captable_slot(table, id & CAP_INDEX_MASK);
    slot->state = SLOT_LIVE;
    slot->live_id = id;
    spinlock_release(&table->lock);
}

bool captable_next(struct captable *table, uint32_t cursor, uint32_t *out_id, struct cap_slot *out,
                   uint32_t *out_cursor)
{
    bool found = false;
    spinlock_acquire(&table->lock);
    for (uint32_t index = cursor; index < table->capacity && !found; index++) {
        const struct cap_slot *slot = captable_slot(table, index);
        if (slot->state != SLOT_LIVE)
            continue;
        *out_id = id_make(index, slot->generation);
        *out = *slot;
        *out_cursor = index + 1;
        found = true;
    }
    spinlock_release(&table->lock);
    return found;
}

void captable_clear(struct captable *table)
{
    uint32_t id, cursor = 0;
    struct cap_slot slot;
    while (captable_next(table, cursor, &id, &slot, &cursor)) {
        status_t status = captable_release(table, id);
        (void)status; /* somebody else may have been faster */
        arch_preemption_point();
    }
}

/* ---- The copy that a forked process starts with. */

/* One slot as it is now, with a reference to what is in it; null if that is nothing. */
static struct cap_slot look_at(struct captable *table, uint32_t index)
{
    spinlock_acquire(&table->lock);
    struct cap_slot slot = *captable_slot(table, index);
    if (slot.state == SLOT_LIVE)
        object_get(slot.capability.object);
    else
        slot.capability = (struct capability){NULL, NULL};
    spinlock_release(&table->lock);
    return slot;
}

/* A slot as if its content had been released: whatever names it is stale. */
static void mirror_empty(struct captable *to, uint32_t index, const struct cap_slot *from)
{
    struct cap_slot *slot = captable_slot(to, index);
    bool was_used = from->state != SLOT_FREE && from->state != SLOT_RETIRED;
    slot->generation = from->generation + (was_used && from->generation < CAP_GENERATION_MAX ? 1 : 0);
    if (from->state == SLOT_RETIRED || (was_used && from->generation == CAP_GENERATION_MAX)) {
        slot->state = SLOT_RETIRED;
        return;
    }
    slot->next_free = (uint16_t)to->free_head;
    to->free_head = index + 1;
}

/* Consumes the reference in *from. */
static status_t mirror_live(struct captable *to, uint32_t index, const struct cap_slot *from)
{
    struct cap_slot *slot = captable_slot(to, index);
    status_t status = ledger_charge(to->ledger, LEDGER_CAP_SLOTS, 1);
    if (status < 0) {
        object_put(from->capability.object);
        mirror_empty(to, index, from);
        return status;
    }
    *slot = *from;
    slot->live_id = id_make(index, from->generation);
    to->used++;
    return CAPOS_OK;
}

static status_t mirror_slot(struct captable *from, struct captable *to, uint32_t index,
                            captable_substitute *substitute, void *context)
{
    struct cap_slot slot = look_at(from, index);
    status_t status = CAPOS_ERR_NOT_FOUND;
    if (slot.capability.object != NULL)
        status = substitute(context, &slot.capability);
    if (status == CAPOS_OK)
        return mirror_live(to, index, &slot);
    mirror_empty(to, index, &slot);
    return status == CAPOS_ERR_NOT_FOUND ? CAPOS_OK : status;
}

static status_t only_copyable(void *context, struct capability *capability)
{
    (void)context;
    if (capability->type->transfer == CAP_TRANSFER_ANY)
        return CAPOS_OK;
    object_put(capability->object);
    return CAPOS_ERR_NOT_FOUND;
}

status_t captable_clone(struct captable *from, struct captable *to, captable_substitute *substitute,
                        void *context)
{
    spinlock_acquire(&from->lock);
    uint32_t capacity = from->capacity; /* slots that appear later are not there yet for the clone */
    spinlock_release(&from->lock);
    status_t status = CAPOS_OK;
    if (substitute == NULL)
        substitute = only_copyable;
    while (status == CAPOS_OK && to->capacity < capacity)
        status = grow_locked(to);
    to->free_head = 0; /* chained anew, so that low indexes are taken first */
    for (uint32_t index = to->capacity; index-- > 0;) {
        const struct cap_slot fresh = {.generation = 1};
        if (index >= capacity || status < 0)
            mirror_empty(to, index, &fresh);
        else
            status = mirror_slot(from, to, index, substitute, context);
        if (index % SLOTS_AT_ONCE == 0)
            arch_preemption_point();
    }
    return status;
}

/* ---- The end. */

/* Empties one slot and returns what it held; null if nothing. */
static struct capability strip(struct captable *table, uint32_t index)
{
    spinlock_acquire(&table->lock);
    struct cap_slot *slot = captable_slot(table, index);
    struct capability capability = slot->capability;
    if (slot->state != SLOT_FREE && slot->state != SLOT_RETIRED)
        empty_locked(table, index);
    spinlock_release(&table->lock);
    return capability;
}

void captable_close(struct captable *table)
{
    spinlock_acquire(&table->lock);
    table->closed = true;
    spinlock_release(&table->lock);
}

/* Whoever looks from now on finds an empty table. */
static void forget_slots(struct captable *table)
{
    spinlock_acquire(&table->lock);
    table->capacity = 0;
    table->free_head = 0;
    spinlock_release(&table->lock);
}

void captable_fini(struct captable *table)
{
    captable_close(table);
    for (uint32_t index = 0; index < table->capacity; index++) {
        struct capability capability = strip(table, index);
        if (capability.object == NULL)
            continue;
        give_up(table, capability);
        arch_preemption_point(); /* there may be thousands, and each may have pages to give back */
    }
    forget_slots(table);
    for (unsigned chunk = 0; chunk < CAP_CHUNKS && table->chunks[chunk] != NULL; chunk++) {
        heap_free(table->chunks[chunk], chunk_bytes(chunk));
        ledger_refund(table->ledger, LEDGER_HEAP_BYTES, chunk_bytes(chunk));
        table->chunks[chunk] = NULL;
    }
}
