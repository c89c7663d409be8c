#include "core/thread.h"
#include "arch/arch.h"
#include "core/call.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/process.h"
#include "core/ring.h"
#include "core/sched.h"
#include "core/trace.h"
#include "mm/aspace.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "object/thread_handle.h"

/* Threads that have ended, with their rings still mapped: making one again is then cheap. They stay charged.
 */
enum { SPARE_THREADS_MAX = 4 };

/* ---- Memory. */

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

static status_t make_ring_memory(struct ledger *ledger, struct ring_memory *out)
{
    paddr_t frame;
    status_t status = memory_object_create(ledger, PAGE_SIZE, &out->object);
    if (status < 0)
        return status;
    memory_object_stay_home(out->object);
    status = memory_object_frame(out->object, 0, &frame);
    if (status < 0)
        object_put(memory_object_as_object(out->object));
    else
        out->page = direct_map(frame);
    return status;
}

status_t ring_memory_map(struct ledger *ledger, struct aspace *aspace, uaddr_t address,
                         struct ring_memory *out)
{
    status_t status = make_ring_memory(ledger, out);
    if (status < 0)
        return status;
    status = aspace_map_object(aspace, out->object, true, address, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
                               &out->address);
    if (status < 0)
        object_put(memory_object_as_object(out->object));
    return status;
}

static void use_ring(struct thread *thread, const struct ring_memory *memory)
{
    thread->ring_memory = memory->object;
    thread->ring_address = memory->address;
    ring_init(&thread->ring, memory->page);
}

void thread_replace_ring(struct thread *thread, const struct ring_memory *memory)
{
    object_put(memory_object_as_object(thread->ring_memory));
    use_ring(thread, memory);
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
    pending_init_thread(thread);
    sched_entity_init(&thread->sched);
    thread->state = THREAD_BLOCKED;
    return thread;
}

static void thread_free(struct thread *thread)
{
    heap_free(thread->context.fpu, arch_fpu_size());
    heap_free(thread, sizeof(*thread));
}

/* All that a thread holds of its process, which is not referenced any more. */
static void release(struct process *process, struct thread *thread, bool unmap)
{
    /* A program that has unmapped its ring, or put something else there, keeps what it has now. */
    if (unmap &&
        aspace_unmap_object(process->aspace, thread->ring_memory, thread->ring_address, PAGE_SIZE) < 0)
        log_print(LOG_DEBUG, "thread: process %lu has unmapped a ring itself", process->id);
    object_put(memory_object_as_object(thread->ring_memory));
    thread_free(thread);
    refund(process->ledger);
}

static struct thread *take_spare(struct process *process)
{
    if (process->spare_threads == NULL) /* only a hint: another CPU may put one there this moment */
        return NULL;
    spinlock_acquire(&process->lock);
    struct thread *thread = process->spare_threads;
    if (thread != NULL) {
        process->spare_threads = thread->next;
        process->spare_thread_count--;
    }
    spinlock_release(&process->lock);
    return thread;
}

/* False: there are enough, or the process is ending. */
static bool keep_spare(struct process *process, struct thread *thread)
{
    spinlock_acquire(&process->lock);
    bool keep = process->state == PROCESS_RUNNING && process->spare_thread_count < SPARE_THREADS_MAX;
    if (keep) {
        thread->next = process->spare_threads;
        process->spare_threads = thread;
        process->spare_thread_count++;
    }
    spinlock_release(&process->lock);
    return keep;
}

void thread_free_spares(struct process *process)
{
    struct thread *thread;
    while ((thread = take_spare(process)) != NULL)
        release(process, thread, process->state == PROCESS_RUNNING);
}

/* ---- Making one. */

/* As new: nothing of the thread that it was is left. */
static void renew(struct thread *thread)
{
    thread->state = THREAD_BLOCKED;
    thread->stopping = false;
    thread->interrupted = false;
    thread->timed = false;
    sched_entity_init(&thread->sched);
    thread->exit_value = 0;
    ring_init(&thread->ring, thread->ring.page);
}

/* `copied`: the ring is not mapped but a copy of its. */
static status_t make(struct process *process, uaddr_t ring_address, struct thread *copied,
                     struct thread **out)
{
    struct ring_memory memory;
    status_t status = charge(process->ledger);
    if (status < 0)
        return status;
    struct thread *thread = thread_alloc();
    status = CAPOS_ERR_NO_MEMORY;
    if (thread == NULL)
        goto err_charge;
    if (copied == NULL)
        status = ring_memory_map(process->ledger, process->aspace, ring_address, &memory);
    else
        status = make_ring_memory(process->ledger, &memory);
    if (status < 0)
        goto err_thread;
    if (copied != NULL)
        memory.address = copied->ring_address;
    use_ring(thread, &memory);
    *out = thread;
    return CAPOS_OK;

err_thread:
    thread_free(thread);
err_charge:
    refund(process->ledger);
    return status;
}

static void enter_into(struct process *process, struct thread *thread)
{
    object_get(&process->object);
    thread->process = process;
    thread->handle = NULL;
    thread->number = __atomic_add_fetch(&process->last_thread_number, 1, __ATOMIC_RELAXED);
}

status_t thread_create(struct process *process, uaddr_t ring_address, struct thread **out)
{
    struct thread *thread = ring_address == 0 ? take_spare(process) : NULL;
    status_t status = CAPOS_OK;
    if (thread != NULL)
        renew(thread);
    else
        status = make(process, ring_address, NULL, &thread);
    if (status < 0)
        return status;
    enter_into(process, thread);
    *out = thread;
    return CAPOS_OK;
}

status_t thread_copy(struct process *process, struct thread *current, struct thread **out)
{
    struct thread *thread;
    status_t status = make(process, 0, current, &thread);
    if (status < 0)
        return status;
    enter_into(process, thread);
    arch_context_copy(&thread->context, &current->context);
    thread->cpu = current->cpu;
    thread->sched.weight = current->sched.weight;
    thread->sched.inverse = current->sched.inverse;
    thread->sched.latency = current->sched.latency;
    thread->sched.affinity = current->sched.affinity;
    ring_copy(&thread->ring, current);
    *out = thread;
    return CAPOS_OK;
}

void thread_abandon(struct thread *thread)
{
    struct process *process = thread->process;
    if (thread->handle != NULL)
        thread_handle_ended(thread);
    if (!keep_spare(process, thread))
        release(process, thread, process->state == PROCESS_RUNNING);
    object_put(&process->object);
}

static void make_ready(struct thread *thread)
{
    spinlock_acquire(&thread->lock);
    if (thread->state == THREAD_BLOCKED)
        sched_make_ready(thread);
    spinlock_release(&thread->lock);
}

/* False: the process is ending, and whoever ends it has counted its threads. */
static bool join_process(struct process *process, struct thread *thread, bool ready)
{
    spinlock_acquire(&process->lock);
    bool may = process->state <= PROCESS_RUNNING;
    if (may) {
        ipc_fast_forget(&thread->fast);
        struct list_node *first = list_first(&process->threads);
        if (first != NULL) /* if it was alone, it is running, and makes this one */
            ipc_fast_forget(&container_of(first, struct thread, in_process)->fast);
        list_push_back(&process->threads, &thread->in_process);
        process->thread_count++;
        process->sharers++;
        thread->traced = process->trace != NULL;
        __atomic_add_fetch(&process->live_threads, 1, __ATOMIC_RELAXED);
        thread->context.tsc_allowed = process->clock_page != 0;
        if (ready)
            make_ready(thread);
    }
    spinlock_release(&process->lock);
    return may;
}

status_t thread_start(struct thread *thread)
{
    return join_process(thread->process, thread, true) ? CAPOS_OK : CAPOS_ERR_NOT_FOUND;
}

status_t thread_start_paused(struct thread *thread)
{
    return join_process(thread->process, thread, false) ? CAPOS_OK : CAPOS_ERR_NOT_FOUND;
}

void thread_resume(struct thread *thread)
{
    make_ready(thread);
}

/* ---- The end. */

bool thread_stop(struct thread *thread)
{
    bool dead = false;
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    if (thread->state == THREAD_BLOCKED) {
        dead = true;
    } else if (thread->state != THREAD_DEAD && !thread->stopping) {
        thread->stopping = true; /* first: a CPU that is choosing it this moment sees it or is kicked */
        if (thread != thread_current())
            dead = sched_take_ready(thread);
        if (thread != thread_current() && !dead)
            arch_cpu_kick(__atomic_load_n(&thread->cpu, __ATOMIC_RELAXED));
    }
    if (dead)
        thread->state = THREAD_DEAD;
    spinlock_release(&thread->lock);
    return dead;
}

void thread_stop_current(void)
{
    struct thread *thread = thread_current();
    spinlock_acquire(&thread->lock);
    kassert(thread->state == THREAD_RUNNING);
    thread->state = THREAD_DEAD;
    spinlock_release(&thread->lock);
    sched_forget_current();
    thread_dead(thread);
    process_halt_if_last();
    sched_next();
}

static void leave_process(struct process *process, struct thread *thread)
{
    spinlock_acquire(&process->lock);
    list_remove(&thread->in_process);
    process->thread_count--;
    process->sharers--;
    process->cpu_ns_ended += sched_runtime_ns(thread);
    spinlock_release(&process->lock);
}

void thread_dead(struct thread *thread)
{
    struct process *process = thread->process;
    sched_wait_off_cpu(thread);
    timer_event_stop_wait(&thread->wait_timer);
    pending_discard_all(thread);
    leave_process(process, thread);
    if (thread->handle != NULL)
        thread_handle_ended(thread);
    if (!keep_spare(process, thread))
        release(process, thread, process->state == PROCESS_RUNNING);
    process_thread_gone(process); /* the thread's reference is ours until the next line */
    object_put(&process->object);
}

/* ---- Waiting. */

void thread_wake_locked(struct thread *thread, int64_t value, bool handoff)
{
    spinlock_assert_held(&thread->lock);
    thread->context.frame.rax = (uint64_t)value;
    if (handoff)
        sched_handoff(thread);
    else
        sched_make_ready(thread);
}

bool thread_interrupt(struct thread *thread)
{
    spinlock_acquire(&thread->lock);
    thread_settle_locked(thread);
    bool waiting = thread->state == THREAD_BLOCKED;
    if (waiting)
        thread_wake_locked(thread, CAPOS_ERR_INTERRUPTED, false);
    else
        thread->interrupted = true;
    spinlock_release(&thread->lock);
    return waiting;
}

static void wait_timeout(struct timer_event *event)
{
    struct thread *thread = container_of(event, struct thread, wait_timer);
    spinlock_acquire(&thread->lock);
    if (thread->state == THREAD_BLOCKED)
        thread_wake_locked(thread, ring_available(thread), false);
    spinlock_release(&thread->lock);
}

enum wait_outcome { WAIT_OVER, WAIT_BLOCKED, WAIT_STOPPING };

/* OVER: *value is what cap_enter returns. */
static enum wait_outcome block(struct thread *thread, uint32_t min_complete, int64_t *value)
{
    enum wait_outcome outcome = WAIT_OVER;
    spinlock_acquire(&thread->lock);
    uint32_t available = ring_available(thread);
    uint32_t reachable = available + thread->ring.in_flight;
    thread->wait_min = min_complete < reachable ? min_complete : reachable;
    *value = available;
    if (__builtin_expect(thread->stopping, 0)) {
        outcome = WAIT_STOPPING;
    } else if (available < thread->wait_min) {
        if (__builtin_expect(thread->held_answered != 0, 0)) {
            *value = THREAD_WAIT_AGAIN;
        } else if (__builtin_expect(thread->interrupted, 0)) {
            thread->interrupted = false;
            *value = CAPOS_ERR_INTERRUPTED;
        } else {
            thread->state = THREAD_BLOCKED;
            outcome = WAIT_BLOCKED;
            trace_waits(thread);
        }
    }
    spinlock_release(&thread->lock);
    return outcome;
}

static void start_wait_timer(struct thread *thread, uint64_t timeout_ns)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t deadline_ns = timeout_ns > UINT64_MAX - 1 - now_ns ? UINT64_MAX - 1 : now_ns + timeout_ns;
    thread->timed = true;
    timer_event_start(&thread->wait_timer, deadline_ns, wait_timeout);
}

int64_t thread_wait_completions(struct thread *thread, uint32_t min_complete, uint64_t timeout_ns)
{
    int64_t value;
    if (__builtin_expect(thread->timed, 0)) { /* an earlier wait, which a completion may have ended */
        timer_event_stop_wait(&thread->wait_timer);
        thread->timed = false;
    }
    enum wait_outcome outcome = block(thread, min_complete, &value);
    if (outcome == WAIT_OVER)
        return value;
    if (__builtin_expect(outcome == WAIT_STOPPING, 0))
        thread_stop_current();
    trace_waiting(thread);
    if (timeout_ns != CAPOS_TIMEOUT_NEVER)
        start_wait_timer(thread, timeout_ns);
    sched_next();
}
