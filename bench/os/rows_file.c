/*
 * Files of the file server, in a process of its own with one thread. Reading goes through the file's memory
 * (<capos/file.h>), writing by calls.
 *
 *   file_read_4k, file_read_1, file_write_4k, file_write_1   at offset 0 of an open file
 *   file_stat             of an open file
 *   file_open_close       by name; both in one batch with the release
 *   file_create_unlink    create, write a byte, close, remove
 *   file_seq_read_1m      a file of 1 MiB from beginning to end, 64 KiB at a time
 *   file_seq_write_1m     the same written, 4 KiB at a time
 */
#include "guest.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/file.h>
#include <capos/lookup.h>
#include <capos/wallclock.h>
#include <string.h>

enum {
    PAGE = 4096,
    CHUNK_BYTES = 65536,
    SEQUENTIAL_BYTES = 1 << 20,
    SERVER_FRAMES = 2048,
    SERVER_SLOTS = 64
};

#define TEXT(literal) ((struct capnp_text){literal, sizeof(literal) - 1})
#define NAME(literal) ((struct capnp_data){(const uint8_t *)(literal), sizeof(literal) - 1})

static cap_directory root;
static struct capos_file file, large;
static cap_process_handle server;
static cap_process_control server_control;
static uint8_t buffer[CHUNK_BYTES];

static void start_server(void)
{
    struct cap_ipc_factory_create_endpoint_results made;
    struct cap_endpoint_mint_results minted;
    struct cap_process_spawner_spawn_results child;
    guest_require(cap_ipc_factory_create_endpoint(guest.ipc, CAP_DIRECTORY_INTERFACE_ID, 0, &made),
                  "IpcFactory.createEndpoint");
    guest_require(cap_endpoint_mint(made.endpoint, 0, 0, &minted), "Endpoint.mint");
    root.id = minted.client.id;
    const struct cap_spawn_grant grants[] = {
        {.name = TEXT("console"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_console_as_any(guest.console)},
        {.name = TEXT("fs"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = {.id = made.endpoint.id, .mode = CAPOS_XFER_MOVE}},
        {.name = TEXT("memory"), .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
        {.name = TEXT("timer"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_timer_as_any(guest.timer)},
        {.name = TEXT("clock"),
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_wall_clock_as_any(capos_need_wall_clock("clock"))},
    };
    const struct capnp_text args[] = {TEXT("fs"), TEXT("4194304"), TEXT("1")};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = TEXT("fs"),
        .args = CAPNP_LIST(args, 3),
        .control = true,
        .grants = CAPNP_LIST(grants, 5),
        .has_budget = true,
        .budget = {.frames = SERVER_FRAMES, .cap_slots = SERVER_SLOTS, .threads = 1},
    };
    guest_require(cap_process_spawner_spawn(guest.spawner, &params, &child), "spawn the file server");
    server = child.handle;
    server_control = child.control;
}

/* And gone, with all its memory, before other rows count what there is. */
static void stop_server(void)
{
    struct cap_process_control_kill_results killed;
    struct cap_process_handle_wait_results ended;
    static uint64_t words[512];
    struct cap_buffer ended_buffer = {words, sizeof words};
    guest_require(cap_process_control_kill(server_control, 0, &killed), "kill the file server");
    guest_require(cap_process_handle_wait(server, &ended, &ended_buffer), "wait for the file server");
    guest_require(cap_release(server), "release");
    guest_require(cap_release(server_control), "release");
}

static void make_file(const char *name, struct capos_file *out, size_t size)
{
    const struct cap_open_flags flags = {.create = true};
    guest_require(capos_file_open(root, name, &flags, out), "open");
    guest_require(capos_file_write(out, 0, buffer, size), "write");
    for (int i = 0; i < 8; i++) /* as often as it takes for the file to be mapped */
        guest_require((int32_t)capos_file_read(out, 0, buffer, PAGE), "read");
}

static void run_read(void *context, uint32_t count)
{
    size_t size = *(const size_t *)context;
    for (uint32_t i = 0; i < count; i++) {
        if (capos_file_read(&file, 0, buffer, size) != (int64_t)size)
            guest_require(CAPOS_ERR_NOT_FOUND, "read");
    }
}

static void run_write(void *context, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        guest_require(capos_file_write(&file, 0, buffer, *(const size_t *)context), "write");
}

static void run_stat(void *context, uint32_t count)
{
    struct cap_node_info info;
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        guest_require(capos_file_stat(&file, &info), "stat");
}

static void run_open_close(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        struct capos_file opened;
        guest_require(capos_file_open(root, "file", NULL, &opened), "open");
        capos_file_close(&opened);
    }
}

static void run_create_unlink(void *context, uint32_t count)
{
    const struct cap_open_flags flags = {.create = true};
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        struct capos_file made;
        struct cap_directory_remove_results removed;
        guest_require(capos_file_open(root, "new", &flags, &made), "create");
        guest_require(capos_file_write(&made, 0, buffer, 1), "write");
        capos_file_close(&made);
        guest_require(cap_directory_remove(root, NAME("new"), &removed), "remove");
    }
}

static void run_sequential_read(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t at = 0; at < SEQUENTIAL_BYTES; at += CHUNK_BYTES)
            guest_require((int32_t)capos_file_read(&large, at, buffer, CHUNK_BYTES), "read");
    }
}

static void run_sequential_write(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t at = 0; at < SEQUENTIAL_BYTES; at += PAGE)
            guest_require(capos_file_write(&large, at, buffer, PAGE), "write");
    }
}

void rows_file(void)
{
    static const size_t page = PAGE, byte = 1;
    start_server();
    make_file("file", &file, PAGE);
    make_file("large", &large, CHUNK_BYTES);
    run_sequential_write(NULL, 1);
    guest_row(
        &(struct measure_task){
            .key = "file_read_4k", .count = 500, .run = run_read, .context = (void *)(uintptr_t)&page},
        1);
    guest_row(
        &(struct measure_task){
            .key = "file_read_1", .count = 500, .run = run_read, .context = (void *)(uintptr_t)&byte},
        1);
    guest_row(&(struct measure_task){.key = "file_open_close", .count = 500, .run = run_open_close}, 1);
    guest_row(
        &(struct measure_task){
            .key = "file_write_4k", .count = 500, .run = run_write, .context = (void *)(uintptr_t)&page},
        1);
    guest_row(
        &(struct measure_task){
            .key = "file_write_1", .count = 500, .run = run_write, .context = (void *)(uintptr_t)&byte},
        1);
    guest_row(&(struct measure_task){.key = "file_stat", .count = 500, .run = run_stat}, 1);
    guest_row(&(struct measure_task){.key = "file_create_unlink", .count = 200, .run = run_create_unlink}, 1);
    guest_row(&(struct measure_task){.key = "file_seq_read_1m", .count = 10, .run = run_sequential_read}, 1);
    guest_row(&(struct measure_task){.key = "file_seq_write_1m", .count = 5, .run = run_sequential_write}, 1);
    capos_file_close(&file);
    capos_file_close(&large);
    guest_require(cap_release(root), "release");
    stop_server();
}
