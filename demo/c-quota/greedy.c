/*
 * The greedy ones: one more of a resource until it is refused, with the error that the documentation names;
 * then all but a little is given back, and there is some again.
 */
#include "quota.h"
#include <capos/clock.h>
#include <capos/log.h>
#include <capos/memory.h>
#include <capos/sync.h>
#include <capos/system.h>
#include <capos/threads.h>
#include <capos/trace.h>
#include <string.h>

enum {
    MANY = 4000,
    PAGE = CAPOS_PAGE_SIZE,
    SPLIT_PAGES = 2 * MANY,
    ASYNC_MAX = 30,
    FLOOD = 3000,
    STACK_BYTES = 1 << 16
};
#define FOREVER_NS   (UINT64_MAX / 2)
#define TERABYTE     (UINT64_C(1) << 40)
#define TABLE_STRIDE (UINT64_C(1) << 30)
#define TABLE_BASE   (UINT64_C(1) << 44)

static struct taken {
    uint64_t address;
    uint32_t cap, second_cap;
} taken[MANY];
static struct cap_pending calls[ASYNC_MAX];

static cap_virtual_memory memory(void)
{
    return capos_need_virtual_memory("memory");
}
static cap_ipc_factory ipc(void)
{
    return capos_need_ipc_factory("ipc");
}

static void release_caps(size_t i)
{
    (void)cap_release_id(taken[i].cap);
    if (taken[i].second_cap != 0)
        (void)cap_release_id(taken[i].second_cap);
    taken[i] = (struct taken){0};
}

/* ---- Memory. */

static int32_t take_frames(size_t i)
{
    struct cap_virtual_memory_map_results mapped = {0};
    int32_t status = cap_virtual_memory_map(memory(), 0, PAGE, 3, &mapped);
    taken[i].address = mapped.address;
    if (status >= 0)
        *(volatile char *)(uintptr_t)mapped.address = 1;
    return status;
}

static void give_page(size_t i)
{
    (void)cap_virtual_memory_unmap(memory(), taken[i].address, PAGE);
}

static int32_t take_objects(size_t i)
{
    struct cap_virtual_memory_create_object_results made = {0};
    int32_t status = cap_virtual_memory_create_object(memory(), PAGE, &made);
    taken[i].cap = made.object.id;
    return status;
}

/* Each page far from all others: what is used up is page tables. */
static int32_t take_tables(size_t i)
{
    struct cap_virtual_memory_map_results mapped = {0};
    int32_t status = cap_virtual_memory_map(memory(), TABLE_BASE + i * TABLE_STRIDE, PAGE, 3, &mapped);
    taken[i].address = mapped.address;
    return status;
}

/* Every other page of a reservation: what is used up is the kernel's records of regions. */
static int32_t take_regions(size_t i)
{
    static uint64_t base;
    struct cap_virtual_memory_reserve_results reserved = {0};
    int32_t status = CAPOS_OK;
    if (base == 0) {
        status = cap_virtual_memory_reserve(memory(), 0, (uint64_t)SPLIT_PAGES * PAGE, &reserved);
        base = reserved.address;
    }
    taken[i].address = base + 2 * i * PAGE;
    return status < 0 ? status : cap_virtual_memory_unmap(memory(), taken[i].address, PAGE);
}

/* Filling the holes makes the regions whole again. */
static void give_region(size_t i)
{
    (void)cap_virtual_memory_unmap(memory(), taken[i].address, 2 * PAGE);
}

static int32_t take_address_space(size_t i)
{
    struct cap_virtual_memory_reserve_results reserved = {0};
    int32_t status = cap_virtual_memory_reserve(memory(), 0, TERABYTE, &reserved);
    taken[i].address = reserved.address;
    return status;
}

static void give_address_space(size_t i)
{
    (void)cap_virtual_memory_unmap(memory(), taken[i].address, TERABYTE);
}

/* ---- Objects of the kernel. */

static int32_t take_notifications(size_t i)
{
    struct cap_ipc_factory_create_notification_results made = {0};
    int32_t status = cap_ipc_factory_create_notification(ipc(), &made);
    taken[i].cap = made.notification.id;
    return status;
}

static int32_t take_slots(size_t i)
{
    struct cap_notification_signaler_results made = {0};
    int32_t status = cap_notification_signaler(quota_gate, &made);
    taken[i].cap = made.signaler.id;
    return status;
}

static int32_t take_pipes(size_t i)
{
    struct cap_ipc_factory_create_pipe_results made = {0};
    int32_t status = cap_ipc_factory_create_pipe(ipc(), 0, &made);
    taken[i] = (struct taken){.cap = made.reader.id, .second_cap = made.writer.id};
    return status;
}

static int32_t take_endpoints(size_t i)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    int32_t status = cap_ipc_factory_create_endpoint(ipc(), CAP_NULL_CAP_INTERFACE_ID, 0, &made);
    taken[i].cap = made.endpoint.id;
    return status;
}

/* Facets of one endpoint. A facet that nobody holds any more is news for the server, and paid for until a
 * receiver has heard it or the endpoint is gone: so the endpoint goes first. */
static cap_endpoint endpoint;

static void give_facet(size_t i)
{
    if (endpoint.id != 0)
        (void)cap_release(endpoint);
    endpoint.id = 0;
    release_caps(i);
}

static int32_t take_facets(size_t i)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    if (endpoint.id == 0) {
        int32_t status = cap_ipc_factory_create_endpoint(ipc(), CAP_NULL_CAP_INTERFACE_ID, 0, &made);
        if (status < 0)
            return status;
        endpoint = made.endpoint;
    }
    int32_t status = cap_endpoint_mint(endpoint, i, 0, &minted);
    taken[i].cap = minted.client.id;
    return status;
}

static int32_t take_membranes(size_t i)
{
    struct cap_capability_manager_make_revocable_results made = {0};
    const cap_any original = {.id = quota_gate.id, .mode = CAPOS_XFER_COPY};
    int32_t status =
        cap_capability_manager_make_revocable(capos_need_capability_manager("manager"), original, &made);
    taken[i] = (struct taken){.cap = made.facet.id, .second_cap = made.revoker.id};
    return status;
}

static int32_t take_launchers(size_t i)
{
    static const struct capnp_text binary = {"c-quota", 7};
    const struct cap_process_spawner_restrict_params params = {.binaries = CAPNP_LIST(&binary, 1)};
    struct cap_process_spawner_restrict_results made = {0};
    int32_t status = cap_process_spawner_restrict_call(capos_need_process_spawner("spawner"), &params, &made);
    taken[i].cap = made.launcher.id;
    return status;
}

/* ---- Processes. */

static const struct cap_budget tiny = {
    .frames = 60, .cap_slots = 16, .threads = 1, .calls = 1, .kernel_bytes = 16000};

static int32_t take_processes(size_t i)
{
    struct cap_process_spawner_spawn_results child = {0};
    int32_t status = quota_spawn("idle", "", &tiny, true, &child);
    taken[i] = (struct taken){.cap = child.handle.id, .second_cap = child.control.id};
    return status;
}

static void give_process(size_t i)
{
    struct cap_process_control_kill_results killed = {0};
    struct cap_process_handle_wait_results ended = {0};
    (void)cap_process_control_kill((cap_process_control){.id = taken[i].second_cap}, 0, &killed);
    (void)cap_process_handle_wait((cap_process_handle){.id = taken[i].cap}, &ended, &quota_answer);
    release_caps(i);
}

/* Handles of processes that have ended. */
static int32_t take_handles(size_t i)
{
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_process_handle_wait_results ended = {0};
    int32_t status = quota_spawn("idle", "", &tiny, false, &child);
    if (status < 0)
        return status;
    taken[i].cap = child.handle.id;
    return cap_process_handle_wait(child.handle, &ended, &quota_answer);
}

/* A trace for each of several children, which wait to begin. */
static int32_t take_traces(size_t i)
{
    struct cap_process_spawner_spawn_results child = {0};
    struct cap_tracer_attach_results attached = {0};
    int32_t status = quota_spawn("idle", "", &tiny, true, &child);
    if (status < 0)
        return status;
    status = cap_tracer_attach(capos_need_tracer("tracer"), child.handle, 16384, 0, &attached);
    taken[i] =
        (struct taken){.address = attached.trace.id, .cap = child.handle.id, .second_cap = child.control.id};
    if (status < 0)
        give_process(i);
    return status;
}

static void give_trace(size_t i)
{
    (void)cap_release_id((uint32_t)taken[i].address);
    give_process(i);
}

/* ---- Threads, each parked at a lock. */

static struct capos_mutex barrier = CAPOS_MUTEX_INIT;

static uint64_t pass_barrier(void *argument)
{
    capos_mutex_lock(&barrier);
    capos_mutex_unlock(&barrier);
    return (uintptr_t)argument;
}

static int32_t take_threads(size_t i)
{
    capos_thread thread = 0;
    if (i == 0)
        capos_mutex_lock(&barrier);
    int32_t status = capos_thread_create(NULL, pass_barrier, NULL, &thread);
    taken[i].address = thread;
    return status;
}

static void give_thread(size_t i)
{
    if (i == 0)
        capos_mutex_unlock(&barrier);
    (void)capos_thread_join((capos_thread)taken[i].address, NULL);
}

/* ---- Operations in flight. */

static int32_t started(size_t i, int32_t status)
{
    if (status >= 0)
        status = cap_submit();
    return status >= 0 && cap_pending_poll(&calls[i]) ? cap_pending_wait(&calls[i]) : status;
}

static int32_t take_timers(size_t i)
{
    const struct cap_timer_sleep_params params = {.duration_ns = FOREVER_NS};
    return started(i, cap_timer_sleep_start(capos_need_timer("timer"), &params, &calls[i]));
}

/* With a deadline each, which is a timer of its own. */
static int32_t take_waiters(size_t i)
{
    const struct cap_notification_wait_params params = {.mask = UINT64_C(1) << 40};
    calls[i].deadline_ns = capos_clock_ns(capos_need_timer("timer")) + FOREVER_NS;
    return started(i, cap_notification_wait_start(quota_gate, &params, &calls[i]));
}

static void give_call(size_t i)
{
    (void)cap_pending_cancel(&calls[i]);
}

/* Calls that wait in an endpoint's queue: nobody receives. */
static int32_t take_queued(size_t i)
{
    static cap_null_cap client;
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    if (client.id == 0) {
        int32_t status = cap_ipc_factory_create_endpoint(ipc(), CAP_NULL_CAP_INTERFACE_ID, 5, &made);
        if (status >= 0)
            status = cap_endpoint_mint(made.endpoint, 1, 0, &minted);
        if (status < 0)
            return status;
        client.id = minted.client.id;
    }
    return started(i, cap_null_cap_nop_start(client, &calls[i]));
}

/* ---- What is never refused, and keeps nothing. */

static int32_t take_log(size_t i)
{
    static const struct capnp_text line = {"much ado", 8};
    return i < FLOOD ? cap_log_sink_write(capos_need_log_sink("log"), CAP_LOG_LEVEL_DEBUG, line) : 1;
}

static int32_t take_console(size_t i)
{
    static const struct capnp_text dots = {"........", 8};
    return i < 40 ? cap_console_write_line(demo_console, dots) : 1;
}

static void give_nothing(size_t i)
{
    (void)i;
}

/* ---- All of them. */

enum refusal { TRANSPORT, EXCEPTION, NEVER };

static const struct resource {
    const char *name;
    int32_t (*take)(size_t i);
    void (*give)(size_t i);
    enum refusal refusal;
    int32_t error; /* capos_error, or exception kind */
    size_t at_least;
    struct cap_budget budget; /* what differs from the usual */
} resources[] = {
    {"frames", take_frames, give_page, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {.frames = 300}},
    {"memory objects", take_objects, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {.frames = 300}},
    {"page tables", take_tables, give_page, TRANSPORT, CAPOS_ERR_NO_MEMORY, 30, {.frames = 300}},
    {"regions", take_regions, give_region, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {.kernel_bytes = 60000}},
    {"address space",
     take_address_space,
     give_address_space,
     EXCEPTION,
     CAPOS_EXCEPTION_INVALID_ARGUMENT,
     30,
     {0}},
    {"slots", take_slots, release_caps, TRANSPORT, CAPOS_ERR_NO_SLOTS, 20, {.cap_slots = 40}},
    {"notifications", take_notifications, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {0}},
    {"pipes", take_pipes, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 10, {0}},
    {"endpoints", take_endpoints, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {0}},
    {"facets", take_facets, give_facet, TRANSPORT, CAPOS_ERR_NO_MEMORY, 100, {0}},
    {"revocable facets", take_membranes, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 50, {0}},
    {"launchers", take_launchers, release_caps, TRANSPORT, CAPOS_ERR_NO_MEMORY, 50, {0}},
    {"processes", take_processes, give_process, EXCEPTION, CAPOS_EXCEPTION_OVERLOADED, 4, {0}},
    {"handles of the dead", take_handles, release_caps, EXCEPTION, CAPOS_EXCEPTION_OVERLOADED, 30, {0}},
    {"traces", take_traces, give_trace, TRANSPORT, CAPOS_ERR_NO_MEMORY, 3, {0}},
    {"threads", take_threads, give_thread, EXCEPTION, CAPOS_EXCEPTION_OVERLOADED, 6, {0}},
    {"timers", take_timers, give_call, TRANSPORT, CAPOS_ERR_QUOTA, 8, {.calls = 8}},
    {"waiters with a deadline", take_waiters, give_call, TRANSPORT, CAPOS_ERR_QUOTA, 8, {.calls = 8}},
    {"queued calls", take_queued, give_call, EXCEPTION, CAPOS_EXCEPTION_OVERLOADED, 5, {0}},
    {"log lines", take_log, give_nothing, NEVER, 0, FLOOD, {0}},
    {"console lines", take_console, give_nothing, NEVER, 0, 40, {0}},
};
enum { RESOURCES = sizeof resources / sizeof resources[0] };

const char *const quota_resources[RESOURCES + 1] = {
    "frames",           "memory objects",
    "page tables",      "regions",
    "address space",    "slots",
    "notifications",    "pipes",
    "endpoints",        "facets",
    "revocable facets", "launchers",
    "processes",        "handles of the dead",
    "traces",           "threads",
    "timers",           "waiters with a deadline",
    "queued calls",     "log lines",
    "console lines",    NULL,
};

static const struct resource *find(const char *name)
{
    for (size_t i = 0; i < RESOURCES; i++) {
        if (strcmp(resources[i].name, name) == 0)
            return &resources[i];
    }
    return &resources[0];
}

const struct cap_budget *quota_budget(const char *name)
{
    static struct cap_budget budget;
    const struct cap_budget *own = &find(name)->budget;
    budget = (struct cap_budget){
        .frames = own->frames != 0 ? own->frames : 900,
        .cap_slots = own->cap_slots != 0 ? own->cap_slots : 3000,
        .threads = 10,
        .calls = own->calls != 0 ? own->calls : 40,
        .kernel_bytes = own->kernel_bytes != 0 ? own->kernel_bytes : 200000,
    };
    return &budget;
}

static void expect_refusal(const struct resource *resource, int32_t status)
{
    if (resource->refusal == TRANSPORT)
        demo_expect(resource->error, status, resource->name);
    else if (resource->refusal == EXCEPTION)
        demo_expect_exception((enum capos_exception_kind)resource->error, status, resource->name);
    else
        demo_check(status == 1, resource->name);
}

/* A stack grows when it is touched, and who has no memory left then crashes: so before. */
static __attribute__((noinline)) void touch_stack(void)
{
    volatile char stack[STACK_BYTES];
    __asm__ volatile("" : : "r"(stack) : "memory"); /* the compiler must not take the array apart */
    for (size_t i = 0; i < sizeof stack; i += PAGE)
        stack[i] = 0;
}

int quota_greedy(const char *name)
{
    touch_stack();
    demo_begin("c-quota");
    const struct resource *resource = find(name);
    size_t count = 0, again = 0;
    int32_t status = CAPOS_OK;
    while (count < MANY && (status = resource->take(count)) != 1 && status >= 0)
        count++;
    expect_refusal(resource, status);
    demo_check(count >= resource->at_least, "after many");
    if (count > 0 && (resource->give == give_call || resource->refusal == NEVER))
        resource->give(--count); /* waiting takes an operation itself */
    if (cap_notification_signal(quota_gate, BIT_FULL) < 0 || !quota_wait(BIT_GIVE))
        demo_check(false, "the greedy one's signals");
    for (size_t i = 0; i < count; i++)
        resource->give(i);
    for (; again < 2 && again < count && resource->refusal != NEVER; again++) {
        if ((status = resource->take(again)) < 0)
            demo_expect(CAPOS_OK, status, "again");
        else
            resource->give(again);
    }
    return demo_failures == 0 ? GREEDY_OK : 1;
}
