/*
 * NullCap: a method that does nothing, to measure what a call costs and to test the call path by itself.
 */
#include "core/call.h"
#include "object/kernel_caps.h"
#include <capos/manifest.h>
#include <capos/system_server.h>

static int32_t null_nop(void *self, struct cap_call *call)
{
    (void)self;
    (void)call;
    return CAPOS_OK;
}

static const struct cap_null_cap_server server = {.nop = null_nop};
KERNEL_DISPATCH(dispatch, cap_null_cap_dispatch)

static const struct object_type null_cap_type = {
    .name = "NullCap",
    .interface_id = CAP_NULL_CAP_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_NULL, null_cap_type);
