/*
 * SystemControl: ending the machine.
 */
#include "arch/arch.h"
#include "core/call.h"
#include "core/log.h"
#include "core/process.h"
#include "object/kernel_caps.h"
#include <capos/manifest.h>
#include <capos/system_server.h>

static int32_t system_control_shutdown(void *self, struct cap_call *call,
                                       const struct cap_system_control_shutdown_params *params)
{
    (void)self;
    log_print(LOG_INFO, "system: shutdown with code %ld by process %lu", params->code,
              kcall_process(call)->id);
    machine_exit(params->code == 0 ? 0 : 1);
}

static int32_t system_control_reboot(void *self, struct cap_call *call)
{
    (void)self;
    log_print(LOG_INFO, "system: reboot by process %lu", kcall_process(call)->id);
    machine_reboot();
}

static const struct cap_system_control_server server = {
    .shutdown = system_control_shutdown,
    .reboot = system_control_reboot,
};
KERNEL_DISPATCH(dispatch, cap_system_control_dispatch)

static const struct object_type system_control_type = {
    .name = "SystemControl",
    .interface_id = CAP_SYSTEM_CONTROL_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_SYSTEM_CONTROL, system_control_type);
