/*
 * Calls between processes: endpoints, and the ring operations RECV and RETURN. docs/ipc.md.
 *
 * An endpoint joins callers and receivers. A call and a receive are each a struct pending of the thread that
 * waits (its ipc_wait part says for what), so that whatever ends an operation (deadline, CANCEL, death) ends
 * these too. States, changed only under the endpoint's lock:
 *
 *     call:     NEW -> WAITING (queued) -> BUSY -> DELIVERED -> BUSY -> DONE
 *     receive:  NEW -> WAITING          -> BUSY -> DONE
 *
 * BUSY is a claim: one CPU has taken the record out of every list and is the only one to touch it. It copies
 * and moves capabilities with no lock held, and then puts the record into its next state, or back where it
 * was (the other side failed). Who finds a record BUSY (cancel) waits: a claim ends after a bounded copy, and
 * its holder waits for nobody, passes no preemption point and puts no reference that may be the last before
 * it has let go: a destruction passes preemption points, and the deadline of the claimed record that fires
 * there would wait for its own CPU. DONE belongs to whoever made it so, who completes the pending.
 *
 * The invariant that makes wake-ups impossible to lose: after every change under the lock that puts something
 * into the queue or among the receivers, ipc_pump runs, which joins the two until one is empty.
 *
 * Lifetimes: the server facet (`server`) is what capabilities to the endpoint reference; with its last
 * reference the endpoint is dead and everything in it answered. `core` keeps the memory: referenced by the
 * server facet, by each client facet and by each receive in flight. A call in flight references its facet, so
 * that a facet is only reported as dropped after its last call has ended.
 */
#pragma once
#include "core/call.h"
#include "core/lock.h"

enum { IPC_DELIVERED_BUCKETS = 32 };

struct ipc_endpoint {
    struct object server; /* first; endpoint_type */
    struct object core;
    struct ledger *ledger; /* referenced: pays for it and its facets */
    uint64_t id;
    uint64_t interface_id;
    uint32_t queue_max;
    struct ipc_facet *spare_facet; /* atomic; charged memory of one that is gone, or null */

    struct spinlock lock; /* LOCK_OBJECT, taken by ipc_lock; protects: */
    bool dead;
    uint32_t queued;    /* calls in `queue` */
    uint32_t delivered; /* calls in `calls` */
    uint32_t receiving; /* in `receivers` */
    uint32_t last_call_id;
    struct thread *fast_receiver; /* ipc_fast.h: waits, in no list; null but for that */
    struct thread *fast_call; /* delivered as last_call_id, but not in `calls`; then there is no receiver */
    const struct process *fast_process; /* of the receiver, or of who has the call; only compared */
    /* Times a holder of the server facet began to give it up, and was done with it. Who claims a receive
     * notes the second; if the first is something else when the claim ends, the receiver may be no holder any
     * more.
     */
    uint32_t departures, departures_over;
    struct list queue;                            /* struct ipc_message */
    struct list receivers;                        /* struct pending.ipc.message */
    struct pending *calls[IPC_DELIVERED_BUCKETS]; /* DELIVERED, by call_id */
};

/* What clients hold. Its interface id is its own, so it carries its own type. */
struct ipc_facet {
    struct object object; /* first */
    struct object_type type;
    struct ipc_endpoint *endpoint; /* core referenced */
    uint64_t tag;
    bool unborn;                /* made for an answer that has not got to its caller */
    struct ipc_message message; /* that it is gone */
    uint64_t ref_process_id;    /* whose caller_ref is kept; endpoint's lock */
    uint64_t caller_ref[2];
};

extern const struct object_type endpoint_type;

/* ---- Ring operations. The entry is in kcall->sqe, the running thread in kcall->thread. What to answer, or
 * CAP_CALL_PENDING (also for a QUIET success). */
int32_t ipc_receive(struct kcall *kcall);
int32_t ipc_return(struct kcall *kcall);

/* A CALL on a client facet. The parameters, and the descriptors behind them, still lie in the caller's
 * memory. */
int32_t ipc_call(struct ipc_facet *facet, struct kcall *kcall, uaddr_t params, uint32_t params_len,
                 uint32_t cap_count);

/* ---- For the objects' side (object/endpoint.c). No lock held. */
void ipc_endpoint_init(struct ipc_endpoint *endpoint);
/* No server facet is left: everything is answered, and nothing is ever accepted again. */
void ipc_endpoint_kill(struct ipc_endpoint *endpoint);
/* The process gives up its capability to the server facet: calls delivered to it are answered `disconnected`,
 * its receives end. */
void ipc_holder_ended(struct object *server, struct process *process);
/* The last reference to the facet is gone: it becomes a message, or is freed. */
void ipc_facet_dropped(struct ipc_facet *facet);
void ipc_facet_free(struct ipc_facet *facet);

/* ---- Between the files of core/ipc*.c. */

/* Capabilities into flight: referenced, and hidden in the sender's table where they move. Descriptors lie at
 * `descriptors` in the current thread's memory; `may_mint`: facets to be made are made, unborn. On failure
 * nothing has changed. BAD_ADDRESS, BAD_FLAGS (mode), NOT_TRANSFERABLE, BAD_CAP, STALE_CAP, WRONG_INTERFACE
 * and NO_MEMORY (of one to be made). */
struct captable;
CHECKED status_t ipc_caps_begin(struct captable *from, uaddr_t descriptors, uint32_t count, bool may_mint,
                                struct ipc_cap *caps);
/* They get to the receiver: what was made is a facet like any other. */
void ipc_caps_born(const struct ipc_cap *caps, uint32_t count);
/* The references go; `moved`: what was to move has left, else it is there again. Not while a record is BUSY.
 */
void ipc_caps_end(struct captable *from, struct ipc_cap *caps, uint32_t count, bool moved);
/* ipc_caps_end(..., true) in two halves: what was to move has left the table ... */
void ipc_caps_take_out(struct captable *from, const struct ipc_cap *caps, uint32_t count);
/* ... and, nothing being BUSY any more, the references go. The process is only referenced: it may have ended.
 */
void ipc_caps_give_up(struct process *from, const struct ipc_cap *caps, uint32_t count);
/* A capability's reserved place in the receiver's table, and what will be in it: referenced. */
struct ipc_slot {
    uint32_t id;
    struct capability capability;
};
/* Slots for them in the receiver's table: all or none. `through` not null: they go behind membranes of its
 * revocations. NO_SLOTS, NO_MEMORY, REVOKED. */
struct membrane;
CHECKED status_t ipc_caps_reserve(struct process *to, const struct membrane *through,
                                  const struct ipc_cap *caps, uint32_t count, struct ipc_slot *slots);
/* The slots are free again. Their references stay, for ipc_slots_put: not while a record is BUSY. */
void ipc_slots_cancel(struct captable *to, uint32_t count, const struct ipc_slot *slots);
void ipc_slots_put(uint32_t count, const struct ipc_slot *slots);
/* They appear. Cannot fail. */
void ipc_caps_publish(struct captable *to, uint32_t count, const struct ipc_slot *slots);

/* Which side's memory was not as it should be. */
enum ipc_side { IPC_SIDE_NONE, IPC_SIDE_SENDER, IPC_SIDE_RECEIVER };
/* User memory of either process, whichever is this CPU's current one. */
CHECKED enum ipc_side ipc_copy(struct process *from, uaddr_t source, struct process *to, uaddr_t target,
                               size_t size_bytes);
CHECKED status_t ipc_write(struct process *to, uaddr_t target, const void *bytes, size_t size_bytes);
/* The records of capabilities, behind a payload that ends at `behind`. */
CHECKED status_t ipc_write_records(struct process *to, uaddr_t behind, uint32_t count,
                                   const struct ipc_slot *slots);

/* 128 bits that stand for the process towards the endpoint. */
void ipc_caller_ref(uint64_t endpoint_id, uint64_t process_id, uint64_t out[2]);
/* SipHash-2-4-128 of two words: exposed for the test against its published vectors. */
void ipc_caller_hash(const uint64_t key[2], const uint64_t words[2], uint64_t out[2]);
