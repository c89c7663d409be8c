/*
 * Capability tables: what a process holds.
 *
 * A capability id is 32 bits: slot index in the low CAP_INDEX_BITS, generation above. A slot's generation
 * starts at 1 and grows each time the slot is emptied, so that an id once released never names anything
 * again; a slot whose generations are used up is retired. Id 0 is never valid.
 *
 * A slot is FREE, RESERVED (counted, invisible: two-phase insertion), LIVE, or MOVING (invisible to lookups
 * while a transfer decides). Slots are charged to the ledger while not free. Lock: LOCK_CAPTABLE, taken
 * inside; no function blocks, and references are dropped with the lock released, since an object's
 * destruction may do anything.
 */
#pragma once
#include "core/lock.h"
#include "object/object.h"

struct ledger;

enum { CAP_INDEX_BITS = 14, CAP_CHUNKS = 11, CAP_CHUNK0_LOG2 = 4 };
#define CAP_INDEX_MASK ((1u << CAP_INDEX_BITS) - 1)
/* No slot's id: the last generation of the last index is never given out. */
#define CAP_ID_NONE        UINT32_MAX
#define CAP_GENERATION_MAX ((1u << (32 - CAP_INDEX_BITS)) - 2)

/* Equal to CapInfo.Origin in schema/system.capnp. */
enum cap_origin { CAP_FROM_KERNEL, CAP_FROM_SPAWN, CAP_FROM_IPC, CAP_FROM_RESULT };

struct cap_slot {
    struct capability capability; /* valid when LIVE or MOVING */
    uint32_t generation;
    uint32_t live_id; /* the slot's id while LIVE, else CAP_ID_NONE */
    uint8_t state;
    uint8_t origin;     /* enum cap_origin */
    uint16_t next_free; /* index + 1 of the next free slot; 0: none */
};

struct captable {
    struct spinlock lock;
    struct cap_slot *chunks[CAP_CHUNKS]; /* chunk k holds 16 << k slots */
    uint32_t capacity;                   /* slots in the chunks that exist */
    uint32_t free_head;                  /* index + 1; 0: none */
    uint32_t used;                       /* slots not FREE */
    bool closed;                         /* nothing more can be put in: the process is ending */
    struct ledger *ledger;               /* borrowed from the process; immutable */
};
/* The table is a process' (struct process.captable): types that ask for it (holder_ended) are told which. */

void captable_init(struct captable *table, struct ledger *ledger);
/* From now on reserve is refused. What was reserved before may still be published. */
void captable_close(struct captable *table);
/* Closes it and drops everything, passing preemption points. Nobody is between two phases of an insertion or
 * a move any more; lookups by others find nothing. */
void captable_fini(struct captable *table);

/* Takes a slot without showing it. NO_SLOTS, NO_MEMORY; NOT_FOUND: the table is closed, since its process is
 * ending. Ends in publish or cancel, which cannot fail. */
CHECKED status_t captable_reserve(struct captable *table, uint32_t *out_id);
/* Releases everything but what is reserved. Passes preemption points. Nobody is in the middle of a move. */
void captable_clear(struct captable *table);
/* Both in one, on a machine with one CPU, without the lock. The caller's reference is the table's then; on
 * failure (as reserve) it stays the caller's. And the opposite: a live capability is not in the table any
 * more, its reference is the caller's. */
CHECKED status_t captable_insert_alone(struct captable *table, struct capability capability,
                                       enum cap_origin origin, uint32_t *out_id);
void captable_take_out_alone(struct captable *table, uint32_t id);
/* Consumes the caller's reference to the object. */
void captable_publish(struct captable *table, uint32_t id, struct capability capability,
                      enum cap_origin origin);
void captable_cancel(struct captable *table, uint32_t id);

static inline struct cap_slot *captable_slot(const struct captable *table, uint32_t index)
{
    if (__builtin_expect(index < 1u << CAP_CHUNK0_LOG2, 1))
        return &table->chunks[0][index];
    uint32_t shifted = index + (1u << CAP_CHUNK0_LOG2); /* chunk k starts at index 16 * (2^k - 1) */
    unsigned chunk = 31u - (unsigned)__builtin_clz(shifted) - CAP_CHUNK0_LOG2;
    return &table->chunks[chunk][shifted - (1u << (chunk + CAP_CHUNK0_LOG2))];
}

/* Why an id is not good: BAD_CAP or STALE_CAP. */
CHECKED status_t captable_refuse(struct captable *table, uint32_t id);

/* A reference for the caller to put. BAD_CAP: never was valid. STALE_CAP: was, and is not any more. */
CHECKED static inline status_t captable_get(struct captable *table, uint32_t id, struct capability *out)
{
    uint32_t index = id & CAP_INDEX_MASK;
    bool found = false;
    spinlock_acquire(&table->lock);
    if (__builtin_expect(index < table->capacity, 1)) {
        const struct cap_slot *slot = captable_slot(table, index);
        found = slot->live_id == id;
        if (__builtin_expect(found, 1)) {
            *out = slot->capability;
            object_get(out->object);
        }
    }
    spinlock_release(&table->lock);
    return __builtin_expect(found, 1) ? CAPOS_OK : captable_refuse(table, id);
}
/* BAD_CAP, STALE_CAP. */
CHECKED status_t captable_release(struct captable *table, uint32_t id);

/* Moving out: begin hides the slot and returns a reference of the caller's; commit empties it, abort shows it
 * again. Commit in two halves, for one who must not destroy anything yet: take_out empties it and leaves the
 * table's reference to the caller, captable_give_up drops that (with the table's process still referenced).
 */
CHECKED status_t captable_move_begin(struct captable *table, uint32_t id, struct capability *out);
void captable_move_commit(struct captable *table, uint32_t id);
void captable_move_take_out(struct captable *table, uint32_t id);
void captable_give_up(struct process *process, struct capability capability);
void captable_move_abort(struct captable *table, uint32_t id);

/* The first live slot with index >= cursor: its id, its contents without a reference (only for looking at the
 * type), and the cursor of the next. False: none. */
bool captable_next(struct captable *table, uint32_t cursor, uint32_t *out_id, struct cap_slot *out,
                   uint32_t *out_cursor);

/* What a clone puts in place of a capability, which may be one that cannot be copied: *capability comes with
 * a reference, which is kept or exchanged for that of another. NOT_FOUND (reference put): leave it out. Any
 * other error (reference put) ends the cloning. No lock is held. */
typedef status_t captable_substitute(void *context, struct capability *capability);
/* Fills an empty table that nobody else sees yet with what `substitute` says of each capability of `from`
 * (null: what may be copied, CAP_TRANSFER_ANY), under the same ids; ids of the rest are STALE_CAP there.
 * Charged to the new table's ledger. On failure what came across stays, for captable_fini. Passes preemption
 * points. NO_SLOTS, NO_MEMORY, and substitute's. */
CHECKED status_t captable_clone(struct captable *from, struct captable *to, captable_substitute *substitute,
                                void *context);
