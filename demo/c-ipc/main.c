#include "check.h"
#include "toy.h"
#include <capos/fs.h>
#include <capos/ipc.h>
#include <capos/process.h>
#include <string.h>

static uint64_t answer_words[1024];
static struct cap_buffer answer = {answer_words, sizeof answer_words};

static int32_t spawn_server(cap_endpoint endpoint, cap_process_handle *out)
{
    static const struct capnp_text args[] = {{"c-ipc", 5}, {"server", 6}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = {.id = demo_console.id, .mode = CAPOS_XFER_COPY}},
        {.name = {"endpoint", 8}, .capability = {.id = endpoint.id, .mode = CAPOS_XFER_MOVE}},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-ipc", 5},
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, 2),
    };
    struct cap_process_spawner_spawn_results results = {0};
    int32_t status = cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, &results);
    *out = results.handle;
    return status;
}

static void use_files(cap_directory directory)
{
    struct cap_directory_open_results opened = {0};
    struct cap_file_read_results read = {0};
    struct cap_directory_usage_results usage = {0};
    demo_expect(CAPOS_OK,
                cap_directory_open(directory, (struct capnp_data){(const uint8_t *)"hello", 5}, NULL, &opened,
                                   &answer),
                "Directory.open in another process");
    cap_file file = opened.file;
    demo_check(opened.status == CAP_FS_STATUS_OK && file.id != 0, "it returned a capability to a File");
    demo_expect(CAPOS_OK, cap_file_read(file, 6, 10, &read, &answer), "File.read");
    demo_check(read.data.len == 10 && memcmp(read.data.bytes, "from anoth", 10) == 0,
               "what was read is right");
    demo_expect(CAPOS_OK, cap_directory_usage(directory, &usage), "Directory.usage");
    demo_check(usage.used_nodes == 1, "the server has one open file");
    demo_expect(CAPOS_OK, cap_release(file), "the File is released");
    demo_expect(CAPOS_OK, cap_directory_usage(directory, &usage), "Directory.usage");
    demo_check(usage.used_nodes == 0, "the server was told");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "server") == 0)
        return toy_serve();
    demo_begin("c-ipc");
    struct cap_ipc_factory_create_endpoint_results made = {0};
    struct cap_endpoint_mint_results minted = {0};
    cap_process_handle server;
    demo_expect(
        CAPOS_OK,
        cap_ipc_factory_create_endpoint(capos_need_ipc_factory("ipc"), CAP_DIRECTORY_INTERFACE_ID, 4, &made),
        "IpcFactory.createEndpoint");
    demo_expect(CAPOS_OK, cap_endpoint_mint(made.endpoint, TAG_ROOT, 0, &minted), "Endpoint.mint");
    demo_expect(CAPOS_OK, spawn_server(made.endpoint, &server), "a server is spawned with the endpoint");
    cap_directory directory = {.id = minted.client.id};
    use_files(directory);
    return demo_end();
}
