/* SharedParkSpace: the authority to wait on words of mapped MemoryObjects. What it does is in park_space.c.
 */
#include "object/kernel_caps.h"
#include "object/park_space.h"
#include <capos/manifest.h>
#include <capos/park_server.h>

static int32_t shared_park_space_info(void *self, struct cap_call *call,
                                      struct cap_shared_park_space_info_results *results)
{
    (void)self;
    results->waiters = park_count_waiters(call, true);
    return CAPOS_OK;
}

static const struct cap_shared_park_space_server server = {.info = shared_park_space_info};
KERNEL_DISPATCH(dispatch, cap_shared_park_space_dispatch)

const struct object_type shared_park_space_type = {
    .name = "SharedParkSpace",
    .interface_id = CAP_SHARED_PARK_SPACE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_SHARED_PARK_SPACE, shared_park_space_type);
