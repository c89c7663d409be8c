/*
 * Calls between processes: the ring operations RECV and RETURN. docs/ipc.md.
 */
#pragma once
#include "core/call.h"

/* The entry is in kcall->sqe, the running thread in kcall->thread. What to answer, or CAP_CALL_PENDING. */
int32_t ipc_receive(struct kcall *kcall);
int32_t ipc_return(struct kcall *kcall);
