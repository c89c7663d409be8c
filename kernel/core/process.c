#include "core/process.h"
#include "arch/arch.h"
#include "core/call.h"
#include "core/crash.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/sched.h"
#include "core/trace.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/memory_object.h"
#include "object/process_handle.h"
#include <base/string.h>

/* Processes that run, in order of id. */
static struct {
    struct spinlock lock;
    struct list processes;
    uint32_t count;
    uint64_t last_id;
    int64_t init_exit_code;
} table = {.lock = SPINLOCK_INIT(LOCK_PROCESS_TABLE), .processes = LIST_INIT(table.processes)};

static struct {
    uint64_t frames_free;
    uint64_t objects;
} baseline;

void process_leak_baseline(void)
{
    baseline.frames_free = frame_free_count();
    baseline.objects = object_live_count();
}

static void check_leaks(void)
{
    int64_t frames = (int64_t)(baseline.frames_free - frame_free_count());
    int64_t objects = (int64_t)(object_live_count() - baseline.objects);
    if (frames == 0 && objects == 0)
        log_print(LOG_INFO, "check: all frames and objects returned");
    else
        log_print(LOG_ERROR, "check: leaked %ld frames, %ld objects", frames, objects);
}

enum { LEAK_PATIENCE_NS = 100000000 };

static struct process *process_of(struct object *object)
{
    return container_of(object, struct process, object);
}

/* What stays of a process while somebody holds a handle: paid by the parent, since its own ledger ends with
 * it, and a parent may hold many. The crash record is paid in advance. */
static size_t process_charge(void)
{
    return sizeof(struct process) + sizeof(struct crash_record);
}

static struct process *process_alloc(struct ledger *payer)
{
    if (ledger_charge(payer, LEDGER_HEAP_BYTES, process_charge()) < 0)
        return NULL;
    struct process *process = heap_alloc(sizeof(*process));
    if (process == NULL) {
        ledger_refund(payer, LEDGER_HEAP_BYTES, process_charge());
        return NULL;
    }
    process->payer = payer;
    ledger_get(payer);
    return process;
}

static void process_free(struct process *process)
{
    struct ledger *payer = process->payer;
    heap_free(process->crash, sizeof(*process->crash));
    heap_free(process, sizeof(*process));
    ledger_refund(payer, LEDGER_HEAP_BYTES, process_charge());
    ledger_put(payer);
}

static void process_destroy(struct object *object)
{
    process_free(process_of(object));
}

const struct object_type process_type = {
    .name = "process",
    .destroy = process_destroy,
};

static void set_name(struct process *process, const char *name, size_t name_len)
{
    memset(process->name, 0, sizeof(process->name));
    memcpy(process->name, name, name_len < CAPOS_PROCESS_NAME_MAX ? name_len : CAPOS_PROCESS_NAME_MAX);
}

status_t process_create(const char *name, size_t name_len, struct ledger *parent, const uint64_t *limits,
                        struct process **out)
{
    struct process *process = process_alloc(parent);
    if (process == NULL)
        return CAPOS_ERR_NO_MEMORY;
    status_t status = ledger_create(parent, limits, &process->ledger);
    if (status < 0) {
        process_free(process);
        return status;
    }
    object_init(&process->object, &process_type);
    process->id = __atomic_add_fetch(&table.last_id, 1, __ATOMIC_RELAXED);
    spinlock_init(&process->lock, LOCK_PROCESS);
    spinlock_init(&process->trace_lock, LOCK_TRACE);
    list_init(&process->threads);
    list_init(&process->waiters);
    process->live_threads = 1; /* until it is ended */
    captable_init(&process->captable, process->ledger);
    set_name(process, name, name_len);
    *out = process;
    return CAPOS_OK;
}

void process_set_program(struct process *process, const struct process_program *program)
{
    struct memory_object *old_image = process->image.memory;
    object_get(memory_object_as_object(program->image.memory));
    spinlock_acquire(&process->lock);
    struct aspace *old_aspace = process->aspace;
    process->aspace = program->aspace;
    process->image = program->image;
    process->image_base = program->image_base;
    process->capset_address = program->capset_address;
    process->clock_page = program->clock_page;
    if (program->name_len != 0)
        set_name(process, program->name, program->name_len);
    spinlock_release(&process->lock);
    if (old_aspace != NULL)
        aspace_release(old_aspace);
    if (old_image != NULL)
        object_put(memory_object_as_object(old_image));
}

void process_start(struct process *process, struct thread *first, bool paused)
{
    object_get(&process->object); /* the table's */
    spinlock_acquire(&table.lock);
    process->state = PROCESS_RUNNING;
    process->paused = paused;
    list_push_back(&table.processes, &process->in_table);
    table.count++;
    spinlock_release(&table.lock);
    status_t started = paused ? thread_start_paused(first) : thread_start(first);
    kassert(started == CAPOS_OK); /* nobody knows the process yet who could end it */
}

bool process_resume(struct process *process)
{
    spinlock_acquire(&process->lock);
    bool was_paused = process->paused && process->state == PROCESS_RUNNING;
    process->paused = false;
    if (was_paused) /* nobody stops it without this lock, and it has made no others */
        thread_resume(container_of(list_first(&process->threads), struct thread, in_process));
    spinlock_release(&process->lock);
    return was_paused;
}

bool process_is_paused(struct process *process)
{
    spinlock_acquire(&process->lock);
    bool paused = process->paused && process->state == PROCESS_RUNNING;
    spinlock_release(&process->lock);
    return paused;
}

/* ---- The end. */

/* Nobody finds the process any more; those who have found it ask with process_borrow. */
static void leave_table(struct process *process)
{
    spinlock_acquire(&table.lock);
    list_remove(&process->in_table);
    if (process->id == 1)
        table.init_exit_code = process->exit_code;
    spinlock_release(&table.lock);
}

/* Everything that a process holds, in an order in which nothing is used after it is gone. No thread is left.
 */
static void release_holdings(struct process *process)
{
    thread_free_spares(process);
    captable_fini(&process->captable);
    spinlock_acquire(&process->lock);
    struct aspace *aspace = process->aspace;
    struct ledger *ledger = process->ledger;
    process->aspace = NULL;
    process->ledger = NULL;
    spinlock_release(&process->lock);
    if (aspace != NULL) /* null: it has never had one */
        aspace_release(aspace);
    if (process->image.memory != NULL)
        object_put(memory_object_as_object(process->image.memory));
    process->image.memory = NULL;
    ledger_put(ledger);
}

bool process_borrow(struct process *process, struct ledger **ledger, struct aspace **aspace)
{
    spinlock_acquire(&process->lock);
    bool there = process->aspace != NULL;
    if (there) {
        *ledger = process->ledger;
        *aspace = process->aspace;
        ledger_get(*ledger);
        aspace_get(*aspace);
    }
    spinlock_release(&process->lock);
    return there;
}

void process_abandon(struct process *process)
{
    process->state = PROCESS_ENDING;
    release_holdings(process);
    process->state = PROCESS_ENDED;
    object_put(&process->object);
}

/* From here on there are no new waiters. Each is taken under the lock, where its cancel looks as well. */
static struct list_node *take_waiter(struct process *process)
{
    spinlock_acquire(&process->lock);
    process->state = PROCESS_ENDED;
    struct list_node *node = list_pop_front(&process->waiters);
    spinlock_release(&process->lock);
    return node;
}

static void answer_waiters(struct process *process)
{
    struct list_node *node;
    while ((node = take_waiter(process)) != NULL)
        process_handle_answer(process, container_of(node, struct pending, in_object));
}

/* No thread is left, and none can come. */
static void tear_down(struct process *process)
{
    leave_table(process);
    release_holdings(process);
    answer_waiters(process);
    trace_ended(process);
    spinlock_acquire(&table.lock);
    __atomic_store_n(&table.count, table.count - 1, __ATOMIC_RELEASE);
    spinlock_release(&table.lock);
    object_put(&process->object); /* the table's; the caller has another */
}

static void drop_live(struct process *process)
{
    uint32_t left = __atomic_sub_fetch(&process->live_threads, 1, __ATOMIC_ACQ_REL);
    if (left == 0)
        tear_down(process);
    else if (left ==
             1) /* the last thread has left by itself, or the process is ending and this does nothing */
        process_end(process, 0, NULL);
}

void process_thread_gone(struct process *process)
{
    drop_live(process);
}

/* Stops all threads but one; those that are DEAD by this, chained by `next`. None if the one is being stopped
 * itself: of two that stop each other's process one wins. */
static struct thread *stop_threads(struct process *process, const struct thread *survivor)
{
    struct thread *dead = NULL;
    spinlock_acquire(&process->lock);
    bool allowed = survivor == NULL || !survivor->stopping;
    for (struct list_node *node = list_first(&process->threads); node != NULL && allowed;
         node = list_next(&process->threads, node)) {
        struct thread *thread = container_of(node, struct thread, in_process);
        if (thread != survivor && thread_stop(thread)) {
            thread->next = dead;
            dead = thread;
        }
    }
    spinlock_release(&process->lock);
    return dead;
}

static void bury(struct thread *dead)
{
    while (dead != NULL) {
        struct thread *next = dead->next;
        thread_dead(dead);
        dead = next;
    }
}

/* False: somebody else was first. */
static bool begin_end(struct process *process, int64_t exit_code, const struct crash_record *crash)
{
    struct crash_record *kept = crash == NULL ? NULL : heap_alloc(sizeof(*kept));
    if (kept != NULL) /* without memory the record is only in the log */
        *kept = *crash;
    spinlock_acquire(&process->lock);
    bool first = process->state == PROCESS_RUNNING;
    if (first) {
        process->state = PROCESS_ENDING;
        process->exit_code = exit_code;
        process->crashed = crash != NULL;
        process->crash = kept;
    }
    spinlock_release(&process->lock);
    if (!first)
        heap_free(kept, sizeof(*kept));
    return first;
}

bool process_end(struct process *process, int64_t exit_code, const struct crash_record *crash)
{
    if (!begin_end(process, exit_code, crash))
        return false;
    trace_exit(process, exit_code, crash);
    struct thread *dead = stop_threads(process, NULL);
    if (crash != NULL)
        crash_log(thread_current(), crash);
    log_print(LOG_INFO, "proc: process %lu exited with code %ld", process->id, exit_code);
    object_get(&process->object);
    bury(dead);
    drop_live(process);
    object_put(&process->object);
    return true;
}

void process_end_current(int64_t exit_code, const struct crash_record *crash)
{
    process_end(thread_current()->process, exit_code, crash);
    thread_stop_current();
}

status_t process_stop_others(struct process *process)
{
    const struct thread *survivor = thread_current();
    bury(stop_threads(process, survivor));
    while (__atomic_load_n(&process->live_threads, __ATOMIC_ACQUIRE) > 2) { /* it and the process' own */
        if (survivor->stopping)
            return CAPOS_ERR_CANCELED; /* by another thread that does the same, or the process ends */
        arch_relax();
        arch_preemption_point();
    }
    return CAPOS_OK;
}

/* Another CPU may be in the last instructions of giving something back. */
static void check_leaks_patiently(void)
{
    uint64_t give_up_ns = clock_now_ns() + LEAK_PATIENCE_NS;
    while ((frame_free_count() != baseline.frames_free || object_live_count() != baseline.objects) &&
           clock_now_ns() < give_up_ns)
        arch_relax();
    check_leaks();
}

void process_halt_if_last(void)
{
    static bool halting;
    if (__atomic_load_n(&table.count, __ATOMIC_ACQUIRE) != 0 ||
        __atomic_exchange_n(&halting, true, __ATOMIC_RELAXED))
        return;
    log_print(LOG_INFO, "sched: last process exited, halting.");
    check_leaks_patiently();
    machine_exit(table.init_exit_code == 0 ? 0 : 1);
}

/* ---- The table. */

struct process *process_find_from(uint64_t id)
{
    struct process *found = NULL;
    spinlock_acquire(&table.lock);
    for (struct list_node *node = list_first(&table.processes); node != NULL && found == NULL;
         node = list_next(&table.processes, node)) {
        struct process *process = container_of(node, struct process, in_table);
        if (process->id >= id)
            found = process;
    }
    if (found != NULL)
        object_get(&found->object);
    spinlock_release(&table.lock);
    return found;
}

uint32_t process_count(void)
{
    return __atomic_load_n(&table.count, __ATOMIC_RELAXED);
}

uint64_t process_cpu_ns(struct process *process)
{
    spinlock_acquire(&process->lock);
    uint64_t total = process->cpu_ns_ended;
    for (struct list_node *node = list_first(&process->threads); node != NULL;
         node = list_next(&process->threads, node)) {
        total += sched_runtime_ns(container_of(node, struct thread, in_process));
    }
    spinlock_release(&process->lock);
    return total;
}
