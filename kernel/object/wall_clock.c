/*
 * WallClock: the real-time clock as it stood at boot, carried on by the monotonic clock.
 */
#include "arch/arch.h"
#include "core/call.h"
#include "object/kernel_caps.h"
#include <capos/manifest.h>
#include <capos/wallclock_server.h>

static int32_t wall_clock_now(void *self, struct cap_call *call, struct cap_wall_clock_now_results *results)
{
    (void)self;
    (void)call;
    results->unix_ns = clock_boot_unix_ns() + (int64_t)clock_now_ns();
    return CAPOS_OK;
}

static const struct cap_wall_clock_server server = {.now = wall_clock_now};
KERNEL_DISPATCH(dispatch, cap_wall_clock_dispatch)

static const struct object_type wall_clock_type = {
    .name = "WallClock",
    .interface_id = CAP_WALL_CLOCK_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_WALL_CLOCK, wall_clock_type);
