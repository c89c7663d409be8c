/*
 * ProcessSpawner: starts processes that hold exactly what the caller passes on. The child's budget is carved
 * out of the caller's own ledger.
 */
#include "object/process_spawner.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/fork.h"
#include "core/format.h"
#include "core/process.h"
#include "core/ring.h"
#include "object/boot_package.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include "object/pipe.h"
#include "object/process_control.h"
#include "object/process_handle.h"
#include <base/string.h>
#include <capos/process_server.h>

/* ---- Refusals. */

enum { REASON_BYTES = 160 };
static PERCPU char reason_here[REASON_BYTES];

int32_t spawn_refuse(struct cap_call *call, const char *format, ...)
{
    char *reason = *percpu_this(reason_here);
    va_list arguments;
    va_start(arguments, format);
    (void)format_text(reason, REASON_BYTES, format, arguments);
    va_end(arguments);
    return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, reason);
}

static int32_t refuse_grant(struct cap_call *call, const struct launch_grant *grant, const char *why)
{
    int shown = (int)(grant->name.len < CAPOS_CAP_NAME_MAX ? grant->name.len : CAPOS_CAP_NAME_MAX);
    return spawn_refuse(call, "grant \"%.*s\": %s", shown, grant->name.bytes, why);
}

static int32_t explain(struct cap_call *call, status_t status, const char *why)
{
    if (why != NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, why);
    if (status == CAPOS_ERR_WRONG_INTERFACE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "an own object is not of the interface that its grant says");
    if (status == CAPOS_ERR_QUOTA)
        return cap_call_fail(call, CAPOS_EXCEPTION_OVERLOADED,
                             "the child's budget does not fit into the spawner's");
    return status;
}

/* ---- Grants. */

static int32_t read_capability(struct cap_call *call, const struct cap_spawn_grant *from,
                               struct launch_grant *out)
{
    if (from->capability.id == CAPNP_CAP_NONE)
        return refuse_grant(call, out, "it names no capability");
    out->capability = kcall_capability_in(call, from->capability.id);
    uint8_t transfer = out->capability.type->transfer;
    uint32_t mode = call->caps_in[from->capability.id - 1].mode;
    if (transfer == CAP_TRANSFER_NEVER)
        return CAPOS_ERR_NOT_TRANSFERABLE;
    if (transfer == CAP_TRANSFER_MOVE_ONLY && mode != CAPOS_XFER_MOVE)
        return refuse_grant(call, out, "the capability can be moved, but not copied");
    if (from->interface_id != 0 && from->interface_id != out->capability.type->interface_id)
        return refuse_grant(call, out, "the capability is not of the interface that the child expects");
    return CAPOS_OK;
}

/* An own object's interface is known when it has been made: launch_process compares. */
static int32_t read_own(struct cap_call *call, const struct cap_spawn_grant *from, struct launch_grant *out)
{
    out->own = own_object_find(from->own);
    return out->own == NULL ? refuse_grant(call, out, "there is no such own object") : CAPOS_OK;
}

static int32_t read_grant(struct cap_call *call, const struct cap_spawn_grant *from, struct launch_grant *out)
{
    *out = (struct launch_grant){.name = from->name, .interface_id = from->interface_id};
    switch (from->which) {
    case CAP_SPAWN_GRANT_CAPABILITY:
        return read_capability(call, from, out);
    case CAP_SPAWN_GRANT_OWN:
        return read_own(call, from, out);
    default:
        return refuse_grant(call, out, "it is of an unknown kind");
    }
}

/* A capability that moves has one new holder: two grants of it would both have it. */
static bool moves_twice(const struct cap_call *call, const struct cap_spawn_grant *grant, uint64_t *moved)
{
    if (grant->which != CAP_SPAWN_GRANT_CAPABILITY || grant->capability.id == CAPNP_CAP_NONE)
        return false;
    uint32_t index = grant->capability.id - 1;
    if (call->caps_in[index].mode != CAPOS_XFER_MOVE)
        return false;
    bool again = (*moved >> index & 1) != 0;
    *moved |= UINT64_C(1) << index;
    return again;
}

int32_t spawn_read_grants(struct cap_call *call, const struct capnp_list *list, struct launch_grant *grants,
                          size_t *count)
{
    uint64_t moved = 0;
    _Static_assert(CAPOS_CALL_CAPS_MAX <= 64, "a bit for each capability of a call");
    if (list->count > LAUNCH_GRANTS_MAX - *count)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "more than 64 grants");
    for (size_t i = 0; i < list->count; i++) {
        struct cap_spawn_grant grant;
        struct launch_grant *out = &grants[*count + i];
        int32_t status = cap_spawn_grant_list_get(list, i, &grant);
        if (status >= 0)
            status = read_grant(call, &grant, out);
        if (status >= 0 && moves_twice(call, &grant, &moved))
            status = refuse_grant(call, out, "the capability is moved, and granted twice");
        if (status < 0)
            return status;
    }
    *count += list->count;
    return CAPOS_OK;
}

/* ---- Programs. */

int32_t spawn_find_binary(struct cap_call *call, struct capnp_text name, struct image *out)
{
    if (boot_package_binary(name, out) == CAPOS_OK)
        return CAPOS_OK;
    return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                         "the boot package has no binary of that name");
}

/* The boot package's, or the one sent along. */
static int32_t find_image(struct cap_call *call, struct capnp_text binary_name, cap_memory_object image,
                          struct image *out)
{
    bool writable;
    if (binary_name.len > 0)
        return spawn_find_binary(call, binary_name, out);
    if (image.id == CAPNP_CAP_NONE)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "neither a binary's name nor an image was given");
    struct capability capability = kcall_capability_in(call, image.id);
    status_t status = capability_resolve(&capability);
    if (status < 0)
        return status;
    struct memory_object *memory = memory_object_from(capability, &writable);
    if (memory == NULL)
        return CAPOS_ERR_WRONG_INTERFACE;
    *out = (struct image){memory, 0, memory_object_size(memory)};
    return CAPOS_OK;
}

/* ---- Spawning. */

static status_t reserve_results(struct cap_call *call, bool control, struct call_result_cap *out[2])
{
    status_t status = kcall_reserve_result(call, &out[0]);
    return status < 0 || !control ? status : kcall_reserve_result(call, &out[1]);
}

static void fill_limits(uint64_t limits[LEDGER_RESOURCES], const struct cap_budget *budget)
{
    memset(limits, 0, LEDGER_RESOURCES * sizeof(limits[0]));
    limits[LEDGER_FRAMES] = budget->frames;
    limits[LEDGER_CAP_SLOTS] = budget->cap_slots;
    limits[LEDGER_THREADS] = budget->threads;
    limits[LEDGER_CALLS] = budget->calls;
    limits[LEDGER_HEAP_BYTES] = budget->kernel_bytes;
}

static void fill_launch(struct launch *launch, struct cap_call *call, const struct spawn_request *request)
{
    *launch = (struct launch){
        .name = request->name,
        .image = request->image,
        .args = request->args,
        .env = request->env,
        .grants = request->grants,
        .grant_count = request->grant_count,
        .parent = kcall_ledger(call),
        .by = LAUNCH_BY_SPAWN,
        .paused = request->paused,
    };
    fill_limits(launch->limits, request->budget);
}

/* The results' slots are reserved before the process exists, so that they cannot be refused once it runs. */
int32_t spawn_for_call(struct cap_call *call, const struct spawn_request *request, struct spawn_outcome *out)
{
    struct call_result_cap *reserved[2];
    struct launch launch;
    if (request->paused && !request->control)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "a paused child needs control, or nobody could let it begin");
    status_t status = reserve_results(call, request->control, reserved);
    if (status < 0)
        return status;
    fill_launch(&launch, call, request);
    struct process *process;
    const char *why = NULL;
    status = launch_process(&launch, &process, &why);
    if (status < 0)
        return explain(call, status, why);
    reserved[0]->capability = (struct capability){&process->object, &process_handle_type};
    out->handle.id = reserved[0]->id;
    out->process_id = process->id;
    if (request->control) {
        reserved[1]->capability = process_control_create(process);
        out->control.id = reserved[1]->id;
    }
    return CAPOS_OK;
}

static int32_t spawn(void *self, struct cap_call *call, const struct cap_process_spawner_spawn_params *params,
                     struct cap_process_spawner_spawn_results *results)
{
    struct launch_grant grants[LAUNCH_GRANTS_MAX];
    struct spawn_outcome outcome = {0};
    struct spawn_request request = {
        .name = params->name.len > 0 ? params->name : params->binary_name,
        .grants = grants,
        .args = params->args,
        .env = params->env,
        .budget = &params->budget,
        .control = params->control,
        .paused = params->paused,
    };
    (void)self;
    int32_t status = find_image(call, params->binary_name, params->image, &request.image);
    if (status == CAPOS_OK)
        status = spawn_read_grants(call, &params->grants, grants, &request.grant_count);
    if (status == CAPOS_OK)
        status = spawn_for_call(call, &request, &outcome);
    if (status < 0)
        return status;
    results->handle = outcome.handle;
    results->control = outcome.control;
    results->process_id = outcome.process_id;
    return CAPOS_OK;
}

/* ---- Pipes: for whoever holds a spawner and no IpcFactory. */

static int32_t create_pipe(void *self, struct cap_call *call,
                           const struct cap_process_spawner_create_pipe_params *params,
                           struct cap_process_spawner_create_pipe_results *results)
{
    (void)self;
    return pipe_create_results(call, params->capacity_bytes, &results->reader.id, &results->writer.id);
}

/* ---- Forking. */

/* The answer to the same entry in the child. The child does not run yet. */
static status_t answer_child(struct thread *child, const struct capos_sqe *sqe)
{
    const struct cap_process_spawner_fork_self_results results = {.self_id = child->process->id};
    struct pending entry = {.thread = child,
                            .user_data = sqe->user_data,
                            .result_addr = sqe->result_addr,
                            .result_len = sqe->result_len};
    struct capos_cqe cqe = {0};
    struct kcall reply;
    pending_reply_begin(&entry, &reply);
    kcall_deliver(&reply, cap_process_spawner_fork_self_reply(&reply.call, &results), &cqe);
    if (cqe.result >= 0)
        ring_post_locked(&child->ring, &cqe, sqe->user_data);
    return cqe.result < 0 ? cqe.result : CAPOS_OK;
}

static int32_t fork_self(void *self, struct cap_call *call,
                         const struct cap_process_spawner_fork_self_params *params,
                         struct cap_process_spawner_fork_self_results *results)
{
    struct call_result_cap *reserved[2];
    uint64_t limits[LEDGER_RESOURCES];
    struct thread *child;
    (void)self;
    status_t status = reserve_results(call, params->control, reserved);
    if (status < 0)
        return status;
    fill_limits(limits, &params->budget);
    status = fork_current(limits, &child);
    if (status < 0)
        return explain(call, status, NULL);
    status = answer_child(child, &kcall_of(call)->sqe);
    if (status < 0) {
        fork_abandon(child);
        return status;
    }
    struct process *process = child->process;
    process_start(process, child, false);
    reserved[0]->capability = (struct capability){&process->object, &process_handle_type};
    results->handle.id = reserved[0]->id;
    results->process_id = process->id;
    results->self_id = kcall_process(call)->id;
    if (params->control) {
        reserved[1]->capability = process_control_create(process);
        results->control.id = reserved[1]->id;
    }
    return CAPOS_OK;
}

/* ---- Replacing. */

static int32_t replace_self(void *self, struct cap_call *call,
                            const struct cap_process_spawner_replace_self_params *params)
{
    struct launch_grant grants[LAUNCH_GRANTS_MAX];
    struct launch launch = {
        .name = params->name.len > 0 ? params->name : params->binary_name,
        .args = params->args,
        .env = params->env,
        .grants = grants,
        .by = LAUNCH_BY_SPAWN,
    };
    const char *why = NULL;
    (void)self;
    int32_t status = find_image(call, params->binary_name, params->image, &launch.image);
    if (status == CAPOS_OK)
        status = spawn_read_grants(call, &params->grants, grants, &launch.grant_count);
    if (status < 0)
        return status;
    status = launch_replacement(&launch, kcall_thread(call), &why);
    return status < 0 ? explain(call, status, why) : CAP_CALL_PENDING;
}

/* ---- Launchers. */

static int32_t restrict_to(void *self, struct cap_call *call,
                           const struct cap_process_spawner_restrict_params *params,
                           struct cap_process_spawner_restrict_results *results)
{
    struct capability launcher;
    struct call_result_cap *reserved;
    (void)self;
    int32_t status = kcall_reserve_result(call, &reserved);
    if (status == CAPOS_OK)
        status = restricted_launcher_create(call, params, &launcher);
    if (status < 0)
        return status;
    reserved->capability = launcher;
    results->launcher.id = reserved->id;
    return CAPOS_OK;
}

static const struct cap_process_spawner_server server = {
    .spawn = spawn,
    .create_pipe = create_pipe,
    .fork_self = fork_self,
    .replace_self = replace_self,
    .restrict_ = restrict_to,
};
KERNEL_DISPATCH(dispatch, cap_process_spawner_dispatch)

static const struct object_type process_spawner_type = {
    .name = "ProcessSpawner",
    .interface_id = CAP_PROCESS_SPAWNER_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_PROCESS_SPAWNER, process_spawner_type);
