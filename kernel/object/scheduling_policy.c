/*
 * SchedulingPolicy: weight, latency class and affinity of the caller's own threads. Without one a thread
 * keeps what it began with. A limited policy allows weights up to its own maximum only.
 *
 * What is set is applied under the run queue's lock by sched.c; a thread named by a handle is held by that
 * handle's lock meanwhile.
 */
#include "core/call.h"
#include "core/process.h"
#include "core/sched.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/kernel_caps.h"
#include "object/thread_handle.h"
#include <capos/manifest.h>
#include <capos/process.h>
#include <capos/sched_server.h>

_Static_assert((int)SCHED_NORMAL == (int)CAP_LATENCY_CLASS_NORMAL &&
                   (int)SCHED_INTERACTIVE == (int)CAP_LATENCY_CLASS_INTERACTIVE &&
                   (int)SCHED_BATCH == (int)CAP_LATENCY_CLASS_BATCH,
               "the schema's classes are the scheduler's");

struct policy {
    struct object object; /* first */
    uint32_t max_weight;
    struct ledger *payer; /* referenced; null: the one that is always there */
};

static struct policy *policy_of(void *self)
{
    return container_of((struct object *)self, struct policy, object);
}

/* Calls `use` with the thread that `handle` names, the caller's own for none. */
static int32_t with_thread(struct cap_call *call, uint32_t handle_id,
                           void (*use)(struct thread *thread, void *argument), void *argument)
{
    if (handle_id == CAPNP_CAP_NONE) {
        use(kcall_thread(call), argument);
        return CAPOS_OK;
    }
    return thread_handle_use(kcall_capability_in(call, handle_id), kcall_process(call), use, argument);
}

static void describe(struct thread *thread, void *argument)
{
    struct cap_scheduling_policy_get_results *results = argument;
    results->weight = thread->sched.weight;
    results->latency_class = (enum cap_latency_class)thread->sched.latency;
    results->affinity = thread->sched.affinity & sched_cpus();
    results->runtime_ns = sched_runtime_ns(thread);
    results->virtual_runtime_ns = thread->sched.virtual_ns;
    results->cpu = thread->cpu;
}

static int32_t get(void *self, struct cap_call *call, const struct cap_scheduling_policy_get_params *params,
                   struct cap_scheduling_policy_get_results *results)
{
    (void)self;
    return with_thread(call, params->thread.id, describe, results);
}

static void use_weight(struct thread *thread, void *argument)
{
    sched_set_weight(thread, *(const uint32_t *)argument);
}

static int32_t set_weight(void *self, struct cap_call *call,
                          const struct cap_scheduling_policy_set_weight_params *params)
{
    uint32_t weight = params->weight;
    if (weight < SCHED_WEIGHT_MIN || weight > SCHED_WEIGHT_MAX)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a weight is from 1 to 10000");
    if (weight > policy_of(self)->max_weight)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT,
                             "the weight is above this policy's maximum");
    return with_thread(call, params->thread.id, use_weight, &weight);
}

static void use_class(struct thread *thread, void *argument)
{
    sched_set_class(thread, *(const enum sched_class *)argument);
}

static int32_t set_latency_class(void *self, struct cap_call *call,
                                 const struct cap_scheduling_policy_set_latency_class_params *params)
{
    enum sched_class latency = (enum sched_class)params->latency_class;
    (void)self;
    if ((uint32_t)params->latency_class >= SCHED_CLASSES)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "there is no such latency class");
    return with_thread(call, params->thread.id, use_class, &latency);
}

static void use_affinity(struct thread *thread, void *argument)
{
    sched_set_affinity(thread, *(const uint64_t *)argument);
}

static int32_t set_affinity(void *self, struct cap_call *call,
                            const struct cap_scheduling_policy_set_affinity_params *params)
{
    uint64_t cpus = params->cpus;
    (void)self;
    if ((cpus & sched_cpus()) == 0)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "none of these processors exists");
    return with_thread(call, params->thread.id, use_affinity, &cpus);
}

static int32_t limited(void *self, struct cap_call *call,
                       const struct cap_scheduling_policy_limited_params *params,
                       struct cap_scheduling_policy_limited_results *results);

static const struct cap_scheduling_policy_server server = {
    .get = get,
    .set_weight = set_weight,
    .set_latency_class = set_latency_class,
    .set_affinity = set_affinity,
    .limited = limited,
};
KERNEL_DISPATCH(dispatch, cap_scheduling_policy_dispatch)

static void policy_destroy(struct object *object)
{
    struct policy *policy = policy_of(object);
    struct ledger *payer = policy->payer;
    heap_free(policy, sizeof(*policy));
    ledger_refund(payer, LEDGER_HEAP_BYTES, sizeof(*policy));
    ledger_put(payer);
}

static const struct object_type scheduling_policy_type = {
    .name = "SchedulingPolicy",
    .interface_id = CAP_SCHEDULING_POLICY_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
    .destroy = policy_destroy,
};

static status_t policy_create(struct ledger *payer, uint32_t max_weight, struct object **out)
{
    status_t status = ledger_charge(payer, LEDGER_HEAP_BYTES, sizeof(struct policy));
    if (status < 0)
        return status;
    struct policy *policy = heap_alloc(sizeof(*policy));
    if (policy == NULL) {
        ledger_refund(payer, LEDGER_HEAP_BYTES, sizeof(*policy));
        return CAPOS_ERR_NO_MEMORY;
    }
    object_init(&policy->object, &scheduling_policy_type);
    policy->max_weight = max_weight;
    policy->payer = payer;
    ledger_get(payer);
    *out = &policy->object;
    return CAPOS_OK;
}

/* A limit is never above the one it is made from. */
static int32_t limited(void *self, struct cap_call *call,
                       const struct cap_scheduling_policy_limited_params *params,
                       struct cap_scheduling_policy_limited_results *results)
{
    const struct policy *from = policy_of(self);
    struct object *object;
    if (params->max_weight < SCHED_WEIGHT_MIN)
        return cap_call_fail(call, CAPOS_EXCEPTION_INVALID_ARGUMENT, "a weight is from 1 to 10000");
    uint32_t max_weight = params->max_weight < from->max_weight ? params->max_weight : from->max_weight;
    status_t status = policy_create(kcall_ledger(call), max_weight, &object);
    if (status < 0)
        return status;
    return kcall_return_capability(call, (struct capability){object, &scheduling_policy_type},
                                   &results->policy.id);
}

/* The unlimited one holds nothing: one serves everybody. */
static struct policy unlimited = {.object = {.type = &scheduling_policy_type, .references = 1},
                                  .max_weight = SCHED_WEIGHT_MAX};

static status_t own_policy_create(struct process *process, struct object **out)
{
    (void)process;
    object_get(&unlimited.object);
    *out = &unlimited.object;
    return CAPOS_OK;
}

OWN_OBJECT(CAP_OWN_OBJECT_SCHEDULING_POLICY, CAP_KERNEL_CAP_SCHEDULING_POLICY, own_policy_create, NULL, NULL);
