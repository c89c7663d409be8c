/*
 * Threads: making them within limits, blocking and waking and stopping in every order that one thread of
 * control can produce (held against a naive model), joining, interrupting, and the end of the last one.
 * thread.c and thread_handle.c are real; the scheduler is the world's: a thread that blocks comes back here.
 * Orders within one of these functions on two processors are model-threads' and the demos' matter.
 */
#include "core/thread.h"
#include "core/call.h"
#include "core/log.h"
#include "core/ring.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "object/memory_object.h"
#include "object/thread_handle.h"
#include "world.h"
#include <capos/thread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum {
    FPU_BYTES = 512,
    RING_ADDRESS = 0x40000,
    THREADS_MAX = 12,
    SPARES = 4, /* SPARE_THREADS_MAX of thread.c */
    TIMEOUT_NS = 100,
    WAIT_FOR = 2,
    OPERATIONS = PENDING_PER_THREAD,
    STEPS = 6,
    EXIT_VALUE = 77,
    BLOCKED = -1000, /* of wait(): nothing was returned */
    STOPPED = -1001,
};

/* A ring's page. */
struct memory_object {
    struct object object;
    void *page;
};

static jmp_buf scheduler;
static struct thread *threads[THREADS_MAX];
static struct memory_object *mapped[THREADS_MAX]; /* the address space: each has a reference */
static uint32_t gone, kicks;
static bool halted_check;
static uint64_t result_words[64];

/* ---- The machine and the scheduler, as far as threads need them. */

size_t arch_fpu_size(void)
{
    return FPU_BYTES;
}

void arch_context_copy(struct user_context *copy, const struct user_context *current)
{
    void *fpu = copy->fpu;
    *copy = *current;
    copy->fpu = fpu;
    memcpy(fpu, current->fpu, FPU_BYTES);
}

void arch_cpu_kick(uint32_t cpu)
{
    (void)cpu;
    kicks++;
}

void sched_entity_init(struct sched_entity *entity)
{
    memset(entity, 0, sizeof(*entity));
}

void sched_handoff(struct thread *thread)
{
    sched_make_ready(thread);
}

bool sched_take_ready(struct thread *thread)
{
    spinlock_assert_held(&thread->lock);
    return thread->state == THREAD_READY;
}

void sched_wait_off_cpu(const struct thread *thread)
{
    assert_int_equal(thread->state, THREAD_DEAD);
}

uint64_t sched_runtime_ns(const struct thread *thread)
{
    return thread->number;
}

void sched_forget_current(void)
{
    world_set_current(NULL);
}

void sched_next(void)
{
    longjmp(scheduler, 1);
}

/* As process.c, whose matter the rest is: the last one of a process ends it. */
void process_thread_gone(struct process *process)
{
    gone++;
    if (--process->live_threads == 0) {
        thread_free_spares(process);
        process->state = PROCESS_ENDED;
    }
}

void process_halt_if_last(void)
{
    halted_check = true;
}

void log_print(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

/* ---- Rings' memory. */

static void memory_destroy(struct object *object)
{
    struct memory_object *memory = container_of(object, struct memory_object, object);
    free(memory->page);
    free(memory);
}

static const struct object_type memory_type = {.name = "MemoryObject", .destroy = memory_destroy};

status_t memory_object_create(struct ledger *ledger, uint64_t size_bytes, struct memory_object **out)
{
    (void)ledger;
    assert_int_equal(size_bytes, PAGE_SIZE);
    if (unit_alloc_should_fail())
        return CAPOS_ERR_NO_MEMORY;
    struct memory_object *memory = calloc(1, sizeof(*memory));
    assert_non_null(memory);
    object_init(&memory->object, &memory_type);
    *out = memory;
    return CAPOS_OK;
}

void memory_object_stay_home(struct memory_object *object)
{
    assert_int_equal(object->object.references, 1); /* not mapped yet */
}

struct object *memory_object_as_object(struct memory_object *object)
{
    return &object->object;
}

status_t memory_object_frame(struct memory_object *object, uint64_t page_index, paddr_t *out)
{
    assert_int_equal(page_index, 0);
    if (unit_alloc_should_fail())
        return CAPOS_ERR_NO_MEMORY;
    object->page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    assert_non_null(object->page);
    memset(object->page, 0, PAGE_SIZE);
    *out = (paddr_t){(uintptr_t)object->page};
    return CAPOS_OK;
}

static struct memory_object **free_place(void)
{
    size_t i = 0;
    while (mapped[i] != NULL)
        assert_true(++i < THREADS_MAX);
    return &mapped[i];
}

status_t aspace_map_object(struct aspace *aspace, struct memory_object *object, bool writable, uaddr_t hint,
                           uint64_t offset_bytes, uint64_t size_bytes, uint32_t prot, uaddr_t *out)
{
    (void)aspace, (void)offset_bytes, (void)size_bytes, (void)prot;
    assert_true(writable);
    if (hint % PAGE_SIZE != 0)
        return CAPOS_ERR_BAD_ADDRESS;
    if (unit_alloc_should_fail())
        return CAPOS_ERR_NO_MEMORY;
    *free_place() = object;
    object_get(&object->object);
    *out = hint == 0 ? RING_ADDRESS : hint;
    return CAPOS_OK;
}

status_t aspace_unmap_object(struct aspace *aspace, struct memory_object *object, uaddr_t address,
                             uint64_t size_bytes)
{
    (void)aspace, (void)address, (void)size_bytes;
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (mapped[i] == object) {
            mapped[i] = NULL;
            object_put(&object->object);
            return CAPOS_OK;
        }
    return CAPOS_ERR_BAD_ADDRESS;
}

/* As the address space does when it goes, or a program at its own risk. */
static void unmap_all(void)
{
    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (mapped[i] != NULL)
            object_put(&mapped[i]->object);
        mapped[i] = NULL;
    }
}

static uint32_t mapped_count(void)
{
    uint32_t count = 0;
    for (size_t i = 0; i < THREADS_MAX; i++)
        count += mapped[i] != NULL;
    return count;
}

/* ---- A process with one thread, which is not of this test's making, and others. */

static struct thread *make(uaddr_t ring_address)
{
    struct thread *thread = NULL;
    status_t status = thread_create(world_process(), ring_address, &thread);
    UNIT_OK(status == CAPOS_OK);
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (threads[i] == NULL) {
            threads[i] = thread;
            return thread;
        }
    fail();
    return NULL;
}

static void forget(const struct thread *thread)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (threads[i] == thread)
            threads[i] = NULL;
}

static bool is_started(struct thread *thread)
{
    return list_is_linked(&thread->in_process);
}

/* Whatever it is doing, it ends; as process_end does it. */
static void end(struct thread *thread)
{
    forget(thread);
    if (!is_started(thread)) {
        thread_abandon(thread);
        return;
    }
    bool dead = thread_stop(thread);
    if (dead) {
        thread_dead(thread);
        return;
    }
    world_set_current(thread);
    if (setjmp(scheduler) == 0)
        thread_stop_current();
    world_set_current(world_thread());
}

static struct thread *start(void)
{
    struct thread *thread = make(0);
    assert_int_equal(thread_start(thread), CAPOS_OK);
    assert_int_equal(thread->state, THREAD_READY);
    return thread;
}

static struct thread *run(struct thread *thread)
{
    assert_int_equal(thread->state, THREAD_READY);
    thread->state = THREAD_RUNNING;
    return thread;
}

/* What cap_enter's wait returns at once; BLOCKED, STOPPED: another thread runs. */
static int64_t wait_for(struct thread *thread, uint32_t min_complete, uint64_t timeout_ns)
{
    volatile int64_t value = BLOCKED;
    world_set_current(thread);
    if (setjmp(scheduler) == 0)
        value = thread_wait_completions(thread, min_complete, timeout_ns);
    else if (thread_current() == NULL)
        value = STOPPED; /* and freed */
    world_set_current(world_thread());
    return value;
}

static int64_t woken_with(const struct thread *thread)
{
    assert_int_equal(thread->state, THREAD_READY);
    return (int64_t)thread->context.frame.rax;
}

static bool never_too_late(struct pending *pending)
{
    (void)pending;
    return true;
}

static struct pending *begin_operation(struct thread *thread)
{
    static const struct capos_sqe entry = {.user_data = 1};
    struct pending *pending = NULL;
    status_t status = pending_begin(thread, &entry, NULL, never_too_late, &pending);
    UNIT_OK(status == CAPOS_OK);
    return pending;
}

static void setup(void)
{
    struct process *process = world_process();
    world_reset();
    spinlock_init(&process->lock, LOCK_PROCESS);
    process->state = PROCESS_RUNNING;
    process->id = 5;
    process->aspace = world_aspace();
    process->thread_count = process->sharers = process->live_threads = 1;
    process->last_thread_number = 1;
    world_add_user_memory(result_words, sizeof(result_words), true);
    memset(threads, 0, sizeof(threads));
    gone = kicks = 0;
    halted_check = false;
}

static void teardown(void)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (threads[i] != NULL)
            end(threads[i]);
    thread_free_spares(world_process());
    assert_int_equal(mapped_count(), 0);
    assert_true(list_first(&world_process()->threads) == NULL);
    assert_true(timer_queue_next_ns() == UINT64_MAX);
    world_check_empty();
}

/* ---- Making. */

static void made_and_abandoned(void)
{
    struct thread *thread = make(RING_ADDRESS * 2);
    assert_int_equal(thread->number, 2);
    assert_int_equal(thread->state, THREAD_BLOCKED);
    assert_int_equal(thread->ring_address, RING_ADDRESS * 2);
    assert_int_equal(world_process()->object.references, 2);
    assert_int_equal(world_ledger()->used[LEDGER_THREADS], 1);
    end(thread);
    assert_int_equal(world_process()->object.references, 1);
    assert_int_equal(world_process()->spare_thread_count, 1);
    assert_int_equal(gone, 0);
}

static void refused_within_limits(void)
{
    struct thread *thread = NULL;
    world_ledger()->limit[LEDGER_THREADS] = 1;
    make(0);
    assert_int_equal(thread_create(world_process(), 0, &thread), CAPOS_ERR_QUOTA);
    assert_null(thread);
    world_ledger()->limit[LEDGER_THREADS] = 2;
    world_ledger()->limit[LEDGER_HEAP_BYTES] = world_ledger()->used[LEDGER_HEAP_BYTES] * 2 - 1;
    assert_int_equal(thread_create(world_process(), 0, &thread), CAPOS_ERR_QUOTA);
    assert_int_equal(world_ledger()->used[LEDGER_THREADS], 1);
    world_ledger()->limit[LEDGER_HEAP_BYTES]++;
    status_t status = thread_create(world_process(), 1, &thread);
    UNIT_OK(status == CAPOS_ERR_BAD_ADDRESS);
    assert_null(thread);
    assert_int_equal(world_ledger()->used[LEDGER_THREADS], 1);
    make(0);
}

/* One that is used again is like a new one, and costs no memory; more than a few are not kept. */
static void used_again(void)
{
    for (size_t i = 0; i <= SPARES; i++)
        (void)wait_for(run(start()), 0, 0);
    struct thread *first = threads[0];
    assert_false(thread_interrupt(first));
    first->exit_value = EXIT_VALUE;
    for (size_t i = 0; i <= SPARES; i++)
        end(threads[i]);
    assert_int_equal(world_process()->spare_thread_count, SPARES);
    assert_int_equal(world_ledger()->used[LEDGER_THREADS], SPARES);
    assert_int_equal(mapped_count(), SPARES);
    for (size_t i = 0; i < SPARES; i++) {
        const struct thread *thread = make(0);
        assert_int_equal(thread->state, THREAD_BLOCKED);
        assert_true(thread->hindrances == 0 && thread->exit_value == 0);
        assert_int_equal(thread->number, 3 + SPARES + i);
    }
    assert_int_equal(world_process()->spare_thread_count, 0);
    assert_int_equal(mapped_count(), SPARES);
}

static void a_ring_that_the_program_unmapped(void)
{
    struct thread *thread = start();
    unmap_all();
    world_process()->spare_thread_count = SPARES; /* none is kept */
    end(thread);
    world_process()->spare_thread_count = 0;
    assert_int_equal(gone, 1);
}

static void not_into_a_process_that_ends(void)
{
    struct thread *thread = make(0), *paused = make(RING_ADDRESS * 2);
    world_process()->state = PROCESS_ENDING;
    assert_int_equal(thread_start(thread), CAPOS_ERR_NOT_FOUND);
    assert_int_equal(thread_start_paused(paused), CAPOS_ERR_NOT_FOUND);
    assert_int_equal(world_process()->thread_count, 1);
    assert_int_equal(world_process()->live_threads, 1);
    world_process()->state = PROCESS_RUNNING;
}

static void paused_until_resumed(void)
{
    struct thread *thread = make(0);
    assert_int_equal(thread_start_paused(thread), CAPOS_OK);
    assert_int_equal(thread->state, THREAD_BLOCKED);
    thread_resume(thread);
    assert_int_equal(thread->state, THREAD_READY);
    thread_resume(run(thread));
    assert_int_equal(thread->state, THREAD_RUNNING);
    struct thread *other = make(0);
    assert_int_equal(thread_start_paused(other), CAPOS_OK);
    end(other); /* before it began */
    assert_int_equal(gone, 1);
}

/* ---- Every order of what can happen to a thread, against a model. */

enum event { WAIT, COMPLETE, LATE, INTERRUPT, STOP, RUN, EVENTS };

static struct model {
    enum thread_state state;
    bool stopping, interrupted, timed;
    uint32_t available, in_flight, wanted;
    int64_t value; /* READY after a wait: what that returns */
} model;
static struct pending *operations[OPERATIONS];

static void model_wake(int64_t value)
{
    model.state = THREAD_READY;
    model.value = value;
}

static int64_t model_wait(void)
{
    uint32_t reachable = model.available + model.in_flight;
    model.timed = false;
    model.wanted = reachable < WAIT_FOR ? reachable : WAIT_FOR;
    if (model.stopping) {
        model.state = THREAD_DEAD;
        return STOPPED;
    }
    if (model.available >= model.wanted)
        return model.available;
    if (model.interrupted) {
        model.interrupted = false;
        return CAPOS_ERR_INTERRUPTED;
    }
    model.state = THREAD_BLOCKED;
    model.timed = true;
    return BLOCKED;
}

static void do_complete(void)
{
    if (model.in_flight == 0)
        return;
    pending_complete(operations[--model.in_flight], 0);
    model.available++;
    if (model.state == THREAD_BLOCKED && model.available >= model.wanted)
        model_wake(model.available);
}

static void do_late(uint64_t *now_ns)
{
    *now_ns += TIMEOUT_NS;
    world_set_time(*now_ns);
    if (model.state == THREAD_BLOCKED && model.timed)
        model_wake(model.available);
    model.timed = false;
}

static void do_interrupt(struct thread *thread)
{
    bool waits = model.state == THREAD_BLOCKED;
    assert_int_equal(thread_interrupt(thread), waits);
    if (waits)
        model_wake(CAPOS_ERR_INTERRUPTED);
    else
        model.interrupted = true;
}

/* By another thread: one that runs is told once, by a kick. */
static void do_stop(struct thread *thread)
{
    uint32_t kicked = kicks;
    bool at_once = model.state == THREAD_BLOCKED || (model.state == THREAD_READY && !model.stopping);
    assert_int_equal(thread_stop(thread), at_once);
    assert_int_equal(kicks - kicked, !at_once && !model.stopping);
    model.stopping = true;
    if (at_once)
        model.state = THREAD_DEAD;
}

static void do_run(struct thread *thread)
{
    if (model.state != THREAD_READY)
        return;
    if (model.value != BLOCKED) /* BLOCKED: it begins, and returns from nowhere */
        assert_int_equal(woken_with(thread), model.value);
    model.state = run(thread)->state;
}

static void happen(struct thread *thread, enum event event, uint64_t *now_ns)
{
    switch (event) {
    case WAIT:
        if (model.state == THREAD_RUNNING) {
            int64_t expected = model_wait();
            assert_int_equal(wait_for(thread, WAIT_FOR, TIMEOUT_NS), expected);
        }
        break;
    case COMPLETE:
        do_complete();
        break;
    case LATE:
        do_late(now_ns);
        break;
    case INTERRUPT:
        do_interrupt(thread);
        break;
    case STOP:
        do_stop(thread);
        break;
    default:
        do_run(thread);
    }
}

/* True: it has ended in this order, and been given back. */
static bool ended_by(struct thread *thread, bool was_running)
{
    if (model.state != THREAD_DEAD)
        return false;
    forget(thread);
    if (!was_running)
        thread_dead(thread);
    assert_int_equal(gone, 1);
    assert_int_equal(world_process()->thread_count, 1);
    return true;
}

static void one_order(uint32_t order, uint64_t *now_ns)
{
    struct thread *thread = start();
    model = (struct model){.state = THREAD_READY, .in_flight = OPERATIONS, .value = BLOCKED};
    for (size_t i = 0; i < OPERATIONS; i++)
        operations[i] = begin_operation(thread);
    gone = 0;
    do_run(thread);
    for (int step = 0; step < STEPS; step++, order /= EVENTS) {
        bool was_running = model.state == THREAD_RUNNING;
        happen(thread, (enum event)(order % EVENTS), now_ns);
        if (ended_by(thread, was_running))
            return;
        assert_int_equal(thread->state, model.state);
        assert_int_equal(ring_available(thread), model.available);
        assert_int_equal(thread->ring.in_flight, model.in_flight);
        assert_true(thread->stopping == model.stopping && thread->interrupted == model.interrupted);
    }
    end(thread);
    assert_int_equal(gone, 1);
}

static void every_order(void)
{
    uint64_t now_ns = 1;
    uint32_t orders = 1;
    for (int i = 0; i < STEPS; i++)
        orders *= EVENTS;
    for (uint32_t order = 0; order < orders; order++)
        one_order(order, &now_ns);
    assert_int_equal(world_process()->spare_thread_count, 1);
}

/* ---- Waiting. */

static void waits_for_no_more_than_can_come(void)
{
    struct thread *thread = run(start());
    assert_int_equal(wait_for(thread, UINT32_MAX, CAPOS_TIMEOUT_NEVER), 0);
    struct pending *only = begin_operation(thread);
    assert_int_equal(wait_for(thread, UINT32_MAX, CAPOS_TIMEOUT_NEVER), BLOCKED);
    assert_true(timer_queue_next_ns() == UINT64_MAX);
    pending_complete(only, 0);
    assert_int_equal(woken_with(thread), 1);
    assert_int_equal(wait_for(run(thread), 1, 0), 1);
}

static void a_time_behind_all_time(void)
{
    struct thread *thread = run(start());
    world_set_time(1000);
    (void)begin_operation(thread);
    assert_int_equal(wait_for(thread, 1, UINT64_MAX - 2), BLOCKED);
    assert_true(timer_queue_next_ns() == UINT64_MAX - 1); /* not in the past */
    world_set_time(UINT64_MAX - 1);
    assert_int_equal(woken_with(thread), 0);
}

static void a_wait_ends_the_timer_of_the_one_before(void)
{
    struct thread *thread = run(start());
    struct pending *first = begin_operation(thread);
    (void)begin_operation(thread);
    assert_int_equal(wait_for(thread, 1, TIMEOUT_NS), BLOCKED);
    pending_complete(first, 0);
    assert_int_equal(wait_for(run(thread), 2, CAPOS_TIMEOUT_NEVER), BLOCKED);
    world_set_time(TIMEOUT_NS * 2);
    assert_int_equal(thread->state, THREAD_BLOCKED);
}

/* ---- Handles. */

static struct object *make_handle(struct thread *thread)
{
    struct object *handle = NULL;
    status_t status = thread_handle_create(thread, &handle);
    UNIT_OK(status == CAPOS_OK);
    return handle;
}

static struct capability as_capability(struct object *handle)
{
    return (struct capability){handle, handle->type};
}

static uint32_t publish(struct object *handle)
{
    uint32_t id;
    status_t status = captable_reserve(&world_process()->captable, &id);
    if (status < 0)
        object_put(handle);
    UNIT_OK(status == CAPOS_OK);
    captable_publish(&world_process()->captable, id, as_capability(handle), CAP_FROM_KERNEL);
    return id;
}

static uint32_t enter_join(uint32_t id)
{
    struct ring *ring = &world_thread()->ring;
    ring->sq[ring->page->sq_tail++ % CAPOS_RING_SQ_ENTRIES] = (struct capos_sqe){
        .cap_id = id,
        .method_id = CAP_THREAD_HANDLE_JOIN,
        .opcode = CAPOS_OP_CALL,
        .result_addr = (uintptr_t)result_words,
        .result_len = sizeof(result_words),
    };
    int64_t available = ring_enter(world_thread());
    assert_true(available >= 0);
    return (uint32_t)available;
}

static int32_t join_result(void)
{
    struct ring *ring = &world_thread()->ring;
    assert_int_not_equal(ring->page->cq_tail, ring->page->cq_head);
    return ring->cq[ring->page->cq_head++ % CAPOS_RING_CQ_ENTRIES].result;
}

static bool result_has(uint64_t value)
{
    for (size_t i = 0; i < array_count(result_words); i++)
        if (result_words[i] == value)
            return true;
    return false;
}

static void joined_before_and_after_the_end(void)
{
    struct thread *thread = make(0);
    uint32_t id = publish(make_handle(thread));
    assert_int_equal(thread_start(thread), CAPOS_OK);
    assert_int_equal(enter_join(id), 0);
    run(thread)->exit_value = EXIT_VALUE;
    end(thread);
    assert_true(join_result() > 0 && result_has(EXIT_VALUE));
    memset(result_words, 0, sizeof(result_words));
    assert_int_equal(enter_join(id), 1);
    assert_true(join_result() > 0 && result_has(EXIT_VALUE));
    assert_int_equal(captable_release(&world_process()->captable, id), CAPOS_OK);
    assert_int_equal(enter_join(id), 1);
    assert_int_equal(join_result(), CAPOS_ERR_STALE_CAP);
}

/* Nobody keeps its handle: it runs on and ends, and a handle outlives the thread's memory. */
static void detached(void)
{
    struct thread *thread = make(0);
    object_put(make_handle(thread));
    assert_int_equal(thread_start(thread), CAPOS_OK);
    end(run(thread));
    assert_int_equal(gone, 1);
    assert_int_equal(world_ledger()->references, 0);
}

static void interrupted_by_its_handle(void)
{
    bool was_waiting = true;
    struct thread *thread = make(0);
    struct object *handle = make_handle(thread);
    uint32_t id = publish(handle);
    assert_int_equal(thread_start(thread), CAPOS_OK);
    (void)begin_operation(run(thread));
    struct process other = {.id = world_process()->id + 1};
    assert_int_equal(thread_handle_interrupt(as_capability(handle), &other, &was_waiting), CAPOS_ERR_BAD_CAP);
    assert_int_equal(thread_handle_interrupt(as_capability(handle), world_process(), &was_waiting), CAPOS_OK);
    assert_false(was_waiting);
    assert_int_equal(wait_for(thread, 1, CAPOS_TIMEOUT_NEVER), CAPOS_ERR_INTERRUPTED);
    assert_int_equal(wait_for(thread, 1, CAPOS_TIMEOUT_NEVER), BLOCKED);
    assert_int_equal(thread_handle_interrupt(as_capability(handle), world_process(), &was_waiting), CAPOS_OK);
    assert_true(was_waiting);
    assert_int_equal(woken_with(thread), CAPOS_ERR_INTERRUPTED);
    end(run(thread));
    assert_int_equal(thread_handle_interrupt(as_capability(handle), world_process(), &was_waiting), CAPOS_OK);
    assert_false(was_waiting);
    assert_int_equal(captable_release(&world_process()->captable, id), CAPOS_OK);
}

static void no_handle_without_memory_for_it(void)
{
    struct object *handle = NULL;
    struct thread *thread = make(0);
    world_ledger()->limit[LEDGER_HEAP_BYTES] = world_ledger()->used[LEDGER_HEAP_BYTES];
    assert_int_equal(thread_handle_create(thread, &handle), CAPOS_ERR_QUOTA);
    assert_true(handle == NULL && thread->handle == NULL);
}

/* ---- The end. */

static void the_last_one_ends_the_process(void)
{
    struct thread *one = run(start()), *other = start();
    world_process()->live_threads = 2; /* without the one that this test did not make */
    end(one);
    assert_int_equal(world_process()->state, PROCESS_RUNNING);
    assert_int_equal(world_process()->spare_thread_count, 1);
    world_process()->state = PROCESS_ENDING;
    end(run(other));
    assert_true(halted_check); /* the machine may halt now: it was running */
    assert_int_equal(world_process()->state, PROCESS_ENDED);
    assert_int_equal(world_process()->spare_thread_count, 0);
    assert_int_equal(world_ledger()->used[LEDGER_THREADS], 0);
    assert_int_equal(mapped_count(), 2); /* not one by one: the address space goes as a whole */
    unmap_all();
}

static const struct unit_test tests[] = {
    UNIT_TEST(made_and_abandoned),
    UNIT_TEST(refused_within_limits),
    UNIT_TEST(used_again),
    UNIT_TEST(a_ring_that_the_program_unmapped),
    UNIT_TEST(not_into_a_process_that_ends),
    UNIT_TEST(paused_until_resumed),
    UNIT_TEST(every_order),
    UNIT_TEST(waits_for_no_more_than_can_come),
    UNIT_TEST(a_time_behind_all_time),
    UNIT_TEST(a_wait_ends_the_timer_of_the_one_before),
    UNIT_TEST(joined_before_and_after_the_end),
    UNIT_TEST(detached),
    UNIT_TEST(interrupted_by_its_handle),
    UNIT_TEST(no_handle_without_memory_for_it),
    UNIT_TEST(the_last_one_ends_the_process),
};

int main(void)
{
    return UNIT_MAIN(tests, setup, teardown);
}
