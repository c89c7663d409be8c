/*
 * Spinlocks and the lock order.
 *
 * The kernel runs with interrupts disabled except in the idle loop and at explicit preemption points, where
 * no lock is held: so a lock needs no interrupt-saving variant, and a holder is never interrupted. Every hold
 * is bounded. Locks are not fair, on purpose: whoever runs and finds a lock free has it. In a virtual machine
 * a CPU that waits may not be running at that moment, and a queue would have everybody else wait for it
 * (docs/concurrency.md).
 *
 * A CPU may only take a lock whose class number is greater than that of every lock it holds (LOCK_PARK: or
 * the same). Debug builds
 * (CAPOS_DEBUG) keep the held classes per CPU and panic at the first violation, at release by a non-holder,
 * and on leaving the kernel with a lock held.
 */
#pragma once
#include "core/types.h"

enum lock_class {
    LOCK_PROCESS_TABLE = 1, /* list of processes, ids */
    LOCK_PROCESS = 2,       /* one process: threads, exit state, waiters */
    LOCK_CAPTABLE = 3,      /* one capability table */
    LOCK_OBJECT = 4,        /* one kernel object's own state */
    LOCK_PARK = 5,          /* one bucket of parked threads; two in the order of their addresses */
    LOCK_ASPACE = 6,        /* one address space: regions and page tables */
    LOCK_MEMOBJ = 7,        /* one memory object's page list */
    LOCK_PENDING = 8,       /* one thread's operations in flight and its CQ */
    LOCK_TIMER = 9,         /* one CPU's timer queue */
    LOCK_RUNQUEUE = 10,     /* one CPU's run queue */
    LOCK_LEDGER = 11,       /* one ledger; a child before its parent, see ledger.c */
    LOCK_HEAP = 12,         /* the kernel heap */
    LOCK_FRAME = 13,        /* the frame allocator */
    LOCK_ENTROPY = 14,      /* the random generator */
    LOCK_LOG = 15,          /* the log ring */
    LOCK_SERIAL = 16,       /* one serial port */
    LOCK_TRACE = 17,        /* one process' trace */
};

struct spinlock {
    uint32_t taken;        /* 0: free */
    uint32_t class_number; /* enum lock_class */
    uint32_t holder_cpu;   /* debug builds: CPU number + 1, 0 = free */
};

#define SPINLOCK_INIT(lock_class_value) \
    {                                   \
        0, (lock_class_value), 0        \
    }

/* False: there is one CPU, and nobody to wait for. True from before a second one is started, when no lock is
 * held. What is a single step without locks may go without them then; debug builds always take them. */
extern bool spinlock_several_cpus;
#ifdef CAPOS_DEBUG
#define spinlock_needed() true
#else
#define spinlock_needed() __builtin_expect(spinlock_several_cpus, 0)
#endif

void spinlock_init(struct spinlock *lock, enum lock_class class_number);
/* Takes a lock that was found taken. */
void spinlock_wait(struct spinlock *lock);
#if defined(CAPOS_DEBUG) || defined(CAPOS_HOST_TEST)
void spinlock_acquire(struct spinlock *lock);
void spinlock_release(struct spinlock *lock);
#else
static inline void spinlock_acquire(struct spinlock *lock)
{
    if (__builtin_expect(__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0, 0))
        spinlock_wait(lock);
}

static inline void spinlock_release(struct spinlock *lock)
{
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}
#endif
/* Panics in debug builds if the calling CPU does not hold the lock. */
void spinlock_assert_held(const struct spinlock *lock);
/* Panics in debug builds if the calling CPU holds any lock. */
void spinlock_assert_none_held(void);
