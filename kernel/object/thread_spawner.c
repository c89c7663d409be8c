/*
 * ThreadSpawner: makes threads in the calling process. It holds nothing itself: one object serves everybody,
 * since whose threads it makes is whose call it is.
 */
#include "core/call.h"
#include "core/process.h"
#include "object/kernel_caps.h"
#include "object/thread_handle.h"
#include <capos/manifest.h>
#include <capos/process.h>
#include <capos/thread_server.h>

enum { STACK_ALIGN = 16 };

static bool is_user_address(uint64_t address)
{
    return address >= CAPOS_USER_MIN && address < CAPOS_USER_MAX;
}

static int32_t check(struct cap_call *call, const struct cap_thread_spawner_spawn_params *params)
{
    if (!is_user_address(params->entry))
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "the entry is not in user space");
    if (params->stack_top % STACK_ALIGN != 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "the stack's top is not 16-byte aligned");
    if (!is_user_address(params->stack_top - 1))
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "the stack is not in user space");
    if (params->fs_base >= CAPOS_USER_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "the FS base is not in user space");
    return CAPOS_OK;
}

static int32_t explain(struct cap_call *call, status_t status)
{
    if (status == CAPOS_ERR_QUOTA)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED, "the process' thread budget is used up");
    return status;
}

/* The handle is reserved first, so that the thread cannot be refused once it runs. */
static int32_t spawn(void *self, struct cap_call *call, const struct cap_thread_spawner_spawn_params *params,
                     struct cap_thread_spawner_spawn_results *results)
{
    struct process *process = kcall_process(call);
    struct call_result_cap *reserved;
    struct object *handle;
    struct thread *thread;
    (void)self;
    int32_t status = check(call, params);
    if (status == CAPOS_OK)
        status = kcall_reserve_result(call, &reserved);
    if (status < 0)
        return status;
    status = thread_create(process, 0, &thread);
    if (status < 0)
        return explain(call, status);
    status = thread_handle_create(thread, &handle);
    if (status < 0) {
        thread_abandon(thread);
        return status;
    }
    reserved->capability = (struct capability){handle, handle->type};
    results->handle.id = reserved->id;
    results->number = thread->number;
    results->ring_address = thread->ring_address;
    arch_context_init(&thread->context, params->entry, params->stack_top, thread->ring_address,
                      params->argument, process->capset_address, params->fs_base);
    status = thread_start(thread);
    if (status < 0)
        thread_abandon(thread);
    return status;
}

static const struct cap_thread_spawner_server server = {.spawn = spawn};
KERNEL_DISPATCH(dispatch, cap_thread_spawner_dispatch)

static const struct object_type thread_spawner_type = {
    .name = "ThreadSpawner",
    .interface_id = CAP_THREAD_SPAWNER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .transfer = CAP_TRANSFER_NEVER,
};
OWN_SINGLETON(CAP_OWN_OBJECT_THREAD_SPAWNER, CAP_KERNEL_CAP_THREAD_SPAWNER, thread_spawner_type);
