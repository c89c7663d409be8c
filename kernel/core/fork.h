/*
 * Forking: a copy of the calling process, with a copy of the calling thread. docs/processes.md.
 */
#pragma once
#include "core/types.h"
#include "mm/ledger.h"

struct thread;

/* Makes a process that is what the running thread's is, but for what is its own: ledger (carved out of the
 * caller's; limits as ledger_create has them), id, the objects about itself, and its one thread. That has the
 * registers and the ring of the running one, in whose system call we are; it will enter the kernel again as
 * if it had not yet. The caller posts the present entry's completion in its ring, then process_start, or
 * fork_abandon. Other threads of the caller may run meanwhile. Passes preemption points. NO_MEMORY, NO_SLOTS,
 * QUOTA, REVOKED: nothing has happened. */
CHECKED status_t fork_current(const uint64_t limits[LEDGER_RESOURCES], struct thread **out);
void fork_abandon(struct thread *thread);
