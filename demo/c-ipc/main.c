/*
 * Calls to another process: a file service made with capos_serve (toy.c), what it looks like from its client,
 * and what happens when it dies. refusals.c has what the kernel refuses.
 */
#include "check.h"
#include "child.h"
#include "raw_ring.h"
#include "refusals.h"
#include "toy.h"
#include <capos/fs.h>
#include <capos/ipc.h>
#include <string.h>

#define NAME(text) ((struct capnp_data){(const uint8_t *)(text), sizeof(text) - 1})

static uint64_t answer_words[1024];
static struct cap_buffer answer = {answer_words, sizeof answer_words};

static uint64_t open_files(cap_directory directory)
{
    struct cap_directory_usage_results usage = {0};
    return cap_directory_usage(directory, &usage) < 0 ? UINT64_MAX : usage.used_nodes;
}

/* The answer makes a File, and does not fit: the kernel makes none, and the server gives up what was behind
 * it. */
static void check_open_without_room(cap_directory directory)
{
    static uint64_t request[64], too_small[1];
    const struct cap_directory_open_params params = {.name = NAME("hello")};
    struct cap_transfer none[1];
    size_t none_count = 0;
    int32_t bytes = cap_directory_open_params_encode(&params, request, sizeof request, none, &none_count);
    const struct capos_sqe call = {
        .user_data = 1,
        .opcode = CAPOS_OP_CALL,
        .cap_id = directory.id,
        .method_id = CAP_DIRECTORY_OPEN,
        .addr = (uintptr_t)request,
        .len = (uint32_t)bytes,
        .result_addr = (uintptr_t)too_small,
        .result_len = sizeof too_small,
    };
    demo_expect(CAPOS_ERR_RESULT_TRUNCATED, raw_run(&call).result,
                "Directory.open without room for the answer");
    demo_check(open_files(directory) == 0, "the server has no file open for it");
}

static void check_files(cap_directory directory)
{
    struct cap_directory_open_results opened = {0};
    struct cap_file_read_results read = {0};
    demo_expect(CAPOS_OK, cap_directory_open(directory, NAME("hello"), NULL, &opened, &answer),
                "Directory.open in another process");
    cap_file file = opened.file;
    demo_check(opened.status == CAP_FS_STATUS_OK && file.id != 0, "it returned a capability to a File");
    demo_expect(CAPOS_OK, cap_file_read(file, 6, 10, &read, &answer), "File.read");
    demo_check(read.data.len == 10 && memcmp(read.data.bytes, "from anoth", 10) == 0,
               "what was read is right");
    demo_check(open_files(directory) == 1, "the server has one open file");
    demo_expect(CAPOS_OK, cap_release(file), "the File is released");
    demo_check(open_files(directory) == 0, "the server was told");
    check_open_without_room(directory);
    demo_expect(CAPOS_OK, cap_directory_open(directory, NAME("other"), NULL, &opened, &answer),
                "Directory.open");
    demo_check(opened.status == CAP_FS_STATUS_NOT_FOUND && opened.file.id == 0,
               "no such file: an ordinary outcome");
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED,
                          cap_directory_read_only(directory, &(struct cap_directory_read_only_results){0}),
                          "a method that the server does not have");
}

static void check_deferred(cap_directory directory)
{
    static struct cap_pending watch;
    const struct cap_directory_watch_params params = {.version = 0};
    struct cap_directory_mkdir_results made = {0};
    struct cap_directory_watch_results seen = {0};
    (void)cap_directory_watch_start(directory, &params, &watch);
    demo_check(!cap_pending_poll(&watch), "Directory.watch is not answered yet");
    demo_expect(CAPOS_OK, cap_directory_mkdir(directory, NAME("x"), &made), "Directory.mkdir");
    demo_expect(CAPOS_OK, cap_directory_watch_finish(&watch, &seen), "now it is");
    demo_check(seen.version == 1, "with the version");
}

static cap_directory start_server(cap_ipc_factory factory, cap_process_handle *server)
{
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    (void)cap_ipc_factory_create_endpoint(factory, CAP_DIRECTORY_INTERFACE_ID, 4, &made);
    (void)cap_endpoint_mint(made.endpoint, TAG_ROOT, 0, &minted);
    const cap_any moved = {.id = made.endpoint.id, .mode = CAPOS_XFER_MOVE};
    demo_expect(CAPOS_OK, demo_spawn("c-ipc", "server", "endpoint", moved, 0, server),
                "a server is spawned with the endpoint");
    return (cap_directory){.id = minted.client.id};
}

static void check_death(cap_directory directory, cap_process_handle server)
{
    struct cap_directory_remove_results removed = {0};
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED,
                          cap_directory_remove(directory, NAME("@exit"), &removed),
                          "the server dies over a call");
    demo_expect_exception(CAPOS_EXCEPTION_DISCONNECTED,
                          cap_directory_remove(directory, NAME("@exit"), &removed), "a call to the dead");
    demo_check(demo_wait_exit(server) == 7, "it has exited with 7");
    demo_expect(CAPOS_OK, cap_release(directory), "the Directory is released");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "server") == 0)
        return toy_serve();
    demo_begin("c-ipc");
    cap_ipc_factory factory = capos_need_ipc_factory("ipc");
    cap_process_handle server;
    cap_directory directory = start_server(factory, &server);
    check_files(directory);
    check_deferred(directory);
    check_death(directory, server);
    directory = start_server(factory, &server);
    demo_check(open_files(directory) == 0, "another server answers");
    demo_expect(CAPOS_OK, cap_release(directory), "the Directory is released");
    demo_check(demo_wait_exit(server) == 0, "which was told that nobody can call it any more, and stopped");
    demo_check(check_refusals(factory) == 0, "all that is to be refused is");
    return demo_end();
}
