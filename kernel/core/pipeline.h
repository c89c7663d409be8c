/*
 * Promise pipelining: a CALL whose target is a result capability of an earlier CALL of the same ring.
 *
 * The answer that it depends on is named by the earlier entry's user_data. If that CALL has completed, its
 * completion is still in the CQ and says where the record of the capability lies; if it is in flight, the
 * dependent entry is held (a struct pending of its own) until that completes, then executed by its thread:
 * cap_enter does so before it waits, and a thread that waits is woken to enter the kernel again. A failed
 * dependency fails what depends on it, alike.
 *
 * All that is read here (entries, completions, records) is the program's own memory. It only says which of
 * the program's own capabilities is called, so nothing needs to be believed.
 */
#pragma once
#include "core/call.h"

/* For an entry with CAPOS_SQE_PIPELINE in kcall->sqe, taken from the place `index` of the SQ. OK: the entry
 * is now an ordinary CALL. CAP_CALL_PENDING: it is held. Negative: its answer. BAD_FLAGS, BAD_CAP: there is
 * no such call or capability. */
int32_t pipeline_target(struct kcall *kcall, uint32_t index);

/* The operation with that user_data has completed: for what is held because of it. The thread's lock is held.
 */
void pipeline_answered_locked(struct thread *thread, uint64_t user_data, uaddr_t result_addr,
                              const struct capos_cqe *cqe);

/* Takes the first entry that is held no longer; its place among the operations in flight ends. OK: *kcall's
 * sqe is the ordinary CALL to execute; negative: what it completes with. False: there is none. The running
 * thread's. */
bool pipeline_next(struct thread *thread, struct kcall *kcall, int32_t *status);
