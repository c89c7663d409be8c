/*
 * Operations in flight (struct pending, core/call.h).
 *
 * Three parties may want to end one: the object that it waits at, its deadline, and its thread (CANCEL,
 * death). Only one wins: the object's `cancel` decides, under the object's own lock. References keep the
 * record while the losers find out.
 */
#include "arch/arch.h"
#include "core/call.h"
#include "core/process.h"
#include "core/ring.h"
#include "mm/heap.h"
#include "mm/ledger.h"

static void pending_get(struct pending *pending)
{
    __atomic_add_fetch(&pending->references, 1, __ATOMIC_RELAXED);
}

static void pending_put(struct pending *pending)
{
    if (__atomic_sub_fetch(&pending->references, 1, __ATOMIC_ACQ_REL) == 0)
        heap_free(pending, sizeof(*pending));
}

static struct pending *pending_of_deadline(struct timer_event *event)
{
    return container_of(event, struct pending, deadline);
}

/* Takes the record off its thread and returns what it was charged. The object's reference goes too. */
static void unlink_and_refund(struct pending *pending)
{
    struct thread *thread = pending->thread;
    struct ledger *ledger = thread->process->ledger;
    if (timer_event_stop(&pending->deadline))
        pending_put(pending);
    spinlock_acquire(&thread->lock);
    list_remove(&pending->in_thread);
    spinlock_release(&thread->lock);
    ledger_refund(ledger, LEDGER_CALLS, 1);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*pending));
    object_put(pending->object);
}

void pending_finish(struct pending *pending, struct capos_cqe *cqe)
{
    struct thread *thread = pending->thread;
    cqe->user_data = pending->user_data;
    unlink_and_refund(pending);
    ring_post_pending(thread, cqe);
    pending_put(pending);
}

static void deadline_fire(struct timer_event *event)
{
    struct pending *pending = pending_of_deadline(event);
    if (pending->cancel(pending))
        pending_complete(pending, CAPOS_ERR_TIMEOUT);
    pending_put(pending);
}

static status_t pending_alloc(struct ledger *ledger, struct pending **out)
{
    status_t status = ledger_charge(ledger, LEDGER_CALLS, 1);
    if (status < 0)
        return status;
    status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(**out));
    if (status < 0)
        goto err_calls;
    struct pending *pending = heap_alloc(sizeof(*pending));
    status = CAPOS_ERR_NO_MEMORY;
    if (pending == NULL)
        goto err_heap;
    *out = pending;
    return CAPOS_OK;

err_heap:
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(**out));
err_calls:
    ledger_refund(ledger, LEDGER_CALLS, 1);
    return status;
}

status_t pending_create(struct cap_call *call, struct object *object, bool (*cancel)(struct pending *pending),
                        struct pending **out)
{
    const struct kcall *kcall = kcall_of(call);
    struct thread *thread = kcall->thread;
    struct pending *pending;
    status_t status = pending_alloc(thread->process->ledger, &pending);
    if (status < 0)
        return status;
    pending->thread = thread;
    pending->user_data = kcall->sqe.user_data;
    pending->result_addr = kcall->sqe.result_addr;
    pending->result_len = kcall->sqe.result_len;
    pending->references = 1;
    pending->cancel = cancel;
    pending->object = object;
    object_get(object);
    spinlock_acquire(&thread->lock);
    list_push_back(&thread->pending, &pending->in_thread);
    thread->ring.in_flight++;
    spinlock_release(&thread->lock);
    if (kcall->sqe.deadline_ns != 0) {
        pending_get(pending);
        timer_event_start(&pending->deadline, kcall->sqe.deadline_ns, deadline_fire);
    }
    *out = pending;
    return CAPOS_OK;
}

void pending_timer_start(struct pending *pending, uint64_t deadline_ns,
                         void (*fire)(struct timer_event *event))
{
    timer_event_start(&pending->timer, deadline_ns, fire);
}

bool pending_timer_stop(struct pending *pending)
{
    return timer_event_stop(&pending->timer);
}

void pending_complete(struct pending *pending, int32_t result)
{
    struct capos_cqe cqe = {.result = result};
    pending_finish(pending, &cqe);
}

/* One reply is built at a time on a CPU, and never while a call is: so that both may have a whole message. */
static uint64_t reply_buffer[ARCH_CPUS_MAX][CAPOS_MESSAGE_MAX_BYTES / sizeof(uint64_t)];

void pending_reply_begin(struct pending *pending, struct kcall *reply)
{
    *reply = (struct kcall){
        .call = {.results = reply_buffer[arch_cpu_number()],
                 .results_limit = pending->result_len < CAPOS_MESSAGE_MAX_BYTES ? pending->result_len
                                                                                : CAPOS_MESSAGE_MAX_BYTES},
        .thread = pending->thread,
        .sqe = {.user_data = pending->user_data,
                .result_addr = pending->result_addr,
                .result_len = pending->result_len},
    };
}

void pending_reply_end(struct pending *pending, struct kcall *reply, int32_t encoded)
{
    struct capos_cqe cqe = {0};
    kcall_deliver(reply, encoded, &cqe);
    pending_finish(pending, &cqe);
}

/* The oldest operation, or the oldest with that user_data, with a reference. */
static struct pending *pending_find(struct thread *thread, const uint64_t *user_data)
{
    struct pending *found = NULL;
    spinlock_acquire(&thread->lock);
    for (struct list_node *node = list_first(&thread->pending); node != NULL && found == NULL;
         node = list_next(&thread->pending, node)) {
        struct pending *pending = container_of(node, struct pending, in_thread);
        if (user_data == NULL || pending->user_data == *user_data)
            found = pending;
    }
    if (found != NULL)
        pending_get(found);
    spinlock_release(&thread->lock);
    return found;
}

status_t pending_cancel_by_user_data(struct thread *thread, uint64_t user_data)
{
    struct pending *pending = pending_find(thread, &user_data);
    if (pending == NULL)
        return CAPOS_ERR_NOT_FOUND;
    bool won = pending->cancel(pending);
    if (won)
        pending_complete(pending, CAPOS_ERR_CANCELED);
    pending_put(pending);
    return won ? CAPOS_OK : CAPOS_ERR_NOT_FOUND;
}

void pending_discard_all(struct thread *thread)
{
    struct pending *pending;
    while ((pending = pending_find(thread, NULL)) != NULL) {
        if (pending->cancel(pending)) {
            unlink_and_refund(pending);
            pending_put(pending);
        } else {
            arch_relax(); /* another CPU is completing it this moment */
        }
        pending_put(pending);
    }
}
