/* See wiring.h. */
#include "wiring.h"
#include "holdings.h"
#include <capos/call.h>
#include <capos/ipc.h>
#include <capos/pipe.h>
#include <capos/sched.h>
#include <capos/supervisor.h>

struct shared_pipe {
    cap_pipe_reader reader;
    cap_pipe_writer writer;
    service_set readers; /* who may still be given it */
    service_set writers;
};

static cap_endpoint endpoints[PLAN_EXPORTS_MAX];
static struct shared_pipe pipes[PLAN_PIPES_MAX];
static cap_notification notifications[PLAN_NOTIFICATIONS_MAX];
static cap_endpoint supervisor;

static bool report(const char *field, size_t index, int32_t status)
{
    if (status < 0)
        say("initConfig.%s[%zu]: it could not be made: %s", field, index, cap_why(status));
    return status >= 0;
}

static cap_ipc_factory factory(void)
{
    return (cap_ipc_factory){held(CAP_IPC_FACTORY_INTERFACE_ID), 0};
}

static bool make_endpoint(const struct plan *plan, size_t index)
{
    const struct plan_export *from = &plan->exports[index];
    struct cap_ipc_factory_create_endpoint_results made;
    int32_t status = cap_ipc_factory_create_endpoint(factory(), from->interface_id, from->max_queued, &made);
    if (status >= 0)
        endpoints[index] = made.endpoint;
    else
        say("initConfig.services[%zu].exports: no endpoint for \"%.*s\": %s", from->service,
            (int)from->name.len, from->name.bytes, cap_why(status));
    return status >= 0;
}

static bool make_pipe(const struct plan_pipe *from, size_t index)
{
    struct cap_ipc_factory_create_pipe_results made;
    int32_t status = cap_ipc_factory_create_pipe(factory(), from->spec.capacity_bytes, &made);
    if (status >= 0)
        pipes[index] = (struct shared_pipe){made.reader, made.writer, from->readers, from->writers};
    return report("pipes", index, status);
}

static bool make_notification(size_t index)
{
    struct cap_ipc_factory_create_notification_results made;
    int32_t status = cap_ipc_factory_create_notification(factory(), &made);
    if (status >= 0)
        notifications[index] = made.notification;
    return report("notifications", index, status);
}

/* Gives up init's capability, once. */
static void drop(uint32_t *id)
{
    if (*id != CAPNP_CAP_NONE)
        (void)cap_release_id(*id);
    *id = CAPNP_CAP_NONE;
}

/* Ends that nobody may be given (any more) must not keep the other side waiting. */
static void drop_unused(struct shared_pipe *pipe)
{
    if (pipe->readers == 0)
        drop(&pipe->reader.id);
    if (pipe->writers == 0)
        drop(&pipe->writer.id);
}

static bool make_supervisor(void)
{
    struct cap_ipc_factory_create_endpoint_results made;
    int32_t status = cap_ipc_factory_create_endpoint(factory(), CAP_SUPERVISOR_INTERFACE_ID, 0, &made);
    supervisor = made.endpoint;
    if (status < 0)
        say("no endpoint for the Supervisor: %s", cap_why(status));
    return status >= 0;
}

cap_endpoint wiring_supervisor(void)
{
    return supervisor;
}

bool wiring_make(struct plan *plan)
{
    supervisor.id = CAPNP_CAP_NONE;
    if (plan->serves_supervisor && !make_supervisor())
        return false;
    for (size_t i = 0; i < plan->export_count; i++)
        if (!make_endpoint(plan, i))
            return false;
    for (size_t i = 0; i < plan->pipe_count; i++) {
        if (!make_pipe(&plan->pipes[i], i))
            return false;
        drop_unused(&pipes[i]);
    }
    for (size_t i = 0; i < plan->notification_count; i++)
        if (!make_notification(i))
            return false;
    return true;
}

/* ---- One child's grants
 * ------------------------------------------------------------------------------------- */

static uint32_t make_facet(cap_endpoint endpoint, uint64_t tag, uint64_t interface_id, const char **why)
{
    struct cap_endpoint_mint_results minted;
    if (endpoint.id == CAPNP_CAP_NONE) {
        *why = "a service that it imports from has ended for good";
        return CAPNP_CAP_NONE;
    }
    int32_t status = cap_endpoint_mint(endpoint, tag, interface_id, &minted);
    if (status >= 0)
        return minted.client.id;
    *why = cap_why(status);
    return CAPNP_CAP_NONE;
}

static uint32_t make_signaler(const struct plan_grant *from, const char **why)
{
    struct cap_notification_signaler_results made;
    int32_t status = cap_notification_signaler(notifications[from->source], &made);
    if (status >= 0)
        return made.signaler.id;
    *why = cap_why(status);
    return CAPNP_CAP_NONE;
}

static uint32_t make_policy(const struct plan_grant *from, const char **why)
{
    struct cap_scheduling_policy_limited_results made;
    cap_scheduling_policy policy = {from->source, CAPOS_XFER_COPY};
    int32_t status = cap_scheduling_policy_limited(policy, (uint32_t)from->tag, &made);
    if (status >= 0)
        return made.policy.id;
    *why = cap_why(status);
    return CAPNP_CAP_NONE;
}

/* The capability to send. `*made`: it is for this child alone. NONE: *why says why. */
static uint32_t bind(const struct plan_grant *from, bool *made, const char **why)
{
    *made = false;
    *why = "a pipe or an endpoint that it shares has been given up";
    switch (from->kind) {
    case PLAN_GRANT_ENDPOINT:
        return endpoints[from->source].id;
    case PLAN_GRANT_PIPE_READER:
        return pipes[from->source].reader.id;
    case PLAN_GRANT_PIPE_WRITER:
        return pipes[from->source].writer.id;
    case PLAN_GRANT_NOTIFICATION:
        return notifications[from->source].id;
    case PLAN_GRANT_OWN: /* not a capability that is sent */
    case PLAN_GRANT_HELD:
        return from->source;
    case PLAN_GRANT_IMPORT:
        *made = true;
        return make_facet(endpoints[from->source], from->tag, from->interface_id, why);
    case PLAN_GRANT_SIGNALER:
        *made = true;
        return make_signaler(from, why);
    case PLAN_GRANT_POLICY:
        *made = true;
        return make_policy(from, why);
    case PLAN_GRANT_SUPERVISOR:
        *made = true;
        return make_facet(supervisor, from->source, from->interface_id, why);
    }
    return CAPNP_CAP_NONE;
}

bool wiring_bind(const struct plan *plan, struct wiring_grants *out, const char **why)
{
    out->count = 0;
    out->made_count = 0;
    for (size_t i = 0; i < plan->grant_count; i++) {
        const struct plan_grant *from = &plan->grants[i];
        struct cap_spawn_grant *to = &out->grants[out->count++];
        *to = (struct cap_spawn_grant){.name = from->name, .interface_id = from->interface_id};
        if (from->kind == PLAN_GRANT_OWN) {
            to->which = CAP_SPAWN_GRANT_OWN;
            to->own = (enum cap_own_object)from->source;
            continue;
        }
        bool made;
        uint32_t id = bind(from, &made, why);
        if (id == CAPNP_CAP_NONE) {
            wiring_unbind(out);
            return false;
        }
        to->which = CAP_SPAWN_GRANT_CAPABILITY;
        to->capability.id = id;
        to->capability.mode = made ? CAPOS_XFER_MOVE : CAPOS_XFER_COPY;
        if (made)
            out->made[out->made_count++] = id;
    }
    return true;
}

void wiring_unbind(struct wiring_grants *grants)
{
    for (size_t i = 0; i < grants->made_count; i++)
        (void)cap_release_id(grants->made[i]);
    grants->made_count = 0;
}

/* ---- The end of a need
 * -------------------------------------------------------------------------------------- */

void wiring_done(const struct plan *plan, size_t service, bool ended)
{
    const struct service *of = &plan->services[service];
    for (size_t i = 0; i < plan->pipe_count; i++) {
        pipes[i].readers &= ~((service_set)1 << service);
        pipes[i].writers &= ~((service_set)1 << service);
        drop_unused(&pipes[i]);
    }
    for (size_t i = 0; ended && i < of->export_count; i++)
        drop(&endpoints[of->first_export + i].id);
}

bool wiring_again(const struct plan *plan, size_t service)
{
    const struct service *of = &plan->services[service];
    for (size_t i = 0; i < of->export_count; i++)
        if (endpoints[of->first_export + i].id == CAPNP_CAP_NONE &&
            !make_endpoint(plan, of->first_export + i))
            return false;
    return true;
}
