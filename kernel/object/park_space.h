/*
 * Waiting on words of memory: the ring operations PARK and UNPARK. docs/park.md.
 */
#pragma once
#include "core/call.h"

/* The entry is in kcall->sqe, the running thread in kcall->thread. What to answer, or CAP_CALL_PENDING. */
int32_t park_wait(struct kcall *kcall);
int32_t park_wake(struct kcall *kcall);
