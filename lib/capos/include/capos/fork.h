/*
 * A copy of this process. docs/processes.md.
 */
#pragma once
#include <capos/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes a process that is a copy of the calling one, with the calling thread alone. Its memory is a copy
 * (pages are shared until either side writes; mapped MemoryObjects stay shared). It holds what may be copied
 * of what this one holds, under the same ids, and its own VirtualMemory, ThreadSpawner and so on in place of
 * this one's: so the CapSet is right but for what cannot be copied, whose ids are stale (ProcessHandles and
 * ThreadHandles among them).
 *
 * `budget` is carved out of this process' own; null: a quarter of what it has left. It must cover the copy as
 * if nothing were shared.
 *
 * Returns the copy's process id and stores a handle to it in *child; in the copy it returns 0 and stores a
 * null handle. Negative: CAPOS_ERR_EXCEPTION (overloaded: the budget does not fit), CAPOS_ERR_NO_MEMORY,
 * _NO_SLOTS (the copy does not fit the budget), or what any call may answer; there is no copy.
 *
 * In the copy:
 *   - the heap and libcapos' own structures are whole, whatever other threads were doing: their locks are
 * taken over the fork. Locks of the program itself that another thread held stay held for ever, as POSIX has
 * it: a program with threads should not need them between a fork and replaceSelf or its end.
 *   - calls that were started and not done never get done: cap_pending_wait answers CAPOS_ERR_RING_CORRUPT.
 *   - other threads do not exist: joining one is CAPOS_ERR_NOT_FOUND. Their stacks and what is on them stay.
 * Blocks as long as the copying takes. Not from within a served call.
 */
int64_t capos_fork(cap_process_spawner spawner, const struct cap_budget *budget, cap_process_handle *child);

#ifdef __cplusplus
}
#endif
