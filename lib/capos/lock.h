/*
 * A lock for libcapos' own short critical sections. Not recursive. Without contention one atomic instruction
 * each way; who finds it held spins a little, then lets others run.
 */
#pragma once
#include "internal.h"

struct lock {
    uint32_t held;
};

HIDDEN void lock_contended(struct lock *lock);

static inline void lock_acquire(struct lock *lock)
{
    if (__builtin_expect(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0, 0))
        lock_contended(lock);
}

static inline void lock_release(struct lock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
