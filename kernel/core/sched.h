/*
 * The scheduler: who runs on which CPU, and for how long. docs/scheduling.md.
 *
 * Each CPU has a fair queue (sched_queue.h) under its own lock, LOCK_RUNQUEUE; nobody ever holds two of them.
 * A CPU with nothing to do takes a thread from another's queue; one with too many gives one away. A slice's
 * end and every urgent wake-up are seen when the kernel is left.
 *
 * thread->state changes
 *   BLOCKED to READY, or to RUNNING as a candidate   under thread->lock
 *   RUNNING to BLOCKED                               by its CPU, under thread->lock
 *   READY to RUNNING, RUNNING to READY               by thread->cpu, under its run queue's lock
 * so that one who holds thread->lock sees BLOCKED reliably, and tells READY from RUNNING by
 * sched_take_ready.
 *
 * thread->on_cpu: a CPU has the thread's registers (FPU, FS base) or is loading them. Set by the CPU that
 * starts to run it, cleared by the same once they are saved. Whoever wants the thread's memory or its
 * registers waits for that.
 */
#pragma once
#include "core/thread.h"

enum { SCHED_OVERDUE_NS = 1000000, SCHED_PREEMPT_NS = 50000, SCHED_BALANCE_NS = 10000000 };

void sched_init(void);

/* BLOCKED (or new) to READY, in the queue of a CPU that it picks: the one it ran on if that idles, else any
 * idle one, else the one it ran on. The caller holds thread->lock. */
void sched_make_ready(struct thread *thread);
/* BLOCKED to RUNNING next on this CPU, within the time slice of the current thread, if that blocks before the
 * kernel is left; else it becomes READY as if by sched_make_ready. The caller holds thread->lock and is in a
 * system call of the current thread (elsewhere it is sched_make_ready). There is one candidate: a second one
 * makes the first READY. */
void sched_handoff(struct thread *thread);
/* The two halves of a hand-over without a detour: true if the thread, which is BLOCKED in a system call, may
 * run here next, as sched_handoff would have it; its lock is held, the caller is in a system call too, and
 * the caller makes it RUNNING. Then, no lock held, the running thread being marked BLOCKED, it runs. */
bool sched_may_switch_to(const struct thread *thread);
/* `next` was waiting in a system call for one completion, which has come; `thread` is the running one. */
_Noreturn void sched_hand_over(struct thread *thread, struct thread *next);
/* The caller holds thread->lock, has set thread->stopping, and found the thread READY or RUNNING. True: it
 * was READY, is in no queue now and no CPU will choose it (its registers may still be being saved: on_cpu).
 * False: thread->cpu has chosen it; kicked (arch_cpu_kick), that CPU calls thread_dead for it in its own
 * time. */
CHECKED bool sched_take_ready(struct thread *thread);
/* Waits until no CPU has the registers of a thread that is DEAD. No lock held. */
void sched_wait_off_cpu(const struct thread *thread);

/* The running thread goes on, unless its slice is over and another waits, or it is `stopping`. */
_Noreturn void sched_resume(void);
/* The running thread stays as it is marked (BLOCKED, DEAD); the candidate or another runs. */
_Noreturn void sched_next(void);
/* The running thread's slice ends when the kernel is left, if another thread is ready. */
void sched_yield(void);
/* Tells the scheduler that the running thread is gone, whose registers are saved; then sched_next. Its page
 * table stays loaded: another thread of the process may be next. */
void sched_forget_current(void);
/* True when the running thread should make way for one that is ready. */
bool sched_should_yield(void);

/* A system call that blocked nobody ends with sched_leave if this is true: a candidate waits, or a woken
 * thread is more urgent than the current one. */
bool sched_has_left_work(void);
/* Makes the candidate READY; lets a more urgent thread run. Returns `value` if the current thread goes on;
 * otherwise its cap_enter returns it later. */
int64_t sched_leave(struct thread *thread, int64_t value);

/* Programs this CPU's timer for the next event or slice end. A slice that is over already can only be ended
 * when the kernel is left: the timer comes back to it a moment later, and not at once again and again. */
void sched_program_timer(void);
/* There is a new event or a new ready thread. Programs the timer if the running thread may go on without
 * passing the scheduler, which would: a system call that does not wait returns straight to it. */
void sched_timer_changed(void);

/* Processor time of a thread up to now. Of one that runs on another CPU it may be a moment old. */
uint64_t sched_runtime_ns(const struct thread *thread);

/* What SchedulingPolicy sets; values were checked. A thread that runs where it no longer may is moved at
 * once. From any thread's context, no lock held; the thread cannot go away meanwhile. */
void sched_set_weight(struct thread *thread, uint32_t weight);
void sched_set_class(struct thread *thread, enum sched_class latency);
void sched_set_affinity(struct thread *thread, uint64_t cpus);
/* Bit n: CPU n schedules. */
uint64_t sched_cpus(void);
