#include "object/thread_handle.h"
#include "core/call.h"
#include "core/process.h"
#include "core/sched.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include <capos/thread_server.h>

struct thread_handle {
    struct object object;
    struct ledger *ledger; /* referenced */
    uint64_t process_id;
    uint32_t number;

    /* lock protects: */
    struct spinlock lock;
    struct thread *thread; /* not yet freed; null once it has ended */
    struct list waiters;   /* struct pending.in_object */
    uint64_t exit_value;
    uint64_t cpu_ns;
};

static const struct object_type thread_handle_type;

static struct thread_handle *handle_of(void *self)
{
    return container_of((struct object *)self, struct thread_handle, object);
}

status_t thread_handle_create(struct thread *thread, struct object **out)
{
    struct ledger *ledger = thread->process->ledger;
    status_t status = ledger_charge(ledger, LEDGER_HEAP_BYTES, sizeof(struct thread_handle));
    if (status < 0)
        return status;
    struct thread_handle *handle = heap_alloc(sizeof(*handle));
    if (handle == NULL) {
        ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*handle));
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&handle->object, &thread_handle_type);
    object_get(&handle->object);
    ledger_get(ledger);
    handle->ledger = ledger;
    handle->process_id = thread->process->id;
    handle->number = thread->number;
    spinlock_init(&handle->lock, LOCK_OBJECT);
    list_init(&handle->waiters);
    handle->thread = thread;
    thread->handle = handle;
    *out = &handle->object;
    return CAPOS_OK;
}

static void destroy(struct object *object)
{
    struct thread_handle *handle = handle_of(object);
    struct ledger *ledger = handle->ledger;
    heap_free(handle, sizeof(*handle));
    ledger_refund(ledger, LEDGER_HEAP_BYTES, sizeof(*handle));
    ledger_put(ledger);
}

static void answer(const struct thread_handle *handle, struct pending *waiter)
{
    struct kcall reply;
    const struct cap_thread_handle_join_results results = {.value = handle->exit_value};
    pending_reply_begin(waiter, &reply);
    pending_reply_end(waiter, &reply, cap_thread_handle_join_reply(&reply.call, &results));
}

static struct list_node *take_waiter(struct thread_handle *handle)
{
    spinlock_acquire(&handle->lock);
    struct list_node *node = list_pop_front(&handle->waiters);
    spinlock_release(&handle->lock);
    return node;
}

void thread_handle_ended(struct thread *thread)
{
    struct thread_handle *handle = thread->handle;
    struct list_node *node;
    spinlock_acquire(&handle->lock);
    handle->thread = NULL; /* from here on there are no new waiters */
    handle->exit_value = thread->exit_value;
    handle->cpu_ns = sched_runtime_ns(thread);
    spinlock_release(&handle->lock);
    thread->handle = NULL;
    while ((node = take_waiter(handle)) != NULL)
        answer(handle, container_of(node, struct pending, in_object));
    object_put(&handle->object);
}

status_t thread_handle_use(struct capability capability, const struct process *process,
                           void (*use)(struct thread *thread, void *argument), void *argument)
{
    status_t status = capability_resolve(&capability);
    if (status < 0)
        return status;
    if (capability.type != &thread_handle_type || handle_of(capability.object)->process_id != process->id)
        return CAPOS_ERR_BAD_CAP;
    struct thread_handle *handle = handle_of(capability.object);
    spinlock_acquire(&handle->lock);
    struct thread *thread = handle->thread;
    if (thread != NULL)
        use(thread, argument);
    spinlock_release(&handle->lock);
    return thread != NULL ? CAPOS_OK : CAPOS_ERR_NOT_FOUND;
}

status_t thread_handle_interrupt(struct capability capability, const struct process *process,
                                 bool *was_waiting)
{
    status_t status = capability_resolve(&capability);
    if (status < 0)
        return status;
    if (capability.type != &thread_handle_type || handle_of(capability.object)->process_id != process->id)
        return CAPOS_ERR_BAD_CAP;
    struct thread_handle *handle = handle_of(capability.object);
    spinlock_acquire(&handle->lock);
    *was_waiting = handle->thread != NULL && thread_interrupt(handle->thread);
    spinlock_release(&handle->lock);
    return CAPOS_OK;
}

static bool join_cancel(struct pending *pending)
{
    struct thread_handle *handle = handle_of(pending->object);
    spinlock_acquire(&handle->lock);
    bool was_waiting = list_is_linked(&pending->in_object);
    if (was_waiting)
        list_remove(&pending->in_object);
    spinlock_release(&handle->lock);
    return was_waiting;
}

/* False if the thread has ended by now. */
static bool enqueue(struct thread_handle *handle, struct pending *pending)
{
    spinlock_acquire(&handle->lock);
    bool running = handle->thread != NULL;
    if (running)
        list_push_back(&handle->waiters, &pending->in_object);
    spinlock_release(&handle->lock);
    return running;
}

static bool has_ended(struct thread_handle *handle)
{
    return __atomic_load_n(&handle->thread, __ATOMIC_ACQUIRE) == NULL;
}

static int32_t join(void *self, struct cap_call *call, struct cap_thread_handle_join_results *results)
{
    struct thread_handle *handle = handle_of(self);
    struct pending *pending;
    if (has_ended(handle)) {
        spinlock_acquire(&handle->lock);
        results->value = handle->exit_value;
        spinlock_release(&handle->lock);
        return CAPOS_OK;
    }
    status_t status = pending_create(call, &handle->object, join_cancel, &pending);
    if (status < 0)
        return status;
    if (!enqueue(handle, pending))
        answer(handle, pending);
    return CAP_CALL_PENDING;
}

static int32_t info(void *self, struct cap_call *call, struct cap_thread_handle_info_results *results)
{
    struct thread_handle *handle = handle_of(self);
    (void)call;
    spinlock_acquire(&handle->lock);
    results->number = handle->number;
    results->running = handle->thread != NULL;
    results->cpu_ns = handle->thread != NULL ? sched_runtime_ns(handle->thread) : handle->cpu_ns;
    spinlock_release(&handle->lock);
    return CAPOS_OK;
}

static const struct cap_thread_handle_server server = {.join = join, .info = info};
KERNEL_DISPATCH(dispatch, cap_thread_handle_dispatch)

static const struct object_type thread_handle_type = {
    .name = "ThreadHandle",
    .interface_id = CAP_THREAD_HANDLE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = destroy,
    .transfer = CAP_TRANSFER_NEVER,
};
