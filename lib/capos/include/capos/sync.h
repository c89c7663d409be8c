/*
 * Threads waiting for each other: words to wait on, and the usual things made of them.
 *
 * Waiting goes through the grant "park" (ParkSpace), or for memory shared between processes "shared-park"
 * (SharedParkSpace), used only when a thread really has to wait or others wait: taking a free mutex costs one
 * instruction and no system call. A process of one thread needs no grant. Without one, waits of several
 * threads become short sleeps, and waits with a deadline are refused.
 *
 * Deadlines are absolute, on the monotonic clock (capos_clock_ns), 0: none. A thread that waits here takes in
 * whatever else completes on its ring meanwhile, as any blocking call does. All objects may be statically
 * initialised with their _INIT, need no destruction, and must not be moved or copied while in use. In memory
 * that several processes map they begin with _SHARED_INIT.
 *
 * docs/park.md says why no wake-up is lost.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Words. `shared`: by its place in a MemoryObject instead of its address. */

#define CAPOS_UNPARK_ALL UINT32_MAX

/*
 * Waits while *word is `expected`: the comparison and the beginning of the wait are one step for
 * capos_unpark. Returns CAPOS_OK when woken (which may have been for somebody else's reasons: look at the
 * word again), or
 *   CAPOS_ERR_WOULD_BLOCK      *word had another value
 *   CAPOS_ERR_TIMEOUT          the deadline has passed
 *   CAPOS_ERR_UNALIGNED        the address is no multiple of 4
 *   CAPOS_ERR_BAD_ADDRESS      nothing readable is mapped there; shared: no MemoryObject is
 *   CAPOS_ERR_NO_CAPABILITY    the grant is missing
 */
int32_t capos_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, bool shared);
/* Wakes up to `count` waiters, longest waiting first. How many there were, or one of the last three errors.
 */
int32_t capos_unpark(const uint32_t *word, uint32_t count, bool shared);
/* Wakes up to `count` and makes up to `move` of the others wait on `to` instead, a word of the same address
 * space or MemoryObject. How many were woken or moved. */
int32_t capos_unpark_move(const uint32_t *word, uint32_t count, const uint32_t *to, uint32_t move,
                          bool shared);
/* capos_unpark(wake, 1) and capos_park(word, expected, 0) in one system call: the way to take turns. The
 * woken thread runs at once on the processor that the caller leaves. Returns what capos_park does. */
int32_t capos_unpark_and_park(const uint32_t *wake, const uint32_t *word, uint32_t expected, bool shared);

/* ---- Mutual exclusion. Not recursive; whoever locked unlocks. */

struct capos_mutex {
    uint32_t state; /* 0: free; 1: locked; 2: locked, and somebody may wait */
    uint32_t shared;
};
#define CAPOS_MUTEX_INIT \
    {                    \
        0, 0             \
    }
#define CAPOS_MUTEX_SHARED_INIT \
    {                           \
        0, 1                    \
    }

void capos_mutex_lock(struct capos_mutex *mutex);
bool capos_mutex_try_lock(struct capos_mutex *mutex);
/* 0, CAPOS_ERR_TIMEOUT, CAPOS_ERR_NO_CAPABILITY. */
int32_t capos_mutex_lock_until(struct capos_mutex *mutex, uint64_t deadline_ns);
void capos_mutex_unlock(struct capos_mutex *mutex);

/* ---- Conditions: always with the same mutex, at the same address in each process that uses it. */

struct capos_cond {
    uint32_t sequence; /* changes with every signal */
    uint32_t waiters;
    struct capos_mutex *mutex; /* of the latest waiter; private conditions only */
    uint32_t shared;
};
#define CAPOS_COND_INIT \
    {                   \
        0, 0, NULL, 0   \
    }
#define CAPOS_COND_SHARED_INIT \
    {                          \
        0, 0, NULL, 1          \
    }

/* Unlocks, waits for a signal, and locks again, whatever it returns: 0 (look whether what you wait for is
 * true), CAPOS_ERR_TIMEOUT, CAPOS_ERR_NO_CAPABILITY. The caller has the mutex locked. */
int32_t capos_cond_wait(struct capos_cond *cond, struct capos_mutex *mutex, uint64_t deadline_ns);
void capos_cond_signal(struct capos_cond *cond);    /* wakes one */
void capos_cond_broadcast(struct capos_cond *cond); /* all, one after the other as they get the mutex */

/* ---- Things done once. */

struct capos_once {
    uint32_t state;
};
#define CAPOS_ONCE_INIT \
    {                   \
        0               \
    }

/* Runs fn if nobody has; returns when it has been run. fn must not call this with the same object. */
void capos_once(struct capos_once *once, void (*fn)(void *argument), void *argument);

/* ---- Semaphores. */

struct capos_semaphore {
    uint32_t count;
    uint32_t waiters;
    uint32_t shared;
};
#define CAPOS_SEMAPHORE_INIT(count) \
    {                               \
        (count), 0, 0               \
    }
#define CAPOS_SEMAPHORE_SHARED_INIT(count) \
    {                                      \
        (count), 0, 1                      \
    }

/* Takes one, waiting for it. 0, CAPOS_ERR_TIMEOUT, CAPOS_ERR_NO_CAPABILITY. */
int32_t capos_semaphore_take(struct capos_semaphore *semaphore, uint64_t deadline_ns);
bool capos_semaphore_try_take(struct capos_semaphore *semaphore);
void capos_semaphore_give(struct capos_semaphore *semaphore);

#ifdef __cplusplus
}
#endif
