#include "core/thread.h"
#include "arch/arch.h"
#include "core/call.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"

static uint64_t heap_charge(void)
{
    return sizeof(struct thread) + arch_fpu_size();
}

static status_t charge(struct ledger *ledger)
{
    status_t status = ledger_charge(ledger, LEDGER_THREADS, 1);
    if (status < 0)
        return status;
    status = ledger_charge(ledger, LEDGER_HEAP_BYTES, heap_charge());
    if (status < 0)
        ledger_refund(ledger, LEDGER_THREADS, 1);
    return status;
}

static void refund(struct ledger *ledger)
{
    ledger_refund(ledger, LEDGER_THREADS, 1);
    ledger_refund(ledger, LEDGER_HEAP_BYTES, heap_charge());
}

static status_t map_ring(struct thread *thread, struct process *process)
{
    struct memory_object *memory;
    status_t status = memory_object_create(process->ledger, PAGE_SIZE, &memory);
    if (status < 0)
        return status;
    paddr_t frame;
    status = memory_object_frame(memory, 0, &frame);
    if (status == CAPOS_OK)
        status = aspace_map_object(process->aspace, memory, true, thread->ring_address, 0, PAGE_SIZE,
                                   PROT_READ | PROT_WRITE, &thread->ring_address);
    if (status < 0) {
        object_put(memory_object_as_object(memory));
        return status;
    }
    thread->ring_memory = memory;
    ring_init(&thread->ring, direct_map(frame));
    return CAPOS_OK;
}

static void join_process(struct thread *thread, struct process *process)
{
    object_get(&process->object);
    thread->process = process;
    spinlock_acquire(&process->lock);
    list_push_back(&process->threads, &thread->in_process);
    process->thread_count++;
    thread->number = ++process->next_thread_number;
    spinlock_release(&process->lock);
}

/* The uncharged memory of a thread. */
static struct thread *thread_alloc(void)
{
    struct thread *thread = heap_alloc(sizeof(*thread));
    if (thread == NULL)
        return NULL;
    thread->context.fpu = heap_alloc(arch_fpu_size());
    if (thread->context.fpu == NULL) {
        heap_free(thread, sizeof(*thread));
        return NULL;
    }
    spinlock_init(&thread->lock, LOCK_PENDING);
    sched_entity_init(&thread->sched);
    list_init(&thread->pending);
    thread->state = THREAD_BLOCKED;
    return thread;
}

static void thread_free(struct thread *thread)
{
    heap_free(thread->context.fpu, arch_fpu_size());
    heap_free(thread, sizeof(*thread));
}

status_t thread_create(struct process *process, uaddr_t ring_address, struct thread **out)
{
    status_t status = charge(process->ledger);
    if (status < 0)
        return status;
    struct thread *thread = thread_alloc();
    status = CAPOS_ERR_NO_MEMORY;
    if (thread == NULL)
        goto err_charge;
    thread->ring_address = ring_address;
    status = map_ring(thread, process);
    if (status < 0)
        goto err_thread;
    join_process(thread, process);
    *out = thread;
    return CAPOS_OK;

err_thread:
    thread_free(thread);
err_charge:
    refund(process->ledger);
    return status;
}

void thread_destroy(struct thread *thread)
{
    struct process *process = thread->process;
    timer_event_stop(&thread->wait_timer);
    pending_discard_all(thread);
    spinlock_acquire(&process->lock);
    list_remove(&thread->in_process);
    process->thread_count--;
    process->cpu_ns_ended += sched_runtime_ns(thread);
    spinlock_release(&process->lock);
    object_put(memory_object_as_object(thread->ring_memory));
    thread_free(thread);
    refund(process->ledger);
    object_put(&process->object);
}

void thread_wake_locked(struct thread *thread, uint32_t available)
{
    spinlock_assert_held(&thread->lock);
    thread->context.frame.rax = available;
    sched_make_ready(thread);
}

static void wait_timeout(struct timer_event *event)
{
    struct thread *thread = container_of(event, struct thread, wait_timer);
    spinlock_acquire(&thread->lock);
    if (thread->state == THREAD_BLOCKED)
        thread_wake_locked(thread, ring_available(thread));
    spinlock_release(&thread->lock);
}

/* True if the thread is now BLOCKED; else *available says what is there. */
static bool block(struct thread *thread, uint32_t min_complete, uint32_t *available)
{
    spinlock_acquire(&thread->lock);
    *available = ring_available(thread);
    uint32_t reachable = *available + thread->ring.in_flight;
    thread->wait_min = min_complete < reachable ? min_complete : reachable;
    bool blocked = *available < thread->wait_min;
    if (blocked)
        thread->state = THREAD_BLOCKED;
    spinlock_release(&thread->lock);
    return blocked;
}

int64_t thread_wait_completions(struct thread *thread, uint32_t min_complete, uint64_t timeout_ns)
{
    uint32_t available;
    timer_event_stop(&thread->wait_timer); /* of an earlier wait that a completion ended */
    if (!block(thread, min_complete, &available))
        return available;
    if (timeout_ns != CAPOS_TIMEOUT_NEVER) {
        uint64_t now_ns = clock_now_ns();
        uint64_t deadline_ns = timeout_ns > UINT64_MAX - 1 - now_ns ? UINT64_MAX - 1 : now_ns + timeout_ns;
        timer_event_start(&thread->wait_timer, deadline_ns, wait_timeout);
    }
    sched_next();
}
