/*
 * Threads of this process. Each has a stack with a guard page below it, its own thread-local variables and
 * its own ring, so that every function of libcapos may be called from it.
 *
 * Three grants are used, by these names: "threads" (ThreadSpawner), "thread" (ThreadControl) and "memory"
 * (VirtualMemory). When main returns or capos_sys_exit is called, all threads end with the process, wherever
 * they are. A thread that crashes ends the process. When the first thread leaves by capos_thread_exit the
 * process goes on until its last thread ends, and then has exit code 0; nothing of what main's return would
 * have run (destructors) runs then.
 *
 * docs/threads.md tells the whole story.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CAPOS_THREADS_NORETURN [[noreturn]]
#else
#define CAPOS_THREADS_NORETURN _Noreturn
#endif

/* Names a thread within its process, for ever: 1 is the first thread, and no number comes twice. */
typedef uint32_t capos_thread;

#define CAPOS_THREAD_STACK_DEFAULT 65536u
#define CAPOS_THREAD_STACK_MIN     8192u

/* All zero: the defaults. */
struct capos_thread_attr {
    size_t stack_bytes; /* rounded up to pages; 0: CAPOS_THREAD_STACK_DEFAULT */
    bool detached;      /* as if capos_thread_detach were called at once */
};

/*
 * Starts a thread that runs fn(argument) and ends with its result. `attr` may be null. Blocks for kernel
 * entries only; may allocate memory from the kernel (not from the heap). Returns 0, or a negative
 * capos_error, and then there is no thread: CAPOS_ERR_NO_CAPABILITY, _WRONG_INTERFACE   one of the three
 * grants is missing or is something else CAPOS_ERR_TOO_LARGE                         stack_bytes below
 * CAPOS_THREAD_STACK_MIN or beyond any address space CAPOS_ERR_NO_MEMORY, _QUOTA, _NO_SLOTS      the process'
 * budget does not cover stack, ring or handle CAPOS_ERR_EXCEPTION                         the kernel refused,
 * see cap_exception_last(): `overloaded` when the thread budget is used up
 */
int32_t capos_thread_create(const struct capos_thread_attr *attr, uint64_t (*fn)(void *argument),
                            void *argument, capos_thread *out);

/* Waits until the thread has ended, stores what it returned (value may be null) and gives its memory back;
 * each thread is joined once. CAPOS_ERR_NOT_FOUND: no such thread, or it was joined or detached before, or
 * another thread is joining it. CAPOS_ERR_WOULD_BLOCK: the calling thread itself, for ever. */
int32_t capos_thread_join(capos_thread thread, uint64_t *value);

/* Nobody will join it: its memory is given back when a thread is created or joined after it has ended.
 * CAPOS_ERR_NOT_FOUND as above. */
int32_t capos_thread_detach(capos_thread thread);

/* The calling thread. */
capos_thread capos_thread_self(void);

/* Ends the calling thread with this result. Operations it has in flight end without being answered. In a
 * thread other than the first it is the same as returning from fn. */
CAPOS_THREADS_NORETURN void capos_thread_exit(uint64_t value);

/* Makes the thread's wait in capos_sys_cap_enter or cap_pending_wait and its relatives, the present one or
 * else the next, return CAPOS_ERR_INTERRUPTED. Blocking calls are not cut short: they finish, and the wait
 * after them is. Stores whether it was waiting in the kernel (was_waiting may be null). CAPOS_ERR_NOT_FOUND
 * as above; the first thread (1) has no handle and cannot be interrupted: CAPOS_ERR_NOT_FOUND. */
int32_t capos_thread_interrupt(capos_thread thread, bool *was_waiting);

/* Lets other threads that are ready run first. */
void capos_thread_yield(void);

#ifdef __cplusplus
}
#endif
