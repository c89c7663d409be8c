#include "core/sched.h"
#include "arch/arch.h"
#include "core/process.h"
#include "core/trace.h"
#include "mm/aspace.h"

/* Of one CPU. Fields that only their CPU writes need no lock; what others read of them is said there. */
struct cpu_sched {
    struct spinlock lock;
    struct fair_queue queue; /* `lock` to change; count, weight and floor_ns are read without as hints */
    /* Since when some thread waited beside the running one: time before is not charged. UINT64_MAX: none
     * waits. Written under `lock`; its CPU reads it without, when it charges: a thread that comes at that
     * moment finds a little more or less charged, as if it had come a moment earlier or later. */
    uint64_t contended_since_ticks;

    /* Only this CPU writes: */
    struct thread *current;   /* who runs; null: idle */
    struct thread *loaded;    /* whose registers it has; idle, that may be the one that ran last */
    struct thread *candidate; /* RUNNING, but not begun: see sched_handoff */
    uint64_t charged_until_ticks;
    uint64_t slice_end_ns;
    uint64_t balanced_ns;
    uint64_t running_weight; /* others read it as a hint; 0: idle */
    uint32_t number;
    bool idle;
    bool preempt; /* a more urgent thread than the current one came; the timer sees to it soon */
    union {
        struct {
            /* A candidate (there is none without) or an urgent thread came, or an affinity changed; see
             * sched_leave. */
            bool wants_leave;
            bool timer_stale; /* events changed while the current thread was on its way to block */
        };
        uint16_t due; /* either */
    };
} __attribute__((aligned(64)));

static struct cpu_sched cpus_sched[ARCH_CPUS_MAX];
/* Its elements' addresses: a load where an index would be a multiplication. */
static struct cpu_sched *cpu_sched_at[ARCH_CPUS_MAX];

/* Bit n: CPU n schedules; CPU n idles. The second is changed under CPU n's lock by that CPU alone: one who
 * adds to its queue under the same lock sees either an idle CPU, and kicks it, or one that has yet to look.
 */
static uint64_t online_cpus;
static uint64_t idle_cpus;

enum { STEAL_LOOKS_MAX = 8 };
#define SCHED_RARE __attribute__((noinline, cold))

static struct cpu_sched *this_sched(void)
{
    return arch_cpu_sched();
}

static uint64_t bit_of(uint32_t cpu)
{
    return UINT64_C(1) << cpu;
}

static uint64_t read_hint(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static uint32_t read_hint32(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static struct thread *thread_of(struct sched_entity *entity)
{
    return container_of(entity, struct thread, sched);
}

void sched_init(void)
{
    for (uint32_t i = 0; i < array_count(cpus_sched); i++) {
        struct cpu_sched *cpu = &cpus_sched[i];
        cpu_sched_at[i] = cpu;
        arch_cpu_set_sched(i, cpu);
        spinlock_init(&cpu->lock, LOCK_RUNQUEUE);
        fair_queue_init(&cpu->queue);
        cpu->contended_since_ticks = UINT64_MAX;
        cpu->number = i;
    }
    online_cpus = bit_of(arch_cpu_number());
}

uint64_t sched_cpus(void)
{
    return __atomic_load_n(&online_cpus, __ATOMIC_RELAXED);
}

/* ---- Accounting: in ticks of the TSC, which become ns where somebody wants to know. */

/* Time in which others waited. */
static __attribute__((noinline)) void charge_contended(struct thread *thread, uint64_t from, uint64_t to)
{
    if (from < to)
        thread->sched.virtual_ns += sched_virtual_ns(&thread->sched, clock_ticks_ns(to - from));
}

/* Charges the running thread up to now. Only its own CPU does. */
static inline __attribute__((always_inline)) void charge_now(struct cpu_sched *cpu, struct thread *thread)
{
    uint64_t from = cpu->charged_until_ticks, now = clock_ticks();
    cpu->charged_until_ticks = now;
    if (__builtin_expect(thread == NULL, 0))
        return;
    thread->sched.runtime_ticks += now - from;
    thread->sched.charged_at_ticks = now;
    const uint64_t contended = read_hint(&cpu->contended_since_ticks);
    if (__builtin_expect(contended != UINT64_MAX, 0))
        charge_contended(thread, contended > from ? contended : from, now);
}

static void charge(struct cpu_sched *cpu)
{
    charge_now(cpu, cpu->current);
}

uint64_t sched_runtime_ns(const struct thread *thread)
{
    uint64_t runtime = read_hint(&thread->sched.runtime_ticks);
    const struct cpu_sched *cpu = cpu_sched_at[thread->cpu];
    /* Neither the comparison nor the time belongs together with the first load when the CPU is another: then
     * the sum is short or long by what was charged in between, for this reader only. */
    if (__atomic_load_n(&cpu->current, __ATOMIC_RELAXED) == thread) {
        uint64_t since = read_hint(&cpu->charged_until_ticks), now = clock_ticks();
        runtime += now > since ? now - since : 0;
    }
    return clock_ticks_ns(runtime);
}

/* ---- The queues. */

/* The running thread's virtual time counts for the floor, but only its own CPU may look at it. */
static void raise_floor_locked(struct cpu_sched *cpu)
{
    fair_queue_raise_floor(&cpu->queue, cpu->current == NULL ? NULL : &cpu->current->sched);
}

static void contention_ended_locked(struct cpu_sched *cpu)
{
    if (cpu->queue.count == 0)
        __atomic_store_n(&cpu->contended_since_ticks, UINT64_MAX, __ATOMIC_RELAXED);
}

/* To READY in this queue. True if it is the first there. */
static bool add_locked(struct cpu_sched *cpu, struct thread *thread)
{
    spinlock_assert_held(&cpu->lock);
    uint64_t start_ns = cpu->queue.floor_ns;
    const struct cpu_sched *mine = this_sched();
    if (!thread->sched.placed && mine->current != NULL)
        start_ns += mine->current->sched.virtual_ns - mine->queue.floor_ns; /* as far as its maker is */
    if (thread->sched.placed && thread->cpu != cpu->number)
        sched_entity_rebase(&thread->sched, read_hint(&cpu_sched_at[thread->cpu]->queue.floor_ns),
                            cpu->queue.floor_ns);
    thread->cpu = cpu->number;
    thread->state = THREAD_READY;
    if (cpu->contended_since_ticks == UINT64_MAX) {
        uint64_t now = clock_ticks(), last = thread->sched.charged_at_ticks;
        __atomic_store_n(&cpu->contended_since_ticks, now, __ATOMIC_RELAXED);
        fair_queue_rested(&cpu->queue, &thread->sched, now > last ? clock_ticks_ns(now - last) : 0);
    }
    fair_queue_add(&cpu->queue, &thread->sched, start_ns);
    return cpu->queue.count == 1;
}

/* Out of a queue, chosen by this CPU. */
static struct thread *choose_locked(struct cpu_sched *from, struct sched_entity *entity)
{
    const struct cpu_sched *mine = this_sched();
    struct thread *thread = thread_of(entity);
    fair_queue_remove(&from->queue, entity);
    if (from != mine)
        sched_entity_rebase(entity, from->queue.floor_ns, read_hint(&mine->queue.floor_ns));
    thread->state = THREAD_RUNNING;
    thread->cpu = mine->number;
    contention_ended_locked(from);
    return thread;
}

static bool may_run_on(const struct thread *thread, uint32_t cpu)
{
    return (read_hint(&thread->sched.affinity) & bit_of(cpu)) != 0;
}

/* What a CPU has to do: the weights of those that wait and of the one that runs. A hint: read without its
 * lock.
 */
static uint64_t load_of(const struct cpu_sched *cpu)
{
    return read_hint(&cpu->queue.weight) + read_hint(&cpu->running_weight);
}

static struct cpu_sched *least_loaded(uint64_t among)
{
    struct cpu_sched *best = NULL;
    for (uint64_t left = among; left != 0; left &= left - 1) {
        struct cpu_sched *cpu = cpu_sched_at[__builtin_ctzll(left)];
        if (best == NULL || load_of(cpu) < load_of(best))
            best = cpu;
    }
    return best;
}

/* Where a thread that wakes up goes. No affinity leaves out all CPUs that are up: sched_set_affinity. */
static struct cpu_sched *place(const struct thread *thread)
{
    uint64_t online = sched_cpus();
    if ((online & (online - 1)) == 0)
        return this_sched();
    struct cpu_sched *home = thread->sched.placed ? cpu_sched_at[thread->cpu] : this_sched();
    uint64_t allowed = online & read_hint(&thread->sched.affinity);
    uint64_t idle = read_hint(&idle_cpus) & allowed;
    if ((idle & bit_of(home->number)) != 0)
        return home;
    if (idle != 0)
        return cpu_sched_at[__builtin_ctzll(idle)];
    if ((allowed & bit_of(home->number)) != 0 && read_hint(&home->queue.weight) == 0)
        return home;
    return least_loaded(allowed);
}

/* ---- Becoming ready. */

static void programmed(struct cpu_sched *cpu, bool first, bool urgent)
{
    if (urgent)
        cpu->wants_leave = cpu->preempt = true;
    if (first || urgent)
        sched_timer_changed();
}

/* RUNNING but not begun, or BLOCKED with thread->lock held, to READY. */
static void enqueue(struct cpu_sched *cpu, struct thread *thread)
{
    spinlock_acquire(&cpu->lock);
    bool first = add_locked(cpu, thread);
    bool mine = cpu == this_sched();
    bool urgent = mine ? cpu->current != NULL && fair_queue_preempts(&cpu->queue, &cpu->current->sched)
                       : thread->sched.latency != SCHED_BATCH;
    bool idle = (read_hint(&idle_cpus) & bit_of(cpu->number)) != 0;
    spinlock_release(&cpu->lock); /* from here on the thread may run, and be gone */
    if (mine)
        programmed(cpu, first, urgent);
    else if (first || urgent || idle)
        arch_cpu_kick(cpu->number); /* it decides, or at least programs its timer */
}

void sched_make_ready(struct thread *thread)
{
    spinlock_assert_held(&thread->lock);
    enqueue(place(thread), thread);
}

/* The thread does not begin here after all. */
static void demote_candidate(struct cpu_sched *cpu)
{
    struct thread *thread = cpu->candidate;
    cpu->candidate = NULL;
    if (thread != NULL)
        enqueue(place(thread), thread);
}

void sched_handoff(struct thread *thread)
{
    spinlock_assert_held(&thread->lock);
    struct cpu_sched *cpu = this_sched();
    if (cpu->current == NULL || !may_run_on(thread, cpu->number) || !thread->sched.placed ||
        (thread->cpu != cpu->number && __atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE))) {
        sched_make_ready(thread);
        return;
    }
    if (cpu->candidate != NULL)
        demote_candidate(cpu);
    if (thread->cpu != cpu->number)
        sched_entity_rebase(&thread->sched, read_hint(&cpu_sched_at[thread->cpu]->queue.floor_ns),
                            cpu->queue.floor_ns);
    thread->cpu = cpu->number;
    thread->state = THREAD_RUNNING;
    cpu->candidate = thread;
    cpu->wants_leave = true;
}

bool sched_take_ready(struct thread *thread)
{
    spinlock_assert_held(&thread->lock);
    for (;;) {
        /* The thread may be on its way from one queue to another; what is read under the lock of the CPU that
         * it names holds. */
        struct cpu_sched *cpu = cpu_sched_at[__atomic_load_n(&thread->cpu, __ATOMIC_RELAXED)];
        spinlock_acquire(&cpu->lock);
        bool here = thread->cpu == cpu->number, ready = here && thread->sched.queued;
        if (ready) {
            fair_queue_remove(&cpu->queue, &thread->sched);
            contention_ended_locked(cpu);
        }
        spinlock_release(&cpu->lock);
        if (here)
            return ready;
    }
}

void sched_wait_off_cpu(const struct thread *thread)
{
    while (__atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE))
        arch_relax();
}

/* ---- The timer. */

bool sched_should_yield(void)
{
    struct cpu_sched *cpu = this_sched();
    if (read_hint32(&cpu->queue.count) == 0)
        return false;
    if (clock_now_ns() >= cpu->slice_end_ns)
        return true;
    spinlock_acquire(&cpu->lock);
    bool urgent = fair_queue_preempts(&cpu->queue, &cpu->current->sched);
    spinlock_release(&cpu->lock);
    return urgent;
}

static uint64_t slice_deadline_ns(const struct cpu_sched *cpu)
{
    uint64_t now_ns = clock_now_ns();
    if (cpu->preempt)
        return now_ns + SCHED_PREEMPT_NS;
    return cpu->slice_end_ns > now_ns ? cpu->slice_end_ns : now_ns + SCHED_OVERDUE_NS;
}

void sched_program_timer(void)
{
    struct cpu_sched *cpu = this_sched();
    uint64_t deadline_ns = timer_queue_next_ns();
    if (cpu->current != NULL && read_hint32(&cpu->queue.count) != 0) {
        uint64_t slice_ns = slice_deadline_ns(cpu);
        deadline_ns = slice_ns < deadline_ns ? slice_ns : deadline_ns;
    }
    if (cpu->current != NULL &&
        cpu->current->stopping) { /* its kick came in the middle of a long operation */
        uint64_t soon_ns = clock_now_ns() + SCHED_OVERDUE_NS;
        deadline_ns = soon_ns < deadline_ns ? soon_ns : deadline_ns;
    }
    cpu->timer_stale = false;
    arch_timer_set(deadline_ns);
}

void sched_timer_changed(void)
{
    struct cpu_sched *cpu = this_sched();
    if (cpu->current != NULL && cpu->current->state == THREAD_RUNNING)
        sched_program_timer();
    else
        cpu->timer_stale = true;
}

/* ---- Running. */

/* Saves the registers of the thread that ran last, so that another CPU may have them. */
static void put_down(struct cpu_sched *cpu)
{
    struct thread *thread = cpu->loaded;
    if (thread == NULL)
        return;
    cpu->loaded = NULL;
    arch_context_save();
    __atomic_store_n(&thread->on_cpu, false, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) void load_after(struct cpu_sched *cpu, struct thread *previous,
                                                             struct thread *next)
{
    __atomic_store_n(&next->on_cpu, true, __ATOMIC_RELAXED);
    cpu->loaded = next;
    arch_context_switch((struct user_context *)previous, &next->context, /* its first member */
                        aspace_page_table(next->process->aspace),
                        aspace_resident_cpus(next->process->aspace));
    if (__builtin_expect(previous != NULL, 1))
        __atomic_store_n(&previous->on_cpu, false, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) void load(struct cpu_sched *cpu, struct thread *next)
{
    load_after(cpu, cpu->loaded, next);
}

/* A thread that was to be stopped was chosen. It has nothing on this CPU. */
static void retire(struct thread *thread)
{
    spinlock_acquire(&thread->lock);
    thread->state = THREAD_DEAD;
    spinlock_release(&thread->lock);
    thread_dead(thread);
    process_halt_if_last();
}

static _Noreturn void enter(struct cpu_sched *cpu, struct thread *next);

/* The other CPU is between choosing its next thread and having saved this one. Ours is saved first: two CPUs
 * that want each other's do not wait for each other. */
static SCHED_RARE _Noreturn void enter_when_off_cpu(struct cpu_sched *cpu, struct thread *next)
{
    put_down(cpu);
    sched_wait_off_cpu(next);
    enter(cpu, next);
}

static SCHED_RARE _Noreturn void enter_user_with_timer(struct thread *next)
{
    trace_runs(next);
    if (this_sched()->timer_stale)
        sched_program_timer();
    arch_enter_user();
}

/* The thread was chosen, and is not in the queue of the CPU that it is on; it is not the one that is loaded.
 * There is one copy of this, so that the change of context is a part of it, and what is rare does not come
 * back here, so that nothing is kept over a call. */
static __attribute__((noinline)) _Noreturn void enter(struct cpu_sched *cpu, struct thread *next)
{
    cpu->current = next;
    if (__builtin_expect(__atomic_load_n(&next->on_cpu, __ATOMIC_ACQUIRE), 0))
        enter_when_off_cpu(cpu, next);
    load(cpu, next);
    spinlock_assert_none_held();
    if (__builtin_expect(cpu->timer_stale, 0) || trace_wanted(next))
        enter_user_with_timer(next);
    arch_enter_user();
}

/* The thread's time began. */
static _Noreturn void start(struct cpu_sched *cpu, struct thread *next)
{
    cpu->preempt = false;
    cpu->timer_stale = true;
    __atomic_store_n(&cpu->running_weight, next->sched.weight, __ATOMIC_RELAXED);
    if (next != cpu->loaded)
        enter(cpu, next);
    cpu->current = next;
    enter_user_with_timer(next);
}

/* The current thread's time slice goes on with another thread: no queue, no timer unless events changed. */
static inline __attribute__((always_inline)) _Noreturn void start_candidate(struct cpu_sched *cpu,
                                                                            struct thread *next)
{
    struct thread *thread = cpu->current;
    if (thread == NULL)
        __builtin_unreachable();
    charge_now(cpu, thread);
    enter(cpu, next);
}

bool sched_may_switch_to(const struct thread *thread)
{
    const struct cpu_sched *cpu = this_sched();
    /* Waiting in a system call, it has run before, on the CPU that it names. */
    return cpu->candidate == NULL && thread->cpu == cpu->number && may_run_on(thread, cpu->number);
}

static SCHED_RARE _Noreturn void hand_over_as_candidate(struct thread *thread)
{
    struct cpu_sched *cpu = this_sched();
    demote_candidate(cpu);
    thread->context.frame.rax = 1;
    cpu->candidate = thread;
    sched_next();
}

/* A part of the system call that it is the end of, as enter is of the rest: the same steps, but those that
 * are known to be nothing. */
INLINE_ACROSS_FILES void sched_hand_over(struct thread *thread, struct thread *next)
{
    struct cpu_sched *cpu = this_sched();
    if (__builtin_expect(cpu->due != 0, 0)) /* it may have come with the last reference to something */
        hand_over_as_candidate(next);
    if (thread == NULL)
        __builtin_unreachable();
    charge_now(cpu, thread);
    cpu->current = next;
    load_after(cpu, thread, next);
    spinlock_assert_none_held();
    arch_return_to_waiting(&next->context, 1);
}

/* The first in the queue, after `requeued`, the running thread, if not null, was put there. */
static struct thread *pick(struct cpu_sched *cpu, struct thread *requeued)
{
    uint64_t now_ns = clock_now_ns();
    charge(cpu);
    spinlock_acquire(&cpu->lock);
    raise_floor_locked(cpu);
    cpu->current = NULL;
    if (requeued != NULL)
        add_locked(cpu, requeued);
    struct sched_entity *first = fair_queue_first(&cpu->queue);
    struct thread *next = first == NULL ? NULL : choose_locked(cpu, first);
    if (next != NULL)
        cpu->slice_end_ns = now_ns + fair_queue_slice_ns(&cpu->queue, &next->sched);
    spinlock_release(&cpu->lock);
    return next;
}

/* ---- Several CPUs. */

static bool is_alone(void)
{
    uint64_t online = sched_cpus();
    return (online & (online - 1)) == 0;
}

/* A thread of `from` that may run on CPU `to` and weighs less than `limit`, taken out of its queue and chosen
 * by this CPU. */
static struct thread *take_from(struct cpu_sched *from, uint32_t to, uint64_t limit)
{
    struct thread *taken = NULL;
    spinlock_acquire(&from->lock);
    struct sched_entity *entity = fair_queue_first(&from->queue);
    for (int looks = 0; entity != NULL && looks < STEAL_LOOKS_MAX && taken == NULL; looks++) {
        if (may_run_on(thread_of(entity), to) && entity->weight < limit)
            taken = choose_locked(from, entity);
        else
            entity = fair_queue_after(entity);
    }
    spinlock_release(&from->lock);
    return taken;
}

/* For an idle CPU: from the queue where most wait, else any. */
static struct thread *steal(struct cpu_sched *cpu)
{
    uint64_t left = sched_cpus() & ~bit_of(cpu->number);
    while (left != 0) {
        struct cpu_sched *busiest = NULL;
        for (uint64_t others = left; others != 0; others &= others - 1) {
            struct cpu_sched *other = cpu_sched_at[__builtin_ctzll(others)];
            if (busiest == NULL || read_hint(&other->queue.weight) > read_hint(&busiest->queue.weight))
                busiest = other;
        }
        if (read_hint(&busiest->queue.weight) == 0)
            return NULL;
        struct thread *thread = take_from(busiest, cpu->number, UINT64_MAX);
        if (thread != NULL) {
            cpu->slice_end_ns = clock_now_ns() + fair_queue_slice_ns(&cpu->queue, &thread->sched);
            return thread;
        }
        left &= ~bit_of(busiest->number); /* none of those there may run here */
    }
    return NULL;
}

/* Gives one waiting thread to the CPU with least to do, if that makes the two more alike. Those who have too
 * much do this: they have a timer that runs, which one who is alone has not. */
static void balance(struct cpu_sched *cpu)
{
    uint64_t now_ns = clock_now_ns();
    if (is_alone() || read_hint32(&cpu->queue.count) == 0 || now_ns - cpu->balanced_ns < SCHED_BALANCE_NS)
        return;
    cpu->balanced_ns = now_ns;
    struct cpu_sched *other = least_loaded(sched_cpus() & ~bit_of(cpu->number));
    uint64_t mine = load_of(cpu), theirs = load_of(other);
    if (mine <= theirs)
        return;
    struct thread *thread = take_from(cpu, other->number, mine - theirs);
    if (thread == NULL)
        return;
    enqueue(other, thread);
}

/* ---- Idle. */

/* False: something came in the meantime. */
static bool become_idle(struct cpu_sched *cpu)
{
    put_down(cpu);
    spinlock_acquire(&cpu->lock);
    bool idle = cpu->queue.count == 0;
    if (idle) {
        __atomic_fetch_or(&online_cpus, bit_of(cpu->number), __ATOMIC_RELAXED);
        __atomic_fetch_or(&idle_cpus, bit_of(cpu->number), __ATOMIC_RELAXED);
        cpu->idle = true;
    }
    spinlock_release(&cpu->lock);
    return idle;
}

static void stop_idling(struct cpu_sched *cpu)
{
    if (!cpu->idle)
        return;
    cpu->idle = false;
    __atomic_fetch_and(&idle_cpus, ~bit_of(cpu->number), __ATOMIC_RELAXED);
}

static void idle(struct cpu_sched *cpu)
{
    __atomic_store_n(&cpu->running_weight, 0, __ATOMIC_RELAXED);
    if ((cpu->number != 0 || !is_alone()) && !become_idle(cpu))
        return;
    spinlock_assert_none_held();
    sched_program_timer();
    arch_idle();
}

/* ---- Leaving the kernel. */

/* Another thread runs; `requeued`, the running one, waits first if it is not null. */
static _Noreturn void run_next(struct cpu_sched *cpu, struct thread *requeued)
{
    for (;;) {
        struct thread *next = pick(cpu, requeued);
        requeued = NULL;
        if (next == NULL && !is_alone())
            next = steal(cpu);
        if (next == NULL) {
            idle(cpu);
        } else if (next->stopping) {
            put_down(cpu);
            retire(next);
        } else {
            start(cpu, next);
        }
    }
}

void sched_forget_current(void)
{
    struct cpu_sched *cpu = this_sched();
    charge(cpu);
    cpu->current = NULL;
    put_down(cpu);
}

void sched_next(void)
{
    struct cpu_sched *cpu = this_sched();
    struct thread *next = cpu->candidate;
    cpu->wants_leave = false;
    if (next != NULL) {
        cpu->candidate = NULL;
        if (!next->stopping && cpu->current != NULL)
            start_candidate(cpu, next);
        enqueue(cpu, next);
    }
    stop_idling(cpu);
    run_next(cpu, NULL);
}

/* The running thread waits, in the queue of a CPU where it may run, or ends. */
static _Noreturn void give_way(struct cpu_sched *cpu, struct thread *thread)
{
    if (thread->stopping)
        thread_stop_current();
    trace_preempted(thread);
    if (may_run_on(thread, cpu->number))
        run_next(cpu, thread);
    charge(cpu);
    cpu->current = NULL;
    enqueue(place(thread), thread);
    run_next(cpu, NULL);
}

void sched_resume(void)
{
    struct cpu_sched *cpu = this_sched();
    struct thread *thread = cpu->current;
    if (thread == NULL || thread->state != THREAD_RUNNING)
        sched_next();
    balance(cpu);
    if (thread->stopping || !may_run_on(thread, cpu->number) || sched_should_yield())
        give_way(cpu, thread);
    cpu->preempt = false;
    sched_program_timer();
    spinlock_assert_none_held();
    arch_enter_user();
}

void sched_yield(void)
{
    struct cpu_sched *cpu = this_sched();
    spinlock_acquire(&cpu->lock);
    const struct sched_entity *first = fair_queue_first(&cpu->queue);
    struct sched_entity *mine = &cpu->current->sched;
    if (first != NULL && sched_before(mine->virtual_ns, first->virtual_ns))
        mine->virtual_ns = first->virtual_ns; /* or it would be the first again */
    spinlock_release(&cpu->lock);
    if (first == NULL)
        return;
    cpu->slice_end_ns = 0;
    arch_cpu_kick(cpu->number); /* a plain call passes no scheduler on its way out */
}

bool sched_has_left_work(void)
{
    return this_sched()->wants_leave;
}

int64_t sched_leave(struct thread *thread, int64_t value)
{
    struct cpu_sched *cpu = this_sched();
    cpu->wants_leave = false;
    demote_candidate(cpu);
    if (thread->stopping || !may_run_on(thread, cpu->number) || sched_should_yield()) {
        thread->context.frame.rax = (uint64_t)value;
        give_way(cpu, thread);
    }
    cpu->preempt = false;
    return value;
}

/* ---- SchedulingPolicy. */

void sched_set_weight(struct thread *thread, uint32_t weight)
{
    for (;;) {
        struct cpu_sched *cpu = cpu_sched_at[__atomic_load_n(&thread->cpu, __ATOMIC_RELAXED)];
        spinlock_acquire(&cpu->lock);
        bool here = thread->cpu == cpu->number;
        if (here) /* a CPU that runs it may charge once with the old weight */
            fair_queue_set_weight(&cpu->queue, &thread->sched, weight);
        spinlock_release(&cpu->lock);
        if (here)
            return;
    }
}

void sched_set_class(struct thread *thread, enum sched_class latency)
{
    __atomic_store_n(&thread->sched.latency, latency, __ATOMIC_RELAXED);
}

/* Takes the thread out of the queue that it waits in, if it does, chosen by this CPU. */
static bool take_waiting(struct thread *thread)
{
    struct cpu_sched *cpu = cpu_sched_at[__atomic_load_n(&thread->cpu, __ATOMIC_RELAXED)];
    spinlock_acquire(&cpu->lock);
    bool waits = thread->cpu == cpu->number && thread->sched.queued;
    if (waits)
        choose_locked(cpu, &thread->sched);
    spinlock_release(&cpu->lock);
    return waits;
}

void sched_set_affinity(struct thread *thread, uint64_t cpus)
{
    __atomic_store_n(&thread->sched.affinity, cpus, __ATOMIC_SEQ_CST);
    uint32_t number = __atomic_load_n(&thread->cpu, __ATOMIC_SEQ_CST);
    if ((cpus & bit_of(number)) != 0)
        return;
    struct cpu_sched *mine = this_sched();
    if (thread == mine->current)
        mine->wants_leave = true; /* moves on the way out: sched_leave */
    else if (take_waiting(thread))
        enqueue(place(thread), thread);
    else
        arch_cpu_kick(number); /* if it runs there, it is moved there */
}
