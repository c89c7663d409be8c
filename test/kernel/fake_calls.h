/* A caller for calls of kernel objects in host tests. */
#pragma once
#include "core/call.h"

extern struct aspace *fake_call_aspace;
extern struct ledger *fake_call_ledger;
/* What kcall_return_capability answers; the last capability returned, which the test then owns. */
extern status_t fake_return_status;
extern struct capability fake_returned;
