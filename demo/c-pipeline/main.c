/*
 * Promise pipelining: calls on capabilities that earlier calls of the same batch will return. The server is
 * the demo c-ipc's file service, in a process of its own; so every answer comes later than the calls that
 * depend on it.
 */
#include "child.h"
#include <capos/fs.h>
#include <capos/ipc.h>
#include <string.h>

enum { TAG_ROOT = 1, OPEN_MAX = 64 };

#define NAME(text) ((struct capnp_data){(const uint8_t *)(text), sizeof(text) - 1})

static struct cap_pending open_call, read_call, close_call, other_call;

static void start_open(cap_directory directory, struct capnp_data name)
{
    const struct cap_directory_open_params params = {.name = name};
    (void)cap_directory_open_start(directory, &params, &open_call);
}

static void start_read(void)
{
    const struct cap_file_read_params params = {.max_bytes = 5};
    cap_pending_target(&read_call, &open_call, 0);
    (void)cap_file_read_start(CAP_NOT_YET(cap_file), &params, &read_call);
}

static void start_close(void)
{
    cap_pending_target(&close_call, &open_call, 0);
    (void)cap_file_close_start(CAP_NOT_YET(cap_file), &close_call);
}

static void check_chain(cap_directory directory)
{
    struct cap_directory_open_results opened = {0};
    struct cap_file_read_results read = {0};
    struct cap_file_close_results closed = {0};
    start_open(directory, NAME("hello"));
    start_read();
    start_close();
    int64_t there = capos_sys_cap_enter(3, CAPOS_TIMEOUT_NEVER);
    demo_check(there == 3, "open, read and close with one cap_enter");
    demo_expect(CAPOS_OK, cap_directory_open_finish(&open_call, &opened), "open");
    demo_expect(CAPOS_OK, cap_file_read_finish(&read_call, &read), "read");
    demo_check(read.data.len == 5 && memcmp(read.data.bytes, "Hello", 5) == 0, "what was read is right");
    demo_expect(CAPOS_OK, cap_file_close_finish(&close_call, &closed), "close");
    struct cap_buffer buffer = {read_call.response, sizeof read_call.response};
    (void)cap_file_read(opened.file, 0, 5, &read, &buffer);
    demo_check(read.status == CAP_FS_STATUS_CLOSED, "the file was closed after it was read");
    demo_expect(CAPOS_OK, cap_release(opened.file), "the File is released");
}

static void check_no_such_capability(cap_directory directory)
{
    struct cap_directory_open_results opened = {0};
    start_open(directory, NAME("other"));
    start_read();
    start_close();
    demo_expect(CAPOS_ERR_BAD_CAP, cap_pending_wait(&read_call), "read of a file that is not there");
    demo_expect(CAPOS_ERR_BAD_CAP, cap_pending_wait(&close_call), "and its close");
    demo_expect(CAPOS_OK, cap_directory_open_finish(&open_call, &opened), "open itself");
    demo_check(opened.status == CAP_FS_STATUS_NOT_FOUND, "says that there is none");
}

static void check_failures_propagate(cap_directory directory)
{
    cap_file files[OPEN_MAX];
    struct cap_directory_open_results opened = {0};
    uint64_t words[512];
    struct cap_buffer buffer = {words, sizeof words};
    for (size_t i = 0; i < OPEN_MAX; i++) {
        (void)cap_directory_open(directory, NAME("hello"), NULL, &opened, &buffer);
        files[i] = opened.file;
    }
    start_open(directory, NAME("hello"));
    start_read();
    demo_expect_exception(CAPOS_EXCEPTION_OVERLOADED, cap_pending_wait(&open_call),
                          "open when all files are in use");
    demo_expect_exception(CAPOS_EXCEPTION_OVERLOADED, cap_pending_wait(&read_call), "what depends on it");
    for (size_t i = 0; i < OPEN_MAX; i++)
        (void)cap_release(files[i]);
}

/* Kernel objects answer at once; the chain is as long as there are answers. */
static void check_answered_at_once(cap_ipc_factory factory)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    const struct cap_ipc_factory_create_endpoint_params create = {.interface_id = 1};
    const struct cap_endpoint_mint_params mint = {.tag = 5};
    (void)cap_ipc_factory_create_endpoint_start(factory, &create, &open_call);
    cap_pending_target(&read_call, &open_call, 0);
    (void)cap_endpoint_mint_start(CAP_NOT_YET(cap_endpoint), &mint, &read_call);
    cap_pending_target(&close_call, &open_call, 1);
    (void)cap_endpoint_info_start(CAP_NOT_YET(cap_endpoint), &close_call);
    (void)cap_pending_wait(&read_call);
    demo_expect(CAPOS_OK, cap_endpoint_mint_finish(&read_call, &minted),
                "mint on an endpoint that is being made");
    demo_expect(CAPOS_ERR_BAD_CAP, cap_pending_wait(&close_call),
                "a second capability of an answer that has one");
    demo_expect(CAPOS_OK, cap_ipc_factory_create_endpoint_finish(&open_call, &made), "createEndpoint");
    demo_expect(CAPOS_OK, cap_release(minted.client), "the facet is released");
    demo_expect(CAPOS_OK, cap_release(made.endpoint), "the endpoint is released");
}

/* A call that is answered only when another comes; meanwhile what depends on it waits in the kernel. */
static void check_cancel(cap_directory directory)
{
    const struct cap_directory_watch_params params = {.version = 0};
    (void)cap_directory_watch_start(directory, &params, &other_call);
    cap_pending_target(&read_call, &other_call, 0);
    const struct cap_file_read_params read = {.max_bytes = 5};
    (void)cap_file_read_start(CAP_NOT_YET(cap_file), &read, &read_call);
    cap_pending_target(&close_call, &read_call, 0);
    (void)cap_file_close_start(CAP_NOT_YET(cap_file), &close_call);
    demo_check(!cap_pending_poll(&read_call) && !cap_pending_poll(&close_call),
               "held while there is no answer");
    demo_expect(CAPOS_OK, cap_pending_cancel(&close_call), "a held call can be cancelled");
    demo_expect(CAPOS_OK, cap_pending_cancel(&other_call), "and what it depends on");
    demo_expect(CAPOS_ERR_CANCELED, cap_pending_wait(&read_call), "which ends what depended on that");
}

static void check_death(cap_directory directory)
{
    const struct cap_directory_remove_params params = {.name = NAME("@exit")};
    (void)cap_directory_remove_start(directory, &params, &open_call);
    start_read();
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, cap_pending_wait(&read_call),
                          "the server dies over the first call");
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED, cap_pending_wait(&open_call), "that call itself");
}

int main(void)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    cap_process_handle server;
    demo_begin("c-pipeline");
    cap_ipc_factory factory = capos_need_ipc_factory("ipc");
    (void)cap_ipc_factory_create_endpoint(factory, CAP_DIRECTORY_INTERFACE_ID, 0, &made);
    (void)cap_endpoint_mint(made.endpoint, TAG_ROOT, 0, &minted);
    const cap_any moved = {.id = made.endpoint.id, .mode = CAPOS_XFER_MOVE};
    demo_expect(CAPOS_OK, demo_spawn("c-ipc", "server", "endpoint", moved, 0, &server),
                "a file service is spawned");
    const cap_directory directory = {.id = minted.client.id};
    check_chain(directory);
    check_no_such_capability(directory);
    check_failures_propagate(directory);
    check_answered_at_once(factory);
    check_cancel(directory);
    check_death(directory);
    demo_check(demo_wait_exit(server) == 7, "it has exited");
    demo_expect(CAPOS_OK, cap_release(directory), "the Directory is released");
    return demo_end();
}
