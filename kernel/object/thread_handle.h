/*
 * ThreadHandle: a thread as those see it that wait for it. It outlives the thread and keeps what it left; it
 * is of no use in another process and cannot be passed to one. Lock: LOCK_OBJECT.
 */
#pragma once
#include "object/object.h"

struct thread;
struct thread_handle;

/* For a thread that was just made and is not started; thread->handle gets a reference of its own, the caller
 * has one in *out. Charged to the thread's process. NO_MEMORY. */
CHECKED status_t thread_handle_create(struct thread *thread, struct object **out);
/* The thread is DEAD, or was never started: answers all who wait with thread->exit_value, drops
 * thread->handle. No lock held. */
void thread_handle_ended(struct thread *thread);
/* Calls `use` with the thread behind a capability of this process, which cannot go away meanwhile (the
 * handle's lock is held). NOT_FOUND: it has ended. BAD_CAP: it is no ThreadHandle, or of another process.
 * REVOKED. */
CHECKED status_t thread_handle_use(struct capability capability, const struct process *process,
                                   void (*use)(struct thread *thread, void *argument), void *argument);
/* As thread_interrupt, for the thread behind a capability of this process: false if it has ended. BAD_CAP: it
 * is no ThreadHandle, or of another process. REVOKED. */
CHECKED status_t thread_handle_interrupt(struct capability capability, const struct process *process,
                                         bool *was_waiting);
