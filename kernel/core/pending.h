/*
 * Operations in flight: accepted from a thread's ring, not yet answered.
 *
 * Whoever ends one does so with exactly one of the pending_complete functions (or pending_reply_end). Posting
 * the completion, taking the record off the thread and waking the thread are one critical section of
 * thread->lock; after it the completer touches neither the record nor the thread, both of which may be gone.
 *
 * Records belong to their thread. Two are part of struct thread, so that a call that waits allocates nothing,
 * charges nothing and cannot be refused; further ones come from the heap and are charged (LEDGER_CALLS,
 * LEDGER_HEAP_BYTES) while they exist. A record is given back when its last reference goes: that of the
 * operation itself, of each running timer, of each canceller. A thread is not freed before all of its records
 * are back, so the holder of a reference may use pending->thread.
 */
#pragma once
#include "core/ipc_wait.h"
#include "core/timer_queue.h"
#include "core/types.h"
#include <base/list.h>
#include <capos/ring.h>

struct cap_call;
struct kcall;
struct membrane;
struct object;
struct thread;

enum { PENDING_PER_THREAD = 2, PENDING_OWN_WORDS = 8 };

struct pending {
    struct list_node in_thread; /* lock of the thread */
    struct list_node in_object; /* the waiting object's own queue and lock */
    struct thread *thread;
    uint64_t user_data;
    uaddr_t result_addr;
    uint32_t result_len;
    uint32_t references; /* lock of the thread */
    /* Takes the operation out of the object's queue; whoever called then completes it. No lock held. False:
     * too late, the object is completing it already. */
    bool (*cancel)(struct pending *pending);
    struct object *object;    /* referenced until the record is given back; may be null */
    struct timer_event timer; /* the object's, if it wants one */
    void (*timer_fire)(struct timer_event *event);
    struct timer_event deadline;
    struct pending *next_spare;
    /* What the call goes through (object/revocation.h), referenced until it ends; mostly null. */
    struct membrane *membrane;
    struct list_node in_membrane; /* the membrane's lock, as: */
    bool ended;                   /* of one that has a membrane */
    union {
        uint64_t own[PENDING_OWN_WORDS]; /* the object's; undefined at first */
        struct ipc_wait ipc;             /* a CALL to an endpoint, a RECV */
    };
};

/* Before a thread's first operation. */
void pending_init_thread(struct thread *thread);

/* A record for an entry of the running thread, as `sqe` says: user_data, results buffer, deadline. The
 * operation then queues it and answers CAP_CALL_PENDING; until it is queued nobody else sees it. `object` may
 * be null. QUOTA, NO_MEMORY: only for a thread's third operation in flight and further ones. */
CHECKED status_t pending_begin(struct thread *thread, const struct capos_sqe *sqe, struct object *object,
                               bool (*cancel)(struct pending *pending), struct pending **out);
/* The same for a method. */
CHECKED status_t pending_create(struct cap_call *call, struct object *object,
                                bool (*cancel)(struct pending *pending), struct pending **out);

/* Starts pending->timer, before the operation is queued where others find it. `fire` runs with a reference
 * that it must not put: it may find that somebody else has completed the operation, but the record is still
 * there. */
void pending_timer_start(struct pending *pending, uint64_t deadline_ns,
                         void (*fire)(struct timer_event *event));
/* True: it will not fire. Completing stops it too. */
bool pending_timer_stop(struct pending *pending);

/* Posts the completion with an empty payload (result 0) or an error. */
void pending_complete(struct pending *pending, int32_t result);
/* Posts this completion; its user_data is filled in here. */
void pending_complete_cqe(struct pending *pending, const struct capos_cqe *cqe);
/* The same, and if that ends the thread's wait, this CPU runs it next when the running thread blocks
 * (sched_handoff). */
void pending_complete_handoff(struct pending *pending, const struct capos_cqe *cqe);
/* Prepares a struct kcall with a results buffer on which a generated cap_x_m_reply can run ... */
void pending_reply_begin(struct pending *pending, struct kcall *reply);
/* ... and posts what it encoded. `encoded` is the reply function's return value. */
void pending_reply_end(struct pending *pending, struct kcall *reply, int32_t encoded);
void pending_get(struct pending *pending);
void pending_put(struct pending *pending);
/* Ends it without a completion: the entry is answered otherwise (its operation function returns a result
 * after all). */
void pending_abandon(struct pending *pending);

/* CANCEL: ends the thread's operation with that user_data (the oldest). NOT_FOUND. */
CHECKED status_t pending_cancel_by_user_data(struct thread *thread, uint64_t user_data);
/* Drops all operations of a dead thread without completions, and waits for those that somebody is completing
 * this moment. No lock held. */
void pending_discard_all(struct thread *thread);
