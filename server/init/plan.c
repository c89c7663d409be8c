/* Validation of a manifest: binaries, services, and what services share. See plan.h. */
#include "plan_internal.h"
#include <capos/ipc.h>
#include <capos/limits.h>
#include <capos/timer.h>

enum { MESSAGE_OVERHEAD_BYTES = 1024 };
#define NS_PER_MS      UINT64_C(1000000)
#define PIPE_BYTES_MAX (UINT32_C(1) << 20)

/* ---- Texts
 * ---------------------------------------------------------------------------------------------------- */

/* argv or envp: C strings of limited number; adds up their bytes. */
static bool check_strings(const struct place *at, const char *field, const struct capnp_list *list,
                          bool assignments, size_t *bytes)
{
    if (list->count > CAPOS_ARGS_MAX)
        return fail(at, "%s has %zu entries, at most %u are possible", field, list->count, CAPOS_ARGS_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text text;
        if (capnp_list_get_text(list, i, &text) < 0)
            return fail(at, "%s[%zu] is malformed", field, i);
        if (memchr(text.bytes, '\0', text.len) != NULL)
            return fail(at, "%s[%zu] has a NUL byte in it", field, i);
        if (assignments &&
            (text.len == 0 || text.bytes[0] == '=' || memchr(text.bytes, '=', text.len) == NULL))
            return fail(at, "%s[%zu] \"%s\" is not of the form KEY=value", field, i, quote(text).text);
        *bytes += text.len + 1;
    }
    return true;
}

/* ---- Binaries
 * ------------------------------------------------------------------------------------------------- */

static bool find_binary(const struct plan *plan, struct capnp_text name)
{
    for (size_t i = 0; i < plan->binary_count; i++)
        if (text_equal(plan->binaries[i], name))
            return true;
    return false;
}

static bool check_binaries(struct place *at, const struct cap_system_manifest *manifest)
{
    struct plan *plan = at->plan;
    place_set(at, "binaries");
    if (manifest->binaries.count > PLAN_BINARIES_MAX)
        return fail(at, "%zu entries, at most %d are possible", manifest->binaries.count, PLAN_BINARIES_MAX);
    for (size_t i = 0; i < manifest->binaries.count; i++) {
        struct cap_binary binary;
        place_set(at, "binaries[%zu]", i);
        if (cap_binary_list_get(&manifest->binaries, i, &binary) < 0)
            return fail(at, "malformed");
        if (binary.name.len == 0)
            return fail(at, "name is empty");
        if (find_binary(plan, binary.name))
            return fail(at, "a second binary named \"%s\"", quote(binary.name).text);
        plan->binaries[plan->binary_count++] = binary.name;
    }
    return true;
}

/* ---- What services share
 * --------------------------------------------------------------------------------------------------- */

static bool need_ipc_factory(const struct place *at, const char *purpose)
{
    return holdings_find(at->holdings, CAP_IPC_FACTORY_INTERFACE_ID) != NULL ||
           fail_not_held(at, "ipcFactory", purpose);
}

static bool check_pipe(const struct place *at, const struct cap_shared_pipe *pipe)
{
    const struct plan *plan = at->plan;
    if (!check_name(at, "name", pipe->name, CAPOS_CAP_NAME_MAX))
        return false;
    for (size_t i = 0; i < plan->pipe_count; i++)
        if (text_equal(plan->pipes[i].spec.name, pipe->name))
            return fail(at, "a second pipe named \"%s\"", quote(pipe->name).text);
    return pipe->capacity_bytes <= PIPE_BYTES_MAX ||
           fail(at, "capacityBytes is %u, at most %u are possible", pipe->capacity_bytes, PIPE_BYTES_MAX);
}

static bool check_pipes(struct place *at, const struct capnp_list *list)
{
    struct plan *plan = at->plan;
    place_set(at, "initConfig.pipes");
    if (list->count > PLAN_PIPES_MAX)
        return fail(at, "%zu entries, at most %d are possible", list->count, PLAN_PIPES_MAX);
    if (list->count != 0 && !need_ipc_factory(at, "make pipes"))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct plan_pipe *pipe = &plan->pipes[i];
        *pipe = (struct plan_pipe){.readers = 0};
        place_set(at, "initConfig.pipes[%zu]", i);
        if (cap_shared_pipe_list_get(list, i, &pipe->spec) < 0)
            return fail(at, "malformed");
        if (!check_pipe(at, &pipe->spec))
            return false;
        plan->pipe_count++;
    }
    return true;
}

static bool check_notifications(struct place *at, const struct capnp_list *list)
{
    struct plan *plan = at->plan;
    place_set(at, "initConfig.notifications");
    if (list->count > PLAN_NOTIFICATIONS_MAX)
        return fail(at, "%zu entries, at most %d are possible", list->count, PLAN_NOTIFICATIONS_MAX);
    if (list->count != 0 && !need_ipc_factory(at, "make notifications"))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct capnp_text name;
        place_set(at, "initConfig.notifications[%zu]", i);
        if (capnp_list_get_text(list, i, &name) < 0)
            return fail(at, "malformed");
        if (!check_name(at, "name", name, CAPOS_CAP_NAME_MAX))
            return false;
        for (size_t k = 0; k < i; k++)
            if (text_equal(plan->notifications[k], name))
                return fail(at, "a second notification named \"%s\"", quote(name).text);
        plan->notifications[plan->notification_count++] = name;
    }
    return true;
}

/* ---- Services
 * ------------------------------------------------------------------------------------------------- */

size_t plan_find_service(const struct plan *plan, struct capnp_text name)
{
    size_t index = 0;
    while (index < plan->service_count && !text_equal(plan->services[index].name, name))
        index++;
    return index;
}

static bool check_budget(const struct place *at, const struct service *service)
{
    const struct cap_budget *budget = &service->program.budget;
    if (!service->program.has_budget)
        return true;
    if (budget->cap_slots > CAPOS_CAP_SLOTS_MAX)
        return fail(at, "budget.capSlots is %u, at most %u are possible", budget->cap_slots,
                    CAPOS_CAP_SLOTS_MAX);
    size_t grants = service->program.caps.count;
    if (budget->cap_slots != 0 && budget->cap_slots < grants)
        return fail(at, "budget.capSlots is %u, but caps has %zu entries", budget->cap_slots, grants);
    grants += service->export_count;
    if (budget->cap_slots != 0 && budget->cap_slots < grants)
        return fail(at, "budget.capSlots is %u, but caps and exports have %zu entries", budget->cap_slots,
                    grants);
    if (budget->frames > CAPOS_USER_MAX / CAPOS_PAGE_SIZE)
        return fail(at, "budget.frames is %llu, which is more than an address space can hold",
                    (unsigned long long)budget->frames);
    return budget->kernel_bytes <= CAPOS_USER_MAX ||
           fail(at, "budget.kernelBytes is %llu, which is more than any machine has",
                (unsigned long long)budget->kernel_bytes);
}

static bool check_texts(const struct place *at, const struct service *service)
{
    const struct cap_program *program = &service->program;
    size_t bytes = 0;
    if (!check_strings(at, "args", &program->args, false, &bytes) ||
        !check_strings(at, "env", &program->env, true, &bytes))
        return false;
    /* Each string costs a pointer and padding in the message too. */
    bytes += 2 * CAPNP_WORD_BYTES * (program->args.count + program->env.count);
    if (bytes > CAPOS_MESSAGE_MAX_BYTES - MESSAGE_OVERHEAD_BYTES - PLAN_GRANTS_MAX * CAPOS_CAP_NAME_MAX)
        return fail(at, "args and env are too long together: one call carries at most %u bytes",
                    CAPOS_MESSAGE_MAX_BYTES);
    return true;
}

static bool check_restart(const struct place *at, struct service *service)
{
    static const enum restart_mode modes[] = {[CAP_RESTART_MODE_NEVER] = RESTART_NEVER,
                                              [CAP_RESTART_MODE_ON_FAILURE] = RESTART_ON_FAILURE,
                                              [CAP_RESTART_MODE_ALWAYS] = RESTART_ALWAYS};
    const struct cap_restart *restart = &service->program.restart;
    service->restart = (struct restart_policy){.mode = RESTART_NEVER};
    if (!service->program.has_restart || restart->mode == CAP_RESTART_MODE_NEVER)
        return true;
    if ((size_t)restart->mode >= sizeof modes / sizeof modes[0])
        return fail(at, "restart.mode is %u, which this init does not know", (unsigned)restart->mode);
    if (restart->limit == 0 || restart->limit > RESTART_LIMIT_MAX)
        return fail(at, "restart.limit is %u, it must be from 1 to %d", restart->limit, RESTART_LIMIT_MAX);
    if (restart->window_ms == 0)
        return fail(at, "restart.windowMs is 0: restarts could not be counted");
    if (restart->backoff_ms > restart->backoff_max_ms)
        return fail(at, "restart.backoffMs is %u, above backoffMaxMs, %u", restart->backoff_ms,
                    restart->backoff_max_ms);
    if (holdings_find(at->holdings, CAP_TIMER_INTERFACE_ID) == NULL)
        return fail_not_held(at, "timer", "wait before a restart");
    service->restart = (struct restart_policy){
        .mode = modes[restart->mode],
        .limit = restart->limit,
        .window_ns = restart->window_ms * NS_PER_MS,
        .backoff_ns = restart->backoff_ms * NS_PER_MS,
        .backoff_max_ns = restart->backoff_max_ms * NS_PER_MS,
    };
    return true;
}

static bool check_export(const struct place *at, const struct service *service,
                         const struct cap_export *export, struct plan_export *out)
{
    const struct plan_export *exports = &at->plan->exports[service->first_export];
    if (!check_name(at, "name", export->name, CAPOS_CAP_NAME_MAX) ||
        !check_interface(at, "serves", export->serves, &out->interface_id))
        return false;
    for (size_t i = 0; i < service->export_count; i++)
        if (text_equal(exports[i].name, export->name))
            return fail(at, "a second export named \"%s\"", quote(export->name).text);
    if (export->max_queued > CAPOS_ENDPOINT_QUEUE_MAX)
        return fail(at, "maxQueued is %u, at most %u are possible", export->max_queued,
                    CAPOS_ENDPOINT_QUEUE_MAX);
    out->name = export->name;
    out->max_queued = export->max_queued;
    return true;
}

static bool check_exports(struct place *at, size_t index, struct service *service)
{
    struct plan *plan = at->plan;
    const struct capnp_list *list = &service->program.exports;
    service->first_export = plan->export_count;
    service->export_count = 0;
    if (list->count > PLAN_EXPORTS_MAX - plan->export_count)
        return fail(at, "exports has %zu entries; all services together can have %d", list->count,
                    PLAN_EXPORTS_MAX);
    if (list->count != 0 && !need_ipc_factory(at, "make endpoints for its exports"))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct cap_export export;
        struct plan_export *out = &plan->exports[plan->export_count];
        place_set(at, "initConfig.services[%zu].exports[%zu]", index, i);
        if (cap_export_list_get(list, i, &export) < 0)
            return fail(at, "malformed");
        if (!check_export(at, service, &export, out))
            return false;
        out->service = index;
        plan->export_count++;
        service->export_count++;
    }
    place_set(at, "initConfig.services[%zu]", index);
    return true;
}

/* All of a service but what refers to other services. */
static bool check_service(struct place *at, size_t index, struct service *service)
{
    const struct plan *plan = at->plan;
    const struct cap_program *program = &service->program;
    if (program->binary.len == 0)
        return fail(at, "binary is empty");
    if (!find_binary(plan, program->binary))
        return fail(at, "binaries has no \"%s\"", quote(program->binary).text);
    service->name = program->name.len != 0 ? program->name : program->binary;
    if (!check_name(at, "name", service->name, CAPOS_PROCESS_NAME_MAX))
        return false;
    if (plan_find_service(plan, service->name) != plan->service_count)
        return fail(at, "a second service named \"%s\"", quote(service->name).text);
    return check_texts(at, service) && check_restart(at, service) && check_exports(at, index, service) &&
           check_budget(at, service);
}

static bool check_after(struct place *at, size_t index, service_set *needs)
{
    const struct plan *plan = at->plan;
    const struct capnp_list *after = &plan->services[index].program.after;
    for (size_t i = 0; i < after->count; i++) {
        struct capnp_text name;
        place_set(at, "initConfig.services[%zu].after[%zu]", index, i);
        if (capnp_list_get_text(after, i, &name) < 0)
            return fail(at, "malformed");
        size_t other = plan_find_service(plan, name);
        if (other == plan->service_count)
            return fail(at, "there is no service \"%s\"", quote(name).text);
        *needs |= (service_set)1 << other;
    }
    return true;
}

static bool check_max_weight(struct place *at, size_t index)
{
    const struct plan *plan = at->plan;
    uint32_t weight = plan->services[index].program.max_weight;
    bool has_policy = false;
    for (size_t i = 0; i < plan->grant_count; i++)
        has_policy = has_policy || plan->grants[i].kind == PLAN_GRANT_POLICY;
    place_set(at, "initConfig.services[%zu].maxWeight", index);
    if (weight > CAPOS_WEIGHT_MAX)
        return fail(at, "%u, at most %u is possible", weight, CAPOS_WEIGHT_MAX);
    return weight == 0 || has_policy || fail(at, "%u, but caps has no kernel = schedulingPolicy", weight);
}

/* What refers to other services: behind check_service of all. */
static bool check_references(struct place *at, size_t index)
{
    service_set needs = 0;
    if (!check_grants(at, index, &needs) || !check_max_weight(at, index) || !check_after(at, index, &needs))
        return false;
    at->plan->services[index].needs = needs;
    return true;
}

static bool check_services(struct place *at, const struct capnp_list *list)
{
    struct plan *plan = at->plan;
    place_set(at, "initConfig.services");
    if (list->count == 0)
        return fail(at, "empty: there is nothing to start");
    if (list->count > PLAN_SERVICES_MAX)
        return fail(at, "%zu entries, at most %d are possible", list->count, PLAN_SERVICES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct service *service = &plan->services[i];
        place_set(at, "initConfig.services[%zu]", i);
        if (cap_program_list_get(list, i, &service->program) < 0)
            return fail(at, "malformed");
        if (!check_service(at, i, service))
            return false;
        service->program.essential = service->program.essential || service->program.main;
        plan->kills = plan->kills || service->program.essential;
        plan->service_count++;
    }
    for (size_t i = 0; i < plan->service_count; i++)
        if (!check_references(at, i))
            return false;
    return check_order(at);
}

static void plan_clear(struct plan *plan)
{
    plan->binary_count = 0;
    plan->service_count = 0;
    plan->export_count = 0;
    plan->pipe_count = 0;
    plan->notification_count = 0;
    plan->serves_supervisor = false;
    plan->kills = false;
    plan->error[0] = '\0';
    plan->motd = capnp_text_n("", 0);
}

bool plan_make(struct plan *plan, const struct cap_system_manifest *manifest, const struct holdings *holdings)
{
    struct place at = {.plan = plan, .holdings = holdings};
    const struct cap_init_config *config = &manifest->init_config;
    plan_clear(plan);
    place_set(&at, "schemaVersion");
    if (manifest->schema_version != CAP_CURRENT_SCHEMA_VERSION)
        return fail(&at, "%u, this init reads version %u", manifest->schema_version,
                    CAP_CURRENT_SCHEMA_VERSION);
    if (!check_binaries(&at, manifest))
        return false;
    place_set(&at, "initConfig");
    if (!manifest->has_init_config)
        return fail(&at, "missing");
    if (!check_pipes(&at, &config->pipes) || !check_notifications(&at, &config->notifications) ||
        !check_services(&at, &config->services))
        return false;
    if (manifest->has_kernel_params)
        plan->motd = manifest->kernel_params.motd;
    return true;
}
