/* init's own Supervisor (schema/supervisor.capnp): one call at a time, between the other things init waits
 * for. */
#include "supervise_internal.h"
#include <capos/manifest.h>
#include <capos/supervisor_server.h>
#include <string.h>

static struct cap_service_info describe(const struct supervisor *sup, size_t index)
{
    static const enum cap_service_state states[] = {
        [WAITING] = CAP_SERVICE_STATE_WAITING,       [RUNNING] = CAP_SERVICE_STATE_RUNNING,
        [RESTARTING] = CAP_SERVICE_STATE_RESTARTING, [ENDED] = CAP_SERVICE_STATE_ENDED,
        [STOPPED] = CAP_SERVICE_STATE_STOPPED,       [GIVEN_UP] = CAP_SERVICE_STATE_GIVEN_UP,
    };
    const struct run *run = &sup->runs[index];
    const struct service *service = &sup->plan->services[index];
    return (struct cap_service_info){
        .name = service->name,
        .state = states[run->state],
        .process_id = run->process_id,
        .restarts = run->restarts,
        .exit_code = run->exit_code,
        .crashed = run->crashed,
        .reason = capnp_text_n(run->reason, strlen(run->reason)),
        .essential = service->program.essential,
    };
}

static int32_t list(void *self, struct cap_call *call, struct cap_supervisor_list_results *results)
{
    static struct cap_service_info infos[PLAN_SERVICES_MAX]; /* until the answer is encoded */
    const struct supervisor *sup = self;
    (void)call;
    for (size_t i = 0; i < sup->plan->service_count; i++)
        infos[i] = describe(sup, i);
    results->services = CAPNP_LIST(infos, sup->plan->service_count);
    return CAPOS_OK;
}

/* Its index; or a negative capos_error that is the call's answer. */
static int32_t find_service(const struct supervisor *sup, struct cap_call *call, struct capnp_text name)
{
    size_t index = plan_find_service(sup->plan, name);
    if (index == sup->plan->service_count)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "there is no service of that name");
    return (int32_t)index;
}

/* The same, for those who may change something. */
static int32_t control_service(const struct supervisor *sup, struct cap_call *call, struct capnp_text name)
{
    if (capos_call_of(call)->header->tag != CAP_SUPERVISOR_RIGHTS_CONTROL)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "this Supervisor may only observe");
    return find_service(sup, call, name);
}

static int32_t find(void *self, struct cap_call *call, const struct cap_supervisor_find_params *params,
                    struct cap_supervisor_find_results *results)
{
    int32_t index = find_service(self, call, params->name);
    if (index < 0)
        return index;
    results->has_service = true;
    results->service = describe(self, (size_t)index);
    return CAPOS_OK;
}

static int32_t start(void *self, struct cap_call *call, const struct cap_supervisor_start_params *params,
                     struct cap_supervisor_start_results *results)
{
    struct supervisor *sup = self;
    int32_t index = control_service(sup, call, params->name);
    if (index < 0)
        return index;
    struct run *run = &sup->runs[index];
    if (run->state == RUNNING)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "it is running");
    const char *why = supervise_start(sup, (size_t)index);
    if (why != NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED, why);
    results->process_id = run->process_id;
    return CAPOS_OK;
}

static int32_t stop(void *self, struct cap_call *call, const struct cap_supervisor_stop_params *params,
                    struct cap_supervisor_stop_results *results)
{
    struct supervisor *sup = self;
    int32_t index = control_service(sup, call, params->name);
    if (index < 0)
        return index;
    enum run_state state = sup->runs[index].state;
    results->was_running = state == RUNNING;
    const char *why = state == RUNNING || state == RESTARTING ? supervise_stop(sup, (size_t)index) : NULL;
    return why == NULL ? CAPOS_OK : cap_call_fail(call, CAPOS_EXCEPTION_FAILED, why);
}

static int32_t kill(void *self, struct cap_call *call, const struct cap_supervisor_kill_params *params,
                    struct cap_supervisor_kill_results *results)
{
    struct supervisor *sup = self;
    int32_t index = control_service(sup, call, params->name);
    if (index < 0)
        return index;
    results->was_running = sup->runs[index].state == RUNNING;
    const char *why = results->was_running ? supervise_kill(sup, (size_t)index, params->exit_code) : NULL;
    return why == NULL ? CAPOS_OK : cap_call_fail(call, CAPOS_EXCEPTION_FAILED, why);
}

CAPOS_DISPATCH(dispatch, cap_supervisor_dispatch)

void serve_receive(struct supervisor *sup)
{
    if (sup->endpoint.id == CAPNP_CAP_NONE || sup->receiving)
        return;
    sup->receive = (struct cap_pending){0};
    sup->receiving = capos_receive_start(sup->endpoint, &sup->receive, &sup->inbox) >= 0;
}

void serve_answer(struct supervisor *sup)
{
    static const struct cap_supervisor_server ops = {list, find, start, stop, kill};
    const struct capos_target target = {dispatch, &ops, sup};
    sup->receiving = false;
    if (sup->receive.result < 0)
        sup->endpoint.id = CAPNP_CAP_NONE; /* nobody can ask any more */
    else
        (void)capos_answer(sup->endpoint, &sup->inbox, &target, &sup->outbox);
}
