/*
 * A capability call inside the kernel: the generated code's struct cap_call, and whose call it is.
 *
 * The ring fills one in per CALL. An operation that cannot answer yet makes a struct pending from it and returns
 * CAP_CALL_PENDING; whoever ends the wait completes the pending, from any thread's context, exactly once.
 */
#pragma once
#include "call.h" /* lib/capnp: struct cap_call */
#include "core/timer_queue.h"
#include "core/types.h"
#include "object/object.h"
#include <base/list.h>

struct thread;
struct process;

struct kcall {
    struct cap_call call; /* first: generated code hands this back to operations */
    struct thread *thread;
    uint64_t user_data;
    uaddr_t result_addr;
    uint32_t result_len;
    uint64_t deadline_ns;
    struct capability caps_in[CAPOS_XFER_CAPS_MAX]; /* referenced for the time of the call; caps_in ids index this */
};

static inline struct kcall *kcall_of(struct cap_call *call)
{
    return (struct kcall *)(void *)call;
}
struct process *kcall_process(const struct cap_call *call);

/* Makes a result capability: takes over the caller's reference to `capability.object` on success. *out_id is what the
 * operation writes into the handle of its results. NO_SLOTS, NO_MEMORY. If the call fails later, it is taken back. */
CHECKED status_t kcall_return_capability(struct cap_call *call, struct capability capability, uint32_t *out_id);

/* An operation in flight. Charged to the process (LEDGER_CALLS, heap). */
struct pending {
    struct list_node in_thread;  /* LOCK_PENDING of the thread */
    struct list_node in_object;  /* the waiting object's own queue and lock */
    struct timer_event timer;    /* for the object's use or the deadline */
    struct thread *thread;
    uint64_t user_data;
    uaddr_t result_addr;
    uint32_t result_len;
    /* Takes the operation out of the object's queue; the core then completes it. Called with LOCK_PENDING not held.
     * False: too late, the object is completing it already. */
    bool (*cancel)(struct pending *pending);
    struct object *object; /* referenced until completion */
};

/* QUOTA, NO_MEMORY. The caller then sets cancel, queues it, and returns CAP_CALL_PENDING. */
CHECKED status_t pending_create(struct cap_call *call, struct object *object,
                                bool (*cancel)(struct pending *pending), struct pending **out);
/* Posts the completion with an empty payload (result 0) or an error, wakes the thread, frees the record. */
void pending_complete(struct pending *pending, int32_t result);
/* Prepares a struct kcall with a results buffer on which a generated cap_x_m_reply can run ... */
void pending_reply_begin(struct pending *pending, struct kcall *reply);
/* ... and posts what it encoded. `encoded` is the reply function's return value. */
void pending_reply_end(struct pending *pending, struct kcall *reply, int32_t encoded);
