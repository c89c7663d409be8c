/* A caller for calls of kernel objects in host tests. */
#pragma once
#include "core/call.h"

extern struct aspace *fake_call_aspace;
extern struct ledger *fake_call_ledger;
/* Who calls; a process that process_borrow finds if it has an address space. */
extern struct process fake_process;
extern struct process *fake_caller;
/* What kcall_return_capability answers; the last capability returned, which the test then owns. */
extern status_t fake_return_status;
extern struct capability fake_returned;
