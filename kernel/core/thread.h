/*
 * Threads: a saved user context, a ring, and the operations in flight on it.
 *
 * A thread is RUNNING on one CPU, READY in one run queue, BLOCKED in cap_enter until enough completions are
 * there or its time is up, or DEAD. Wake-ups cannot be lost: who posts a completion and who decides to block
 * both hold `lock`.
 */
#pragma once
#include "arch/arch.h"
#include "arch/cpu.h"
#include "core/lock.h"
#include "core/sched_queue.h"
#include "core/timer_queue.h"
#include "core/types.h"
#include <base/list.h>
#include <capos/ring.h>

struct process;
struct memory_object;

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

/* The kernel's own view of a ring. The shared page is only written, and read with suspicion. */
struct ring {
    struct capos_ring_header *page; /* the kernel's mapping of the shared page */
    struct capos_sqe *sq;
    struct capos_cqe *cq;
    uint32_t sq_head;
    uint32_t cq_tail;
    uint32_t in_flight; /* accepted operations that will still post a completion */
};

struct thread {
    struct user_context context; /* first: arch finds it by the thread's address */
    struct process *process;     /* referenced */
    uint32_t number;             /* within the process, from 1 */
    uaddr_t ring_address;        /* in user space */
    struct memory_object *ring_memory;

    /* lock (LOCK_PENDING) protects: */
    struct spinlock lock;
    struct ring ring;
    struct list pending; /* struct pending.in_thread */
    uint32_t wait_min;   /* BLOCKED: completions it waits for */
    enum thread_state state; /* and the run queue's lock: sched.h */
    bool stopping;           /* is to become DEAD as soon as it would run or run on */

    bool on_cpu;                /* atomic; sched.h */
    uint32_t cpu;               /* READY: whose queue; RUNNING: where; else: where it was. sched.h */
    struct sched_entity sched;  /* the run queue's lock */
    struct timer_event wait_timer;
    struct list_node in_process; /* the process' lock */
};

/* Makes a blocked thread of `process` with its ring mapped at ring_address; not yet ready to run. Charged to
 * the process. NO_MEMORY, QUOTA. The caller sets up the context and calls sched_make_ready, or
 * thread_destroy. */
CHECKED status_t thread_create(struct process *process, uaddr_t ring_address, struct thread **out);
/* Cancels its operations without completions and frees it. It runs nowhere and is in no queue. */
void thread_destroy(struct thread *thread);

/* Waits until min_complete completions are available or the time is up: never longer than what is in flight
 * can take to complete. Returns how many there are, or runs another thread; then cap_enter returns that
 * number later. */
int64_t thread_wait_completions(struct thread *thread, uint32_t min_complete, uint64_t timeout_ns);
/* BLOCKED to READY with cap_enter's return value; the caller holds thread->lock. */
void thread_wake_locked(struct thread *thread, uint32_t available);

/* A thread became DEAD: called once, by whoever made it that, with no lock held and nothing of it on any CPU. */
void thread_dead(struct thread *thread);

/* The thread running on this CPU; null in the idle loop and at boot. */
#ifndef CAPOS_HOST_TEST
static inline struct thread *thread_current(void)
{
    return (struct thread *)(void *)arch_current_context(); /* its first member */
}
#else
struct thread *thread_current(void);
#endif
