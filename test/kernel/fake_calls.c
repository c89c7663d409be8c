/* The part of the call machinery that the memory objects use: whose call it is, and result capabilities. */
#include "fake_calls.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "mm/ledger.h"

struct aspace *fake_call_aspace;
struct ledger *fake_call_ledger;
struct process fake_process, *fake_caller;
status_t fake_return_status;
struct capability fake_returned;

struct aspace *kcall_aspace(const struct cap_call *call)
{
    (void)call;
    return fake_call_aspace;
}

struct process *kcall_process(const struct cap_call *call)
{
    (void)call;
    return fake_caller;
}

bool process_borrow(struct process *process, struct ledger **ledger, struct aspace **aspace)
{
    if (process->aspace == NULL)
        return false;
    *ledger = process->ledger;
    *aspace = process->aspace;
    ledger_get(*ledger);
    aspace_get(*aspace);
    return true;
}

status_t kcall_mapping_token(const struct cap_call *call, struct mapping_token **out)
{
    (void)call;
    *out = NULL;
    return CAPOS_OK;
}

struct ledger *kcall_ledger(const struct cap_call *call)
{
    (void)call;
    return fake_call_ledger;
}

status_t kcall_return_capability(struct cap_call *call, struct capability capability, uint32_t *out_id)
{
    (void)call;
    if (fake_return_status != CAPOS_OK) {
        object_put(capability.object);
        return fake_return_status;
    }
    fake_returned = capability;
    *out_id = 1;
    return CAPOS_OK;
}
