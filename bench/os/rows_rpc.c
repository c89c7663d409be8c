/*
 * Calls between processes: a server in a process of its own (this program again, with other arguments) behind
 * one endpoint, called through the generated stubs and answered by capos_serve, as any service would be.
 *
 *   rpc_0    NullCap.nop: nothing there, nothing back
 *   rpc_64   File.write with 64 bytes of data: a message of 112 bytes there, one of 24 back
 *   rpc_512  the same with 512
 *   cap_pass a capability copied to the server, which releases it
 */
#include "guest.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/fs_server.h>
#include <capos/ipc_server.h>
#include <capos/lookup.h>
#include <capos/serve.h>
#include <capos/system_server.h>
#include <string.h>

enum {
    TAG_NULL,
    TAG_FILE,
    TAG_ENDPOINT,
    DATA_MAX = 512,
    SERVER_FRAMES = 128,
    SERVER_SLOTS = 16,
    ANSWER_WORDS = 512
};

#define TEXT(literal) ((struct capnp_text){literal, sizeof(literal) - 1})

/* ---- The server. */

static uint8_t file_content[DATA_MAX];

static int32_t null_nop(void *self, struct cap_call *call)
{
    (void)self;
    (void)call;
    return CAPOS_OK;
}

static int32_t file_write(void *self, struct cap_call *call, const struct cap_file_write_params *params,
                          struct cap_file_write_results *results)
{
    (void)call;
    if (params->data.len > DATA_MAX)
        return CAPOS_ERR_TOO_LARGE;
    memcpy(self, params->data.bytes, params->data.len);
    results->written = (uint32_t)params->data.len;
    return CAPOS_OK;
}

static int32_t endpoint_tag_of(void *self, struct cap_call *call,
                               const struct cap_endpoint_tag_of_params *params,
                               struct cap_endpoint_tag_of_results *results)
{
    (void)self;
    (void)call;
    results->mine = params->facet.id != 0;
    return CAPOS_OK;
}

static const struct cap_null_cap_server null_ops = {.nop = null_nop};
static const struct cap_file_server file_ops = {.write = file_write};
static const struct cap_endpoint_server endpoint_ops = {.tag_of = endpoint_tag_of};
CAPOS_DISPATCH(dispatch_null, cap_null_cap_dispatch)
CAPOS_DISPATCH(dispatch_file, cap_file_dispatch)
CAPOS_DISPATCH(dispatch_endpoint, cap_endpoint_dispatch)

static bool find(void *context, uint64_t tag, struct capos_target *out)
{
    static const struct capos_target targets[] = {
        [TAG_NULL] = {dispatch_null, &null_ops, NULL},
        [TAG_FILE] = {dispatch_file, &file_ops, file_content},
        [TAG_ENDPOINT] = {dispatch_endpoint, &endpoint_ops, NULL},
    };
    (void)context;
    *out = targets[tag];
    return true;
}

int rpc_serve(const char *cpu)
{
    if (cpu != NULL) {
        guest.console = capos_need_console("console");
        guest.policy = capos_need_scheduling_policy("policy");
        guest_bind((uint32_t)(*cpu - '0'));
    }
    struct capos_service service = {.endpoint = capos_need_endpoint("endpoint"), .find = find};
    return capos_serve(&service) < 0;
}

/* ---- The client. */

static cap_null_cap remote_null;
static cap_file remote_file;
static cap_endpoint remote_endpoint;

static void run_null(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        guest_require(cap_null_cap_nop(remote_null), "remote NullCap.nop");
}

void rpc_call_null(uint32_t count)
{
    run_null(NULL, count);
}

static void run_write(void *context, uint32_t count)
{
    static const uint8_t data[DATA_MAX] = {1, 2, 3};
    const struct capnp_data sent = {data, *(const size_t *)context};
    for (uint32_t i = 0; i < count; i++) {
        struct cap_file_write_results results;
        guest_require(cap_file_write(remote_file, 0, sent, &results), "remote File.write");
    }
}

static void run_pass(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        struct cap_endpoint_tag_of_results results;
        guest_require(cap_endpoint_tag_of(remote_endpoint, cap_null_cap_as_any(guest.null), &results),
                      "remote Endpoint.tagOf");
    }
}

static uint32_t mint(cap_endpoint endpoint, uint64_t tag, uint64_t interface_id)
{
    struct cap_endpoint_mint_results minted;
    guest_require(cap_endpoint_mint(endpoint, tag, interface_id, &minted), "Endpoint.mint");
    return minted.client.id;
}

static cap_process_handle server;
static cap_process_control server_control;

/* `cpu`: as rpc_serve's. */
static void start_server(const char *cpu)
{
    struct cap_ipc_factory_create_endpoint_results made;
    guest_require(cap_ipc_factory_create_endpoint(guest.ipc, 0, 0, &made), "IpcFactory.createEndpoint");
    remote_null.id = mint(made.endpoint, TAG_NULL, CAP_NULL_CAP_INTERFACE_ID);
    remote_file.id = mint(made.endpoint, TAG_FILE, CAP_FILE_INTERFACE_ID);
    remote_endpoint.id = mint(made.endpoint, TAG_ENDPOINT, CAP_ENDPOINT_INTERFACE_ID);
    const struct cap_spawn_grant grants[] = {
        {.name = TEXT("endpoint"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_endpoint_as_any(made.endpoint)},
        {.name = TEXT("console"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_console_as_any(guest.console)},
        {.name = TEXT("policy"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_scheduling_policy_as_any(guest.policy)},
    };
    const struct capnp_text args[] = {TEXT("bench-os"), TEXT("serve"), {cpu, 1}};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = TEXT("bench-os"),
        .args = CAPNP_LIST(args, cpu == NULL ? 2 : 3),
        .grants = CAPNP_LIST(grants, cpu == NULL ? 1 : 3),
        .control = true,
        .has_budget = true,
        .budget = {.frames = SERVER_FRAMES, .cap_slots = SERVER_SLOTS, .threads = 1},
    };
    struct cap_process_spawner_spawn_results child;
    guest_require(cap_process_spawner_spawn(guest.spawner, &params, &child), "ProcessSpawner.spawn");
    guest_require(cap_release(made.endpoint), "release");
    server = child.handle;
    server_control = child.control;
}

static void stop_server(void)
{
    guest_require(cap_release(remote_null), "release");
    guest_require(cap_release(remote_file), "release");
    guest_require(cap_release(remote_endpoint), "release");
    struct cap_process_control_kill_results killed;
    struct cap_process_handle_wait_results ended;
    static uint64_t words[ANSWER_WORDS];
    struct cap_buffer ended_buffer = {words, sizeof words};
    guest_require(cap_process_control_kill(server_control, 0, &killed), "kill the server");
    guest_require(cap_process_handle_wait(server, &ended, &ended_buffer), "wait for the server");
    guest_require(cap_release(server), "release");
    guest_require(cap_release(server_control), "release");
}

void rpc_prepare(uint32_t cpu)
{
    const char digit[2] = {(char)('0' + cpu), 0};
    start_server(digit);
    run_null(NULL, 1);
}

void rpc_finish(void)
{
    stop_server();
}

void rows_rpc(void)
{
    size_t small = 64, large = DATA_MAX;
    start_server(NULL);
    guest_row(&(struct measure_task){.key = "rpc_0", .count = 1000, .run = run_null}, 1);
    guest_row(&(struct measure_task){.key = "rpc_64", .count = 1000, .run = run_write, .context = &small}, 1);
    guest_row(&(struct measure_task){.key = "rpc_512", .count = 1000, .run = run_write, .context = &large},
              1);
    guest_row(&(struct measure_task){.key = "cap_pass", .count = 1000, .run = run_pass}, 1);
    stop_server();
}
