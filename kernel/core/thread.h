/*
 * Threads: a saved user context, a ring, and the operations in flight on it.
 *
 * A thread is RUNNING on one CPU, READY in one run queue, BLOCKED in cap_enter until enough completions are
 * there or its time is up, or DEAD. Wake-ups cannot be lost: who posts a completion and who decides to block
 * both hold `lock`.
 *
 * The end of a thread: thread_stop, from anywhere, makes it DEAD if it is BLOCKED or READY; one that runs is
 * marked `stopping` and becomes DEAD on its own CPU (thread_stop_current) when it leaves the kernel, blocks
 * or is interrupted: an operation that it is in the middle of is finished first. Whoever made it DEAD, which
 * happens once, calls thread_dead. docs/threads.md.
 */
#pragma once
#include "arch/arch.h"
#include "arch/cpu.h"
#include "core/lock.h"
#include "core/pending.h"
#include "core/sched_queue.h"
#include "core/timer_queue.h"
#include "core/types.h"
#include <base/list.h>
#include <capos/ring.h>

struct process;
struct aspace;
struct ledger;
struct memory_object;
struct thread_handle;

/* IN_CALL and IN_RECEIVE: BLOCKED, for one completion of own_pending[0], which is in flight although nothing
 * else says so yet; thread_settle_locked. */
enum thread_state {
    THREAD_READY,
    THREAD_RUNNING,
    THREAD_BLOCKED,
    THREAD_DEAD,
    THREAD_IN_CALL,
    THREAD_IN_RECEIVE,
};

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
    struct user_context context;  /* first: arch finds it by the thread's address */
    struct process *process;      /* referenced */
    struct thread_handle *handle; /* referenced; null: the first thread, nobody can wait for it */
    uint32_t number;              /* within the process, from 1 */
    uaddr_t ring_address;         /* in user space */
    struct memory_object *ring_memory;

    /* lock (LOCK_PENDING) protects: */
    struct spinlock lock;
    struct ring ring;
    struct list pending; /* struct pending.in_thread */
    struct list held; /* struct pending.in_object: entries that wait for the answer to another, pipeline.h */
    uint32_t held_answered; /* of them, those that have it */
    struct pending *spare_pending;
    union {
        struct {
            uint32_t pending_out; /* records that are not back: in flight, or somebody has a reference */
            bool stopping;    /* written under the lock, read by its own CPU without it: is to become DEAD */
            bool interrupted; /* the next wait returns INTERRUPTED */
            bool traced;      /* read without; the process' lock: its process has a trace, trace.h */
            bool timed;       /* its own: wait_timer has been started and not been looked after */
        };
        uint64_t hindrances; /* all of these: 0 when the fast way is open */
    };
    enum thread_state state; /* and the run queue's lock: sched.h */
    uint32_t wait_min;       /* BLOCKED: completions it waits for */
    struct ipc_fast fast;
    bool replacing;            /* its own: launch_replacement_begin is due */
    bool on_cpu;               /* atomic; sched.h */
    uint32_t cpu;              /* READY: whose queue; RUNNING: where; else: where it was. sched.h */
    struct sched_entity sched; /* the run queue's lock */

    struct timer_event wait_timer;
    struct list_node in_process; /* the process' lock */
    struct thread *next; /* among a process' spare threads (its lock), or among those that one call stopped */
    uint64_t exit_value;
    struct pending own_pending[PENDING_PER_THREAD];
};

_Static_assert(offsetof(struct thread, hindrances) + 7 == offsetof(struct thread, timed), "one word");

/* Who wants to know what a thread has in flight, or to end its wait, first makes it BLOCKED like any other;
 * with its lock held. In ipc_fast.c. */
void ipc_settle_thread_locked(struct thread *thread);
static inline void thread_settle_locked(struct thread *thread)
{
    if (__builtin_expect(thread->state > THREAD_DEAD, 0))
        ipc_settle_thread_locked(thread);
}

/* A page for a ring. */
struct ring_memory {
    struct memory_object *object; /* one reference */
    uaddr_t address;
    void *page;
};
/* Makes one and maps it (address 0: anywhere). NO_MEMORY, QUOTA, BAD_ADDRESS. */
CHECKED status_t ring_memory_map(struct ledger *ledger, struct aspace *aspace, uaddr_t address,
                                 struct ring_memory *out);
/* The running thread has this new ring instead of its own; nothing is in flight. Takes the reference. */
void thread_replace_ring(struct thread *thread, const struct ring_memory *memory);
/* Makes a thread of `process`, unknown to it yet, with its ring mapped at ring_address (0: the kernel
 * chooses, close to what the process has). Charged to the process; threads that ended may be used again.
 * NO_MEMORY, QUOTA. The caller sets up the context, then calls thread_start or thread_abandon. */
CHECKED status_t thread_create(struct process *process, uaddr_t ring_address, struct thread **out);
/* The same with a copy of the running thread, of another process: its registers, its ring at the same address
 * (ring_copy; unmapped: thread->ring_memory is for the copy of the address space), its place among the
 * scheduled. The caller says what its system call returns. */
CHECKED status_t thread_copy(struct process *process, struct thread *current, struct thread **out);
/* It belongs to the process now and is ready to run. NOT_FOUND: the process is ending; the caller still has
 * the thread. */
CHECKED status_t thread_start(struct thread *thread);
/* The same, but it is BLOCKED until thread_resume (or thread_stop). Whoever resumes sees to it that the
 * thread is not freed. */
CHECKED status_t thread_start_paused(struct thread *thread);
void thread_resume(struct thread *thread);
/* One that was never started. */
void thread_abandon(struct thread *thread);

/* Makes it DEAD, or has its CPU do so. True: it is DEAD by this call, and the caller calls thread_dead,
 * without locks. The caller sees to it that the thread is not freed (holds the process' lock). */
CHECKED bool thread_stop(struct thread *thread);
/* The running thread becomes DEAD and its CPU runs another. */
_Noreturn void thread_stop_current(void);
/* The thread is DEAD. Drops its operations, answers who waits for it, gives its memory back; the last one of
 * a process ends it. No lock held; passes preemption points. */
void thread_dead(struct thread *thread);
/* Frees the threads that the process keeps for use again. No other thread is left. */
void thread_free_spares(struct process *process);
/* Makes its wait, the present one or else the next, return INTERRUPTED. True: it was waiting. The caller sees
 * to it that the thread is not freed. */
bool thread_interrupt(struct thread *thread);

/* Waits until min_complete completions are available or the time is up: never longer than what is in flight
 * can take to complete. Returns how many there are, or runs another thread; then cap_enter returns that
 * number later. */
/* Also THREAD_WAIT_AGAIN: entries that were held (pipeline.h) may go on first. */
#define THREAD_WAIT_AGAIN INT64_MIN
int64_t thread_wait_completions(struct thread *thread, uint32_t min_complete, uint64_t timeout_ns);
/* BLOCKED to READY with cap_enter's return value; the caller holds thread->lock. `handoff`: see
 * sched_handoff. */
void thread_wake_locked(struct thread *thread, int64_t value, bool handoff);

/* The thread running on this CPU; null in the idle loop and at boot. */
#ifndef CAPOS_HOST_TEST
static inline struct thread *thread_current(void)
{
    return (struct thread *)(void *)arch_current_context(); /* its first member */
}
#else
struct thread *thread_current(void);
#endif
