/*
 * ThreadControl: the calling thread, and what it may do to others of its process. It holds nothing itself:
 * one object serves everybody.
 */
#include "core/call.h"
#include "core/process.h"
#include "core/sched.h"
#include "object/kernel_caps.h"
#include "object/thread_handle.h"
#include <capos/manifest.h>
#include <capos/process.h>
#include <capos/thread_server.h>

/* Takes effect when the entry is over: the thread holds references until then. */
static int32_t thread_exit(void *self, struct cap_call *call,
                           const struct cap_thread_control_exit_params *params)
{
    struct thread *thread = kcall_thread(call);
    (void)self;
    thread->exit_value = params->value;
    bool dead = thread_stop(thread); /* never: it is running */
    (void)dead;
    return CAP_CALL_PENDING;
}

static int32_t set_fs_base(void *self, struct cap_call *call,
                           const struct cap_thread_control_set_fs_base_params *params)
{
    (void)self;
    if (params->fs_base >= CAPOS_USER_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "the FS base is not in user space");
    arch_set_fs_base(&kcall_thread(call)->context, params->fs_base);
    return CAPOS_OK;
}

static int32_t interrupt(void *self, struct cap_call *call,
                         const struct cap_thread_control_interrupt_params *params,
                         struct cap_thread_control_interrupt_results *results)
{
    (void)self;
    if (params->thread.id == CAPNP_CAP_NONE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "no thread is named");
    return thread_handle_interrupt(kcall_capability_in(call, params->thread.id), kcall_process(call),
                                   &results->was_waiting);
}

static int32_t yield(void *self, struct cap_call *call)
{
    (void)self;
    (void)call;
    sched_yield();
    return CAPOS_OK;
}

static int32_t self_info(void *self, struct cap_call *call, struct cap_thread_control_self_results *results)
{
    const struct thread *thread = kcall_thread(call);
    (void)self;
    results->number = thread->number;
    results->ring_address = thread->ring_address;
    results->cpu = arch_cpu_number();
    return CAPOS_OK;
}

static const struct cap_thread_control_server server = {.exit = thread_exit,
                                                        .set_fs_base = set_fs_base,
                                                        .interrupt = interrupt,
                                                        .yield = yield,
                                                        .self = self_info};
KERNEL_DISPATCH(dispatch, cap_thread_control_dispatch)

static const struct object_type thread_control_type = {
    .name = "ThreadControl",
    .interface_id = CAP_THREAD_CONTROL_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .transfer = CAP_TRANSFER_NEVER,
};
OWN_SINGLETON(CAP_OWN_OBJECT_THREAD_CONTROL, CAP_KERNEL_CAP_THREAD_CONTROL, thread_control_type);
