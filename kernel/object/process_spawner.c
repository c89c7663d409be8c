/*
 * ProcessSpawner: starts processes that hold exactly what the caller passes on. The child's budget is carved
 * out of the caller's own ledger.
 */
#include "core/call.h"
#include "core/launch.h"
#include "core/process.h"
#include "object/boot_package.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include "object/process_control.h"
#include "object/process_handle.h"
#include <capos/process_server.h>

static int32_t find_image(struct cap_call *call, const struct cap_process_spawner_spawn_params *params,
                          struct image *out)
{
    if (params->binary_name.len > 0) {
        if (boot_package_binary(params->binary_name, out) < 0)
            return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                                 "the boot package has no binary of that name");
        return CAPOS_OK;
    }
    if (params->image.id == CAPNP_CAP_NONE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "neither a binary's name nor an image was given");
    bool writable;
    struct memory_object *memory = memory_object_from(kcall_capability_in(call, params->image.id), &writable);
    if (memory == NULL)
        return CAPOS_ERR_WRONG_INTERFACE;
    *out = (struct image){memory, 0, memory_object_size(memory)};
    return CAPOS_OK;
}

static int32_t read_grant(struct cap_call *call, const struct cap_spawn_grant *from, struct launch_grant *out)
{
    *out = (struct launch_grant){.name = from->name};
    if (from->which == CAP_SPAWN_GRANT_CAPABILITY) {
        if (from->capability.id == CAPNP_CAP_NONE)
            return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a grant names no capability");
        out->capability = kcall_capability_in(call, from->capability.id);
        return out->capability.type->transfer == CAP_TRANSFER_NEVER ? CAPOS_ERR_NOT_TRANSFERABLE : CAPOS_OK;
    }
    if (from->which != CAP_SPAWN_GRANT_OWN)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a grant of an unknown kind");
    out->own = own_object_find(from->own);
    if (out->own == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a grant of an unknown own object");
    return CAPOS_OK;
}

static int32_t read_grants(struct cap_call *call, const struct capnp_list *list, struct launch_grant *out)
{
    if (list->count > LAUNCH_GRANTS_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "more than 64 grants");
    for (size_t i = 0; i < list->count; i++) {
        struct cap_spawn_grant grant;
        int32_t status = cap_spawn_grant_list_get(list, i, &grant);
        if (status >= 0)
            status = read_grant(call, &grant, &out[i]);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

static int32_t explain(struct cap_call *call, status_t status, const char *why)
{
    if (why != NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, why);
    if (status == CAPOS_ERR_QUOTA)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED,
                             "the child's budget does not fit into the spawner's");
    return status;
}

/* Handle and control are reserved before the process exists, so that they cannot be refused once it runs. */
static int32_t spawn(void *self, struct cap_call *call, const struct cap_process_spawner_spawn_params *params,
                     struct cap_process_spawner_spawn_results *results)
{
    (void)self;
    struct launch_grant grants[LAUNCH_GRANTS_MAX];
    struct launch launch = {
        .name = params->name.len > 0 ? params->name : params->binary_name,
        .args = params->args,
        .env = params->env,
        .grants = grants,
        .grant_count = params->grants.count,
        .parent = kcall_ledger(call),
        .limits = {[LEDGER_FRAMES] = params->budget.frames,
                   [LEDGER_CAP_SLOTS] = params->budget.cap_slots,
                   [LEDGER_THREADS] = params->budget.threads},
        .by = LAUNCH_BY_SPAWN,
    };
    int32_t status = find_image(call, params, &launch.image);
    if (status == CAPOS_OK)
        status = read_grants(call, &params->grants, grants);
    struct call_result_cap *reserved, *control;
    if (status == CAPOS_OK)
        status = kcall_reserve_result(call, &reserved);
    if (status == CAPOS_OK && params->control)
        status = kcall_reserve_result(call, &control);
    if (status < 0)
        return status;
    struct process *process;
    const char *why = NULL;
    status = launch_process(&launch, &process, &why);
    if (status < 0)
        return explain(call, status, why);
    reserved->capability = (struct capability){&process->object, &process_handle_type};
    results->handle.id = reserved->id;
    if (params->control) {
        control->capability = process_control_create(process);
        results->control.id = control->id;
    }
    results->process_id = process->id;
    return CAPOS_OK;
}

static const struct cap_process_spawner_server server = {.spawn = spawn};
KERNEL_DISPATCH(dispatch, cap_process_spawner_dispatch)

static const struct object_type process_spawner_type = {
    .name = "ProcessSpawner",
    .interface_id = CAP_PROCESS_SPAWNER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_PROCESS_SPAWNER, process_spawner_type);
