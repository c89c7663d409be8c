/*
 * The scheduler: per-CPU run queues, round robin with a time slice. Preemptive: a slice's end and every
 * wake-up are seen when the kernel is left. Lock: LOCK_RUNQUEUE.
 */
#pragma once
#include "core/thread.h"

enum { SCHED_SLICE_NS = 10000000, SCHED_OVERDUE_NS = 1000000 };

void sched_init(void);
/* From any thread's context, with thread->lock held; the thread is BLOCKED or new and in no queue. */
void sched_make_ready(struct thread *thread);
/* Takes a READY thread out of its run queue; the caller holds thread->lock. False: a CPU has chosen it
 * already and runs it next: that is thread->cpu, which looks at thread->stopping when it gets a kick. */
CHECKED bool sched_take_ready(struct thread *thread);
/* The running thread's slice ends when the kernel is left, if another thread is ready. */
void sched_yield(void);
/* The running thread goes on, unless its slice is over and another waits. */
_Noreturn void sched_resume(void);
/* The running thread stays as it is marked (BLOCKED, DEAD); another runs. */
_Noreturn void sched_next(void);
/* Tells the scheduler that the running thread is gone; then sched_next. */
void sched_forget_current(void);
/* True when the slice of the running thread is over and another is ready. */
bool sched_should_yield(void);
/* Programs this CPU's timer for the next event or slice end. A slice that is over already can only be ended
 * when the kernel is left: the timer comes back to it a moment later, and not at once again and again. */
void sched_program_timer(void);
/* There is a new event or a new ready thread. Programs the timer if the running thread may go on without
 * passing the scheduler, which would: a system call that does not wait returns straight to it. */
void sched_timer_changed(void);
