/* Keeps WORKERS workers and a server going for a while, kills at random, and in the end wants everything
 * back. */
#include "soak.h"
#include <string.h>

enum { WORKERS = 10, KILLED = 55, WRONG_CODE = 99 };

struct worker {
    bool used;
    struct cap_process_spawner_spawn_results child;
    struct cap_pending wait;
};

static struct worker workers[WORKERS], server;
static cap_endpoint endpoint;
static cap_any facet;
static uint64_t started, ended, crashed, killed, servers, refused;
static uint64_t words[512];
static struct cap_buffer answer = {words, sizeof words};

static bool start(struct worker *worker, const char *role, const char *grant, cap_any capability)
{
    int32_t status = soak_spawn(role, soak_below(UINT64_MAX), grant, capability, &worker->child);
    if (status < 0) {
        if (refused++ == 0)
            demo_say("the first refusal: %s", cap_why(status));
        return false;
    }
    worker->wait = (struct cap_pending){0};
    worker->used = cap_process_handle_wait_start(worker->child.handle, &worker->wait) >= 0;
    return worker->used;
}

static void kill(const struct worker *worker)
{
    struct cap_process_control_kill_results result = {0};
    if (cap_process_control_kill(worker->child.control, KILLED, &result) >= 0 && result.was_running)
        killed++;
}

/* Notes how it ended; its place is free again. */
static void finish(struct worker *worker)
{
    struct cap_process_handle_wait_results end = {0};
    if (cap_process_handle_wait(worker->child.handle, &end, &answer) < 0 || end.exit_code == WRONG_CODE)
        demo_check(false, "a worker found something wrong");
    ended++;
    crashed += end.crashed;
    (void)cap_release(worker->child.handle);
    (void)cap_release(worker->child.control);
    worker->used = false;
}

static void reap(struct worker *worker)
{
    if (worker->used && cap_pending_poll(&worker->wait))
        finish(worker);
}

static void keep_server(void)
{
    const cap_any own = {.id = endpoint.id, .mode = CAPOS_XFER_COPY};
    reap(&server);
    if (!server.used && start(&server, "server", "endpoint", own))
        servers++;
    if (soak_one_in(400))
        kill(&server);
}

static void keep_worker(struct worker *worker)
{
    reap(worker);
    if (!worker->used && start(worker, "worker", "directory", facet))
        started++;
    else if (worker->used && soak_one_in(60))
        kill(worker);
}

static void stop(struct worker *worker)
{
    if (!worker->used)
        return;
    kill(worker);
    (void)cap_pending_wait(&worker->wait);
    finish(worker);
}

static uint64_t capabilities_held(void)
{
    struct cap_capability_manager_list_results list = {0};
    uint64_t count = 0;
    uint32_t cursor = 0;
    do {
        (void)cap_capability_manager_list(capos_need_capability_manager("manager"), cursor, 16, &list,
                                          &answer);
        count += list.entries.count;
        cursor = list.next_cursor;
    } while (cursor != 0);
    return count;
}

static void run_until(uint64_t end_ns)
{
    while (capos_clock_ns(soak_timer) < end_ns) {
        keep_server();
        for (int i = 0; i < WORKERS; i++)
            keep_worker(&workers[i]);
        (void)cap_timer_sleep(soak_timer, 200000);
    }
}

int soak_director(uint64_t seconds)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    demo_begin("c-soak");
    demo_expect(
        CAPOS_OK,
        cap_ipc_factory_create_endpoint(capos_need_ipc_factory("ipc"), CAP_DIRECTORY_INTERFACE_ID, 0, &made),
        "IpcFactory.createEndpoint");
    endpoint = made.endpoint;
    demo_expect(CAPOS_OK, cap_endpoint_mint(endpoint, 1, 0, &minted), "Endpoint.mint");
    facet = (cap_any){.id = minted.client.id, .mode = CAPOS_XFER_COPY};
    uint64_t before = capabilities_held();
    run_until(capos_clock_ns(soak_timer) + seconds * UINT64_C(1000000000));
    for (int i = 0; i < WORKERS; i++)
        stop(&workers[i]);
    stop(&server);
    demo_say("%lu workers, %lu servers; %lu ended, %lu killed, %lu crashed, %lu refused",
             (unsigned long)started, (unsigned long)servers, (unsigned long)ended, (unsigned long)killed,
             (unsigned long)crashed, (unsigned long)refused);
    demo_check(started > 8 && killed > 0, "processes came and went");
    demo_check(ended == started + servers, "each ended once");
    demo_check(capabilities_held() == before, "the director holds what it held");
    return demo_end();
}
