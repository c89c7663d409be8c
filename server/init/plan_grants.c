/* What each service is given: the sources that a manifest names, and their interfaces. See plan.h. */
#include "plan_internal.h"
#include <capos/boot.h>
#include <capos/capset.h>
#include <capos/console.h>
#include <capos/entropy.h>
#include <capos/ipc.h>
#include <capos/limits.h>
#include <capos/log.h>
#include <capos/memory.h>
#include <capos/park.h>
#include <capos/pipe.h>
#include <capos/sched.h>
#include <capos/supervisor.h>
#include <capos/system.h>
#include <capos/terminal.h>
#include <capos/thread.h>
#include <capos/timer.h>
#include <capos/trace.h>
#include <capos/wallclock.h>

enum { NOT_OWN = -1 };

/* How a manifest names the kernel's objects, and how init passes them on: a copy of its own, or (enum
 * cap_own_object) one made for the child. */
struct kernel_object {
    char name[20];
    uint64_t interface_id;
    int own_object;
};

#define SHARED(kind, camel) [CAP_KERNEL_CAP_##kind] = {camel, CAP_##kind##_INTERFACE_ID, NOT_OWN}
#define OWN(kind, camel)    [CAP_KERNEL_CAP_##kind] = {camel, CAP_##kind##_INTERFACE_ID, CAP_OWN_OBJECT_##kind}
static const struct kernel_object kernel_objects[] = {
    SHARED(CONSOLE, "console"),
    SHARED(LOG_READER, "logReader"),
    SHARED(LOG_SINK, "logSink"),
    SHARED(TIMER, "timer"),
    SHARED(WALL_CLOCK, "wallClock"),
    [CAP_KERNEL_CAP_ENTROPY] = {"entropy", CAP_ENTROPY_SOURCE_INTERFACE_ID, NOT_OWN},
    OWN(VIRTUAL_MEMORY, "virtualMemory"),
    SHARED(BOOT_PACKAGE, "bootPackage"),
    SHARED(PROCESS_SPAWNER, "processSpawner"),
    SHARED(SYSTEM_INFO, "systemInfo"),
    SHARED(SYSTEM_CONTROL, "systemControl"),
    OWN(CAPABILITY_MANAGER, "capabilityManager"),
    [CAP_KERNEL_CAP_NULL] = {"null", CAP_NULL_CAP_INTERFACE_ID, NOT_OWN},
    SHARED(IPC_FACTORY, "ipcFactory"),
    OWN(THREAD_SPAWNER, "threadSpawner"),
    OWN(THREAD_CONTROL, "threadControl"),
    OWN(PARK_SPACE, "parkSpace"),
    SHARED(SHARED_PARK_SPACE, "sharedParkSpace"),
    OWN(SCHEDULING_POLICY, "schedulingPolicy"),
    SHARED(CONSOLE_INPUT, "consoleInput"),
    SHARED(TRACER, "tracer"),
};
enum { KERNEL_OBJECTS = sizeof kernel_objects / sizeof kernel_objects[0] };

static const struct kernel_object *own_object_of(uint64_t interface_id)
{
    for (size_t i = 0; i < KERNEL_OBJECTS; i++)
        if (kernel_objects[i].own_object != NOT_OWN && kernel_objects[i].interface_id == interface_id)
            return &kernel_objects[i];
    return NULL;
}

/* ---- Sources
 * --------------------------------------------------------------------------------------------------- */

static void grant_set(struct plan_grant *out, enum plan_grant_kind kind, size_t source, uint64_t interface_id)
{
    out->kind = kind;
    out->source = (uint32_t)source;
    out->interface_id = interface_id;
}

/* The policy is made of init's own when the manifest limits it. */
static bool resolve_policy(const struct place *at, uint32_t max_weight, struct plan_grant *out)
{
    const struct holding *policy = holdings_find(at->holdings, CAP_SCHEDULING_POLICY_INTERFACE_ID);
    if (policy == NULL)
        return fail_not_held(at, "schedulingPolicy", "limit it to maxWeight");
    grant_set(out, PLAN_GRANT_POLICY, policy->cap_id, policy->interface_id);
    out->tag = max_weight;
    return true;
}

static bool resolve_kernel(const struct place *at, enum cap_kernel_cap kernel, uint32_t max_weight,
                           struct plan_grant *out)
{
    if ((uint32_t)kernel >= KERNEL_OBJECTS || kernel_objects[kernel].name[0] == '\0')
        return fail(at, "source.kernel is %u, which is no kernel object that this init knows",
                    (unsigned)kernel);
    const struct kernel_object *object = &kernel_objects[kernel];
    if (kernel == CAP_KERNEL_CAP_SCHEDULING_POLICY && max_weight != 0)
        return resolve_policy(at, max_weight, out);
    if (object->own_object != NOT_OWN) {
        grant_set(out, PLAN_GRANT_OWN, (size_t)object->own_object, object->interface_id);
        return true;
    }
    const struct holding *holding = holdings_find(at->holdings, object->interface_id);
    if (holding == NULL)
        return fail_not_held(at, object->name, "pass it on");
    grant_set(out, PLAN_GRANT_HELD, holding->cap_id, holding->interface_id);
    return true;
}

static bool resolve_inherit(const struct place *at, struct capnp_text name, struct plan_grant *out)
{
    for (size_t i = 0; i < at->holdings->count; i++) {
        const struct holding *holding = &at->holdings->items[i];
        if (!text_equal(capnp_text_n(holding->name, holding->name_len), name))
            continue;
        const struct kernel_object *own = own_object_of(holding->interface_id);
        if (own != NULL)
            return fail(at, "\"%s\" is init's own; write kernel = %s to give the service one of its own",
                        quote(name).text, own->name);
        grant_set(out, PLAN_GRANT_HELD, holding->cap_id, holding->interface_id);
        return true;
    }
    return fail(at, "no capability named \"%s\"; init holds: %s", quote(name).text,
                list_holdings(at->holdings).text);
}

/* The export that a reference means; null: refused. */
static const struct plan_export *find_export(const struct place *at, const struct cap_export_ref *ref,
                                             const struct service *from)
{
    const struct plan_export *exports = &at->plan->exports[from->first_export];
    if (from->export_count == 0) {
        (void)fail(at, "source.service: \"%s\" exports nothing", quote(from->name).text);
        return NULL;
    }
    if (ref->export_.len == 0 && from->export_count == 1)
        return exports;
    if (ref->export_.len == 0) {
        (void)fail(at, "source.service.export is empty, but \"%s\" exports %zu capabilities",
                   quote(from->name).text, from->export_count);
        return NULL;
    }
    for (size_t i = 0; i < from->export_count; i++)
        if (text_equal(exports[i].name, ref->export_))
            return &exports[i];
    (void)fail(at, "source.service.export: \"%s\" does not export \"%s\"", quote(from->name).text,
               quote(ref->export_).text);
    return NULL;
}

static bool resolve_service(const struct place *at, bool present, const struct cap_export_ref *ref,
                            struct plan_grant *out, service_set *needs)
{
    struct plan *plan = at->plan;
    size_t index = present ? plan_find_service(plan, ref->service) : plan->service_count;
    if (index == plan->service_count)
        return fail(at, "source.service.service: there is no service \"%s\"",
                    present ? quote(ref->service).text : "");
    const struct plan_export *export = find_export(at, ref, &plan->services[index]);
    if (export == NULL)
        return false;
    grant_set(out, PLAN_GRANT_IMPORT, (size_t)(export - plan->exports), export->interface_id);
    out->tag = ref->tag;
    if (needs != NULL)
        *needs |= (service_set)1 << index;
    return true;
}

static bool resolve_pipe(const struct place *at, const char *field, struct capnp_text name,
                         enum plan_grant_kind kind, struct plan_grant *out)
{
    struct plan *plan = at->plan;
    bool reads = kind == PLAN_GRANT_PIPE_READER;
    for (size_t i = 0; i < plan->pipe_count; i++)
        if (text_equal(plan->pipes[i].spec.name, name)) {
            service_set *users = reads ? &plan->pipes[i].readers : &plan->pipes[i].writers;
            *users |= (service_set)1 << at->service;
            grant_set(out, kind, i, reads ? CAP_PIPE_READER_INTERFACE_ID : CAP_PIPE_WRITER_INTERFACE_ID);
            return true;
        }
    return fail(at, "source.%s: initConfig.pipes has no \"%s\"", field, quote(name).text);
}

static bool resolve_notification(const struct place *at, const char *field, struct capnp_text name,
                                 enum plan_grant_kind kind, struct plan_grant *out)
{
    const struct plan *plan = at->plan;
    for (size_t i = 0; i < plan->notification_count; i++)
        if (text_equal(plan->notifications[i], name)) {
            grant_set(out, kind, i,
                      kind == PLAN_GRANT_NOTIFICATION ? CAP_NOTIFICATION_INTERFACE_ID
                                                      : CAP_SIGNALER_INTERFACE_ID);
            return true;
        }
    return fail(at, "source.%s: initConfig.notifications has no \"%s\"", field, quote(name).text);
}

static bool resolve_supervisor(const struct place *at, enum cap_supervisor_rights rights,
                               struct plan_grant *out)
{
    if (rights != CAP_SUPERVISOR_RIGHTS_CONTROL && rights != CAP_SUPERVISOR_RIGHTS_OBSERVE)
        return fail(at, "source.supervisor is %u, which this init does not know", (unsigned)rights);
    if (holdings_find(at->holdings, CAP_IPC_FACTORY_INTERFACE_ID) == NULL)
        return fail_not_held(at, "ipcFactory", "serve a Supervisor");
    grant_set(out, PLAN_GRANT_SUPERVISOR, rights, CAP_SUPERVISOR_INTERFACE_ID);
    at->plan->serves_supervisor = true;
    at->plan->kills = true;
    return true;
}

static bool resolve(const struct place *at, const struct cap_cap_grant *grant, uint32_t max_weight,
                    struct plan_grant *out, service_set *needs)
{
    const struct cap_cap_grant_source *source = &grant->source;
    switch (source->which) {
    case CAP_CAP_GRANT_SOURCE_KERNEL:
        return resolve_kernel(at, source->kernel, max_weight, out);
    case CAP_CAP_GRANT_SOURCE_INHERIT:
        return resolve_inherit(at, source->inherit, out);
    case CAP_CAP_GRANT_SOURCE_SERVICE:
        return resolve_service(at, source->has_service, &source->service, out, needs);
    case CAP_CAP_GRANT_SOURCE_PIPE_READER:
        return resolve_pipe(at, "pipeReader", source->pipe_reader, PLAN_GRANT_PIPE_READER, out);
    case CAP_CAP_GRANT_SOURCE_PIPE_WRITER:
        return resolve_pipe(at, "pipeWriter", source->pipe_writer, PLAN_GRANT_PIPE_WRITER, out);
    case CAP_CAP_GRANT_SOURCE_NOTIFICATION:
        return resolve_notification(at, "notification", source->notification, PLAN_GRANT_NOTIFICATION, out);
    case CAP_CAP_GRANT_SOURCE_SIGNALER:
        return resolve_notification(at, "signaler", source->signaler, PLAN_GRANT_SIGNALER, out);
    case CAP_CAP_GRANT_SOURCE_SUPERVISOR:
        return resolve_supervisor(at, source->supervisor, out);
    }
    return fail(at, "source is of a kind (%u) that this init does not know", (unsigned)source->which);
}

/* ---- A service's grants
 * --------------------------------------------------------------------------------------------------- */

static bool check_expected(const struct place *at, struct capnp_text expects, uint64_t interface_id)
{
    uint64_t expected;
    if (expects.len == 0)
        return true;
    if (!check_interface(at, "expects", expects, &expected))
        return false;
    return expected == interface_id || fail(at, "expects %s, but the source is %s",
                                            show_interface(expected).text, show_interface(interface_id).text);
}

static struct plan_grant *grant_add(const struct place *at, struct capnp_text name)
{
    struct plan *plan = at->plan;
    for (size_t i = 0; i < plan->grant_count; i++)
        if (text_equal(plan->grants[i].name, name)) {
            (void)fail(at, "a second capability named \"%s\"", quote(name).text);
            return NULL;
        }
    struct plan_grant *grant = &plan->grants[plan->grant_count++];
    *grant = (struct plan_grant){.name = name};
    return grant;
}

static bool check_grant(const struct place *at, const struct cap_cap_grant *grant, uint32_t max_weight,
                        service_set *needs)
{
    if (!check_name(at, "name", grant->name, CAPOS_CAP_NAME_MAX))
        return false;
    struct plan_grant *out = grant_add(at, grant->name);
    return out != NULL && resolve(at, grant, max_weight, out, needs) &&
           check_expected(at, grant->expects, out->interface_id);
}

/* The server's side of its exports, behind everything else. */
static bool add_exports(struct place *at, size_t index)
{
    struct plan *plan = at->plan;
    const struct service *service = &plan->services[index];
    for (size_t i = 0; i < service->export_count; i++) {
        size_t export = service->first_export + i;
        place_set(at, "initConfig.services[%zu].exports[%zu]", index, i);
        struct plan_grant *out = grant_add(at, plan->exports[export].name);
        if (out == NULL)
            return false;
        grant_set(out, PLAN_GRANT_ENDPOINT, export, CAP_ENDPOINT_INTERFACE_ID);
    }
    return true;
}

/* What is passed on travels with one call. */
static bool check_sent(struct place *at, size_t index)
{
    const struct plan *plan = at->plan;
    size_t caps = plan->services[index].program.caps.count, sent = 0;
    for (size_t i = 0; i < plan->grant_count; i++) {
        if (plan->grants[i].kind == PLAN_GRANT_OWN || ++sent <= CAPOS_CALL_CAPS_MAX)
            continue;
        place_set(at, "initConfig.services[%zu].%s[%zu]", index, i < caps ? "caps" : "exports",
                  i < caps ? i : i - caps);
        return fail(at,
                    "one more than the %u capabilities that can be passed to a new process (objects of its "
                    "own, such as virtualMemory, do not count)",
                    CAPOS_CALL_CAPS_MAX);
    }
    return true;
}

bool check_grants(struct place *at, size_t index, service_set *needs)
{
    const struct service *service = &at->plan->services[index];
    const struct capnp_list *caps = &service->program.caps;
    at->plan->grant_count = 0;
    at->service = index;
    place_set(at, "initConfig.services[%zu]", index);
    if (caps->count + service->export_count > PLAN_GRANTS_MAX)
        return fail(at, "caps and exports have %zu entries, at most %d are possible",
                    caps->count + service->export_count, PLAN_GRANTS_MAX);
    for (size_t i = 0; i < caps->count; i++) {
        struct cap_cap_grant grant;
        place_set(at, "initConfig.services[%zu].caps[%zu]", index, i);
        if (cap_cap_grant_list_get(caps, i, &grant) < 0)
            return fail(at, "malformed");
        if (!check_grant(at, &grant, service->program.max_weight, needs))
            return false;
    }
    return add_exports(at, index) && check_sent(at, index);
}

bool plan_grants(struct plan *plan, size_t index, const struct holdings *holdings)
{
    struct place at = {.plan = plan, .holdings = holdings};
    return check_grants(&at, index, NULL);
}
