/* See notification.h. */
#include "object/notification.h"
#include "core/call.h"
#include "core/lock.h"
#include "core/process.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include <capos/ipc_server.h>

struct notification {
    struct object object;
    struct ledger *ledger; /* referenced */
    struct spinlock lock;  /* LOCK_OBJECT; protects: */
    uint64_t bits;
    uint32_t waiter_count;
    struct list waiters; /* struct pending.in_object; none of their masks meets `bits` */
};

/* struct pending.own of a wait. */
struct wait {
    uint64_t mask;
    uint64_t taken; /* once served */
    bool waiting;
};

static struct notification *of(struct object *object)
{
    return container_of(object, struct notification, object);
}

static struct wait *wait_of(struct pending *pending)
{
    return (struct wait *)(void *)pending->own;
}

/* ---- Serving. */

static uint64_t take_locked(struct notification *notification, uint64_t mask)
{
    uint64_t taken = notification->bits & mask;
    notification->bits &= ~mask;
    return taken;
}

static void leave_locked(struct notification *notification, struct pending *pending)
{
    list_remove(&pending->in_object);
    wait_of(pending)->waiting = false;
    notification->waiter_count--;
}

/* Those who can be served move to `done`, where cancel does not find them any more. */
static void serve_locked(struct notification *notification, struct list *done)
{
    struct list_node *next;
    for (struct list_node *node = list_first(&notification->waiters); node != NULL && notification->bits != 0;
         node = next) {
        struct pending *pending = container_of(node, struct pending, in_object);
        struct wait *wait = wait_of(pending);
        next = list_next(&notification->waiters, node);
        if ((notification->bits & wait->mask) == 0)
            continue;
        wait->taken = take_locked(notification, wait->mask);
        leave_locked(notification, pending);
        list_push_back(done, &pending->in_object);
    }
}

/* No lock held. */
static void answer_all(struct list *done)
{
    struct list_node *node;
    while ((node = list_pop_front(done)) != NULL) {
        struct kcall reply;
        struct pending *pending = container_of(node, struct pending, in_object);
        const struct cap_notification_wait_results results = {.bits = wait_of(pending)->taken};
        pending_reply_begin(pending, &reply);
        pending_reply_end(pending, &reply, cap_notification_wait_reply(&reply.call, &results));
    }
}

void notification_signal(struct notification *notification, uint64_t bits)
{
    struct list done = LIST_INIT(done);
    spinlock_acquire(&notification->lock);
    notification->bits |= bits;
    serve_locked(notification, &done);
    spinlock_release(&notification->lock);
    answer_all(&done);
}

/* ---- Waiting. */

static bool cancel(struct pending *pending)
{
    struct notification *notification = of(pending->object);
    spinlock_acquire(&notification->lock);
    bool waited = wait_of(pending)->waiting;
    if (waited)
        leave_locked(notification, pending);
    spinlock_release(&notification->lock);
    return waited;
}

/* Bits that came meanwhile serve it at once, in its turn. */
static int32_t wait_for(struct notification *notification, struct cap_call *call, uint64_t mask)
{
    struct pending *pending;
    struct list done = LIST_INIT(done);
    status_t status = pending_create(call, &notification->object, cancel, &pending);
    if (status < 0)
        return status;
    *wait_of(pending) = (struct wait){.mask = mask};
    spinlock_acquire(&notification->lock);
    bool queued = notification->waiter_count < NOTIFICATION_WAITERS_MAX;
    if (queued) {
        wait_of(pending)->waiting = true;
        notification->waiter_count++;
        list_push_back(&notification->waiters, &pending->in_object);
        serve_locked(notification, &done);
    }
    spinlock_release(&notification->lock);
    answer_all(&done);
    if (queued)
        return CAP_CALL_PENDING;
    pending_abandon(pending);
    return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "too many wait for this notification");
}

/* Bits taken for an answer that does not fit would be lost. */
static int32_t check_room(struct cap_call *call)
{
    const struct cap_notification_wait_results results = {0};
    size_t wanted_bytes = cap_notification_wait_results_size(&results);
    if (call->results_limit >= wanted_bytes)
        return CAPOS_OK;
    call->results_bytes = wanted_bytes;
    return CAPOS_ERR_RESULT_TRUNCATED;
}

/* ---- The interfaces. */

static int32_t notification_method_signal(void *self, struct cap_call *call,
                                          const struct cap_notification_signal_params *params)
{
    (void)call;
    notification_signal(of(self), params->bits);
    return CAPOS_OK;
}

static int32_t notification_method_wait(void *self, struct cap_call *call,
                                        const struct cap_notification_wait_params *params,
                                        struct cap_notification_wait_results *results)
{
    struct notification *notification = of(self);
    if (params->mask == 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "mask: 0 would wait for ever");
    int32_t refused = check_room(call);
    if (refused != CAPOS_OK)
        return refused;
    spinlock_acquire(&notification->lock);
    results->bits = take_locked(notification, params->mask);
    spinlock_release(&notification->lock);
    return results->bits != 0 ? CAPOS_OK : wait_for(notification, call, params->mask);
}

static int32_t notification_method_poll(void *self, struct cap_call *call,
                                        const struct cap_notification_poll_params *params,
                                        struct cap_notification_poll_results *results)
{
    struct notification *notification = of(self);
    int32_t refused = check_room(call);
    if (refused != CAPOS_OK)
        return refused;
    spinlock_acquire(&notification->lock);
    results->bits = take_locked(notification, params->mask);
    spinlock_release(&notification->lock);
    return CAPOS_OK;
}

static int32_t signaler_method_signal(void *self, struct cap_call *call,
                                      const struct cap_signaler_signal_params *params)
{
    (void)call;
    notification_signal(of(self), params->bits);
    return CAPOS_OK;
}

static const struct cap_signaler_server signaler_server = {.signal = signaler_method_signal};
KERNEL_DISPATCH(signaler_dispatch, cap_signaler_dispatch)

static void destroy(struct object *object)
{
    struct notification *notification = of(object);
    struct ledger *ledger = notification->ledger;
    heap_free(notification, sizeof(*notification));
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*notification));
    ledger_put(ledger);
}

static const struct object_type signaler_type = {
    .name = "Signaler",
    .interface_id = CAP_SIGNALER_INTERFACE_ID,
    .dispatch = signaler_dispatch,
    .server = &signaler_server,
    .destroy = destroy,
};

static int32_t notification_method_signaler(void *self, struct cap_call *call,
                                            struct cap_notification_signaler_results *results)
{
    object_get(self);
    return kcall_return_capability(call, (struct capability){self, &signaler_type}, &results->signaler.id);
}

static const struct cap_notification_server server = {
    .signal = notification_method_signal,
    .wait = notification_method_wait,
    .poll = notification_method_poll,
    .signaler = notification_method_signaler,
};
KERNEL_DISPATCH(dispatch, cap_notification_dispatch)

static const struct object_type notification_type = {
    .name = "Notification",
    .interface_id = CAP_NOTIFICATION_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = destroy,
};

struct notification *notification_from(struct capability capability)
{
    bool is_one = capability.type == &notification_type || capability.type == &signaler_type;
    return capability.object != NULL && is_one ? of(capability.object) : NULL;
}

struct object *notification_as_object(struct notification *notification)
{
    return &notification->object;
}

status_t notification_create(struct ledger *ledger, struct capability *out)
{
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(struct notification));
    if (status < 0)
        return status;
    struct notification *notification = heap_alloc(sizeof(*notification));
    if (notification == NULL) {
        ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*notification));
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&notification->object, &notification_type);
    ledger_get(ledger);
    notification->ledger = ledger;
    spinlock_init(&notification->lock, LOCK_OBJECT);
    list_init(&notification->waiters);
    *out = (struct capability){&notification->object, &notification_type};
    return CAPOS_OK;
}
