/*
 * Operations in flight (pending.h).
 *
 * Three parties may want to end one: the object that it waits at, its deadline, and its thread (CANCEL,
 * death). Only one wins: the object's `cancel` decides, under the object's own lock. References keep the
 * record while the losers find out; they are counted under the thread's lock, which all of them need anyway.
 */
#include "core/pending.h"
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/pipeline.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/trace.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/revocation.h"

/* ---- Records. */

/* What few operations have is as they find it. */
static inline void make_plain(struct pending *pending)
{
    pending->deadline.fire = NULL;
    pending->timer.fire = NULL;
    pending->membrane = NULL;
}

void pending_init_thread(struct thread *thread)
{
    list_init(&thread->pending);
    list_init(&thread->held);
    thread->spare_pending = NULL;
    thread->pending_out = 0;
    for (size_t i = 0; i < array_count(thread->own_pending); i++) {
        struct pending *pending = &thread->own_pending[i];
        make_plain(pending);
        pending->thread = thread;
        pending->next_spare = thread->spare_pending;
        thread->spare_pending = pending;
    }
}

static status_t charge(struct ledger *ledger)
{
    status_t status = ledger_charge(ledger, LEDGER_CALLS, 1);
    if (status < 0)
        return status;
    status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(struct pending));
    if (status < 0)
        ledger_refund(ledger, LEDGER_CALLS, 1);
    return status;
}

static void refund(struct ledger *ledger)
{
    ledger_refund(ledger, LEDGER_CALLS, 1);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(struct pending));
}

static __attribute__((noinline)) status_t alloc_extra(struct thread *thread, struct pending **out)
{
    struct ledger *ledger = thread->process->ledger;
    status_t status = charge(ledger);
    if (status < 0)
        return status;
    struct pending *pending = heap_alloc(sizeof(*pending));
    if (pending == NULL) {
        refund(ledger);
        return CAPOS_ERR_NO_MEMORY;
    }
    make_plain(pending);
    pending->thread = thread;
    *out = pending;
    return CAPOS_OK;
}

static inline status_t take_record_locked(struct thread *thread, struct pending **out)
{
    struct pending *spare = thread->spare_pending;
    if (__builtin_expect(spare == NULL, 0))
        return alloc_extra(thread, out);
    thread->spare_pending = spare->next_spare;
    *out = spare;
    return CAPOS_OK;
}

static inline void give_back_locked(struct thread *thread, struct pending *pending)
{
    thread->pending_out--;
    make_plain(pending);
    if (__builtin_expect(
            (size_t)((char *)pending - (char *)thread->own_pending) < sizeof(thread->own_pending), 1)) {
        pending->next_spare = thread->spare_pending;
        thread->spare_pending = pending;
        return;
    }
    heap_free(pending, sizeof(*pending));
    refund(thread->process->ledger); /* there until the thread is gone, which waits for pending_out */
}

/* Drops one reference. The object to put once the lock is released, or null. */
static inline struct object *put_locked(struct thread *thread, struct pending *pending)
{
    if (__builtin_expect(--pending->references != 0, 0))
        return NULL;
    struct object *object = pending->object;
    give_back_locked(thread, pending);
    return object;
}

void pending_get(struct pending *pending)
{
    spinlock_acquire(&pending->thread->lock);
    thread_settle_locked(pending->thread);
    pending->references++;
    spinlock_release(&pending->thread->lock);
}

void pending_put(struct pending *pending)
{
    struct thread *thread = pending->thread;
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    struct object *object = put_locked(thread, pending);
    spinlock_release(&thread->lock);
    if (object != NULL)
        object_put(object);
}

/* ---- Ending. */

/* The operation's own reference remains, so none of these is the last. */
static __attribute__((noinline)) void stop_timers_locked(struct pending *pending)
{
    if (timer_event_stop(&pending->deadline))
        pending->references--;
    if (timer_event_stop(&pending->timer))
        pending->references--;
}

/* Takes the operation off its thread, with the operation's reference. */
static inline struct object *end_locked(struct thread *thread, struct pending *pending)
{
    if (__builtin_expect(pending->deadline.fire != NULL || pending->timer.fire != NULL, 0))
        stop_timers_locked(pending);
    list_remove(&pending->in_thread);
    ring_end_in_flight_locked(&thread->ring);
    return put_locked(thread, pending);
}

/* The CPU that answered runs nothing of the thread: it is woken to enter the kernel again, as if it had not
 * yet. */
static __attribute__((noinline)) bool go_on_with_held_locked(struct thread *thread, uint64_t user_data,
                                                             uaddr_t result_addr, const struct capos_cqe *cqe)
{
    pipeline_answered_locked(thread, user_data, result_addr, cqe);
    if (thread->held_answered == 0 || thread->state != THREAD_BLOCKED)
        return false;
    thread->context.frame.rip -= ARCH_SYSCALL_BYTES;
    thread_wake_locked(thread, CAPOS_SYS_CAP_ENTER, false);
    return true;
}

static inline void finish(struct pending *pending, const struct capos_cqe *cqe, bool handoff)
{
    struct thread *thread = pending->thread;
    if (__builtin_expect(pending->membrane != NULL, 0))
        membrane_pending_ended(pending);
    trace_completion(pending, cqe);
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    uint64_t user_data = pending->user_data;
    ring_post_locked(&thread->ring, cqe, user_data);
    uaddr_t result_addr = pending->result_addr;
    struct object *object = end_locked(thread, pending);
    if (__builtin_expect(!list_is_empty(&thread->held), 0) &&
        go_on_with_held_locked(thread, user_data, result_addr, cqe)) {
        /* woken */
    } else if (thread->state == THREAD_BLOCKED) {
        uint32_t available = ring_available(thread);
        /* With nothing in flight nothing more can come, whatever the shared index says by now: a result may
         * have been written over it. */
        if (available >= thread->wait_min || thread->ring.in_flight == 0)
            thread_wake_locked(thread, available, handoff);
    }
    spinlock_release(&thread->lock);
    if (object != NULL)
        object_put(object);
}

void pending_complete(struct pending *pending, int32_t result)
{
    const struct capos_cqe cqe = {.result = result};
    finish(pending, &cqe, false);
}

void pending_complete_cqe(struct pending *pending, const struct capos_cqe *cqe)
{
    finish(pending, cqe, false);
}

void pending_complete_handoff(struct pending *pending, const struct capos_cqe *cqe)
{
    finish(pending, cqe, true);
}

void pending_abandon(struct pending *pending)
{
    struct thread *thread = pending->thread;
    if (pending->membrane != NULL)
        membrane_pending_ended(pending);
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    struct object *object = end_locked(thread, pending);
    spinlock_release(&thread->lock);
    if (object != NULL)
        object_put(object);
}

/* ---- Beginning. */

static void deadline_fire(struct timer_event *event)
{
    struct pending *pending = container_of(event, struct pending, deadline);
    if (pending->cancel(pending))
        pending_complete(pending, CAPOS_ERR_TIMEOUT);
    pending_put(pending);
}

static __attribute__((noinline)) void start_deadline(struct pending *pending, uint64_t deadline_ns)
{
    pending_get(pending);
    timer_event_start(&pending->deadline, deadline_ns, deadline_fire);
}

status_t pending_begin(struct thread *thread, const struct capos_sqe *sqe, struct object *object,
                       bool (*cancel)(struct pending *pending), struct pending **out)
{
    struct pending *pending;
    spinlock_acquire(&thread->lock);
    status_t status = take_record_locked(thread, &pending);
    if (__builtin_expect(status < 0, 0)) {
        spinlock_release(&thread->lock);
        return status;
    }
    pending->user_data = sqe->user_data;
    pending->result_addr = sqe->result_addr;
    pending->result_len = sqe->result_len;
    pending->references = 1;
    pending->cancel = cancel;
    pending->object = object;
    thread->pending_out++;
    list_push_back(&thread->pending, &pending->in_thread);
    thread->ring.in_flight++;
    spinlock_release(&thread->lock);
    if (object != NULL)
        object_get(object);
    if (__builtin_expect(sqe->deadline_ns != 0, 0))
        start_deadline(pending, sqe->deadline_ns);
    *out = pending;
    return CAPOS_OK;
}

status_t pending_create(struct cap_call *call, struct object *object, bool (*cancel)(struct pending *pending),
                        struct pending **out)
{
    struct kcall *kcall = kcall_of(call);
    status_t status = pending_begin(kcall->thread, &kcall->sqe, object, cancel, out);
    if (status == CAPOS_OK && kcall->membrane != NULL)
        membrane_pending_begun(kcall, *out);
    return status;
}

static void timer_fire(struct timer_event *event)
{
    struct pending *pending = container_of(event, struct pending, timer);
    pending->timer_fire(event);
    pending_put(pending);
}

void pending_timer_start(struct pending *pending, uint64_t deadline_ns,
                         void (*fire)(struct timer_event *event))
{
    pending_get(pending);
    pending->timer_fire = fire;
    timer_event_start(&pending->timer, deadline_ns, timer_fire);
}

bool pending_timer_stop(struct pending *pending)
{
    if (!timer_event_stop(&pending->timer))
        return false;
    pending_put(pending);
    return true;
}

/* ---- Replies. */

/* One reply is built at a time on a CPU, and never while a call is: so that both may have a whole message. */
static PERCPU uint64_t reply_buffer[CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];

/* Field by field: most of a struct kcall is arrays, of which a reply reads only what it has written. */
void pending_reply_begin(struct pending *pending, struct kcall *reply)
{
    struct cap_call *call = &reply->call;
    uint32_t room = pending->result_len;
    call->params = NULL;
    call->params_bytes = 0;
    call->caps_in = NULL;
    call->caps_in_count = 0;
    call->results = *percpu_this(reply_buffer);
    call->results_limit = room < CAPOS_MESSAGE_MAX_BYTES ? room : CAPOS_MESSAGE_MAX_BYTES;
    call->results_bytes = 0;
    call->caps_out_count = 0;
    reply->thread = pending->thread;
    reply->sqe = (struct capos_sqe){.user_data = pending->user_data,
                                    .result_addr = pending->result_addr,
                                    .result_len = pending->result_len};
    reply->caps_out_count = 0;
    reply->membrane = pending->membrane;
    reply->pending = NULL;
    reply->results_in_place = false;
}

void pending_reply_end(struct pending *pending, struct kcall *reply, int32_t encoded)
{
    struct capos_cqe cqe = {0};
    kcall_deliver(reply, encoded, &cqe);
    finish(pending, &cqe, false);
}

/* ---- The thread's side. */

/* The oldest operation with that user_data, with a reference. */
static struct pending *pending_find(struct thread *thread, uint64_t user_data)
{
    struct pending *found = NULL;
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    for (struct list_node *node = list_first(&thread->pending); node != NULL && found == NULL;
         node = list_next(&thread->pending, node)) {
        struct pending *pending = container_of(node, struct pending, in_thread);
        if (pending->user_data == user_data)
            found = pending;
    }
    if (found != NULL)
        found->references++;
    spinlock_release(&thread->lock);
    return found;
}

status_t pending_cancel_by_user_data(struct thread *thread, uint64_t user_data)
{
    struct pending *pending = pending_find(thread, user_data);
    if (pending == NULL)
        return CAPOS_ERR_NOT_FOUND;
    bool won = pending->cancel(pending);
    if (won)
        pending_complete(pending, CAPOS_ERR_CANCELED);
    pending_put(pending);
    return won ? CAPOS_OK : CAPOS_ERR_NOT_FOUND;
}

/* The oldest operation with a reference, or null; *out: records that are not back yet. */
static struct pending *pending_first(struct thread *thread, uint32_t *out)
{
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    struct list_node *node = list_first(&thread->pending);
    struct pending *pending = node == NULL ? NULL : container_of(node, struct pending, in_thread);
    if (pending != NULL)
        pending->references++;
    *out = thread->pending_out;
    spinlock_release(&thread->lock);
    return pending;
}

void pending_discard_all(struct thread *thread)
{
    uint32_t out;
    struct pending *pending = pending_first(thread, &out);
    for (; out != 0; pending = pending_first(thread, &out)) {
        if (pending != NULL && pending->cancel(pending))
            pending_abandon(pending);
        else
            arch_relax(); /* another CPU is completing it, or still looks at it, this moment */
        if (pending != NULL)
            pending_put(pending);
    }
}
