/*
 * EntropySource: the kernel's generator, refused on a machine that cannot seed it.
 */
#include "core/call.h"
#include "core/entropy.h"
#include "object/kernel_caps.h"
#include <base/string.h>
#include <capos/entropy_server.h>
#include <capos/manifest.h>

static int32_t entropy_source_fill(void *self, struct cap_call *call,
                                   const struct cap_entropy_source_fill_params *params,
                                   struct cap_entropy_source_fill_results *results)
{
    (void)self;
    /* Behind the place where the message is built, so that the bytes live until they are encoded. */
    uint8_t *bytes = (uint8_t *)kcall_of(call)->scratch_bytes;
    if (params->length == 0 || params->length > CAPOS_ENTROPY_FILL_MAX_BYTES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "an entropy request is for 1 to 64 bytes");
    if (!entropy_fill(bytes, params->length))
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED, "this machine has no source of entropy");
    results->data = (struct capnp_data){bytes, params->length};
    return CAPOS_OK;
}

static const struct cap_entropy_source_server server = {.fill = entropy_source_fill};
KERNEL_DISPATCH(dispatch, cap_entropy_source_dispatch)

static const struct object_type entropy_source_type = {
    .name = "EntropySource",
    .interface_id = CAP_ENTROPY_SOURCE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_ENTROPY, entropy_source_type);
