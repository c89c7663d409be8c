/*
 * Console: the first serial port. One call's bytes go out under one lock, so lines are never torn apart.
 */
#include "arch/arch.h"
#include "core/call.h"
#include "core/lock.h"
#include "object/kernel_caps.h"
#include <capos/console_server.h>
#include <capos/manifest.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_OBJECT);

static int32_t console_write(void *self, struct cap_call *call, const struct cap_console_write_params *params)
{
    (void)self;
    if (params->data.len > CAPOS_CONSOLE_WRITE_MAX_BYTES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "a console write takes at most 1024 bytes");
    spinlock_acquire(&lock);
    console_port_write((const char *)params->data.bytes, params->data.len);
    spinlock_release(&lock);
    return CAPOS_OK;
}

static int32_t console_write_line(void *self, struct cap_call *call,
                                  const struct cap_console_write_line_params *params)
{
    (void)self;
    if (params->text.len > CAPOS_CONSOLE_WRITE_MAX_BYTES - 1)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "a console line takes at most 1023 bytes");
    spinlock_acquire(&lock);
    console_port_write(params->text.bytes, params->text.len);
    console_port_write("\n", 1);
    spinlock_release(&lock);
    return CAPOS_OK;
}

static const struct cap_console_server server = {.write = console_write, .write_line = console_write_line};
KERNEL_DISPATCH(dispatch, cap_console_dispatch)

static const struct object_type console_type = {
    .name = "Console",
    .interface_id = CAP_CONSOLE_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_CONSOLE, console_type);
