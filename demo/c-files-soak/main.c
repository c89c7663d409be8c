/*
 * Many clients of one file server at once. Workers write, read back and check files in directories of their
 * own while others hold as many files as they can get, start calls without end, send garbage, or are killed
 * in the middle of their work: every worker's results stay right, and when the others are gone nothing of
 * theirs is left.
 */
#include "files.h"
#include <capos/process.h>
#include <capos/timer.h>

enum { WORKERS = 3, ROUNDS = 150, MODEL_BYTES = 16384, PIECE = 1500, NAP_NS = 2000000, PATIENCE = 10000 };

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

/* ---- A worker: one file against its own memory of it, and names that come and go. */

/* Who is to be killed works until then. */
static int work(cap_directory directory, bool for_ever)
{
    static uint8_t model[MODEL_BYTES], got[MODEL_BYTES];
    const struct cap_open_flags create = {.create = true};
    struct capos_file file;
    if (capos_file_open(directory, "file", &create, &file) < 0)
        return 2;
    for (int round = 0; for_ever || round < ROUNDS; round++) {
        uint64_t offset = draw(MODEL_BYTES - PIECE);
        size_t len = 1 + draw(PIECE);
        memset(model + offset, (int)(1 + draw(255)), len);
        if (capos_file_write(&file, offset, model + offset, len) != 0)
            return 3;
        int64_t size = capos_file_read(&file, 0, got, sizeof got);
        if (size < 0 || memcmp(got, model, (size_t)size) != 0 || (uint64_t)size < offset + len)
            return 4;
        char name[8];
        struct capos_file other;
        (void)capos_snprintf(name, sizeof name, "n%u", draw(10));
        if (capos_file_open(directory, name, &create, &other) < 0)
            return 5;
        capos_file_close(&other);
        if (draw(2) && files_remove(directory, name) != CAP_FS_STATUS_OK)
            return 6;
    }
    capos_file_close(&file);
    return 0;
}

/* ---- Those who harm themselves. */

static _Noreturn void hoard(cap_directory directory)
{
    const struct cap_open_flags create = {.create = true};
    cap_file file;
    while (files_open(directory, "hoarded", create, &file) == CAP_FS_STATUS_OK)
        ;
    for (;;)
        (void)files_open(directory, "hoarded", create, &file);
}

static _Noreturn void flood(cap_directory directory)
{
    enum { IN_FLIGHT = 24 };
    static struct cap_pending pending[IN_FLIGHT];
    const struct cap_directory_watch_params never = {.version = 1};
    const struct cap_directory_stat_params itself = {.name = {(const uint8_t *)"", 0}};
    for (uint32_t i = 0;; i++) {
        struct cap_pending *next = &pending[i % IN_FLIGHT];
        if (i >= IN_FLIGHT)
            (void)cap_pending_cancel(next);
        if (i % 3 == 0)
            (void)cap_directory_watch_start(directory, &never, next);
        else
            (void)cap_directory_stat_start(directory, &itself, next);
        (void)cap_submit();
    }
}

static _Noreturn void send_garbage(cap_directory directory)
{
    static uint64_t request[64], response[600];
    for (;;) {
        size_t words = draw(64);
        for (size_t i = 0; i < words; i++)
            request[i] = draw(3) == 0 ? draw(256) : (uint64_t)draw(UINT32_MAX) << 32 | draw(UINT32_MAX);
        struct cap_message message = {.params = request, .params_bytes = words * 8};
        message.results = response;
        message.results_limit = sizeof response;
        if (cap_invoke(directory.id, (uint16_t)draw(20), &message) >= 0)
            for (size_t i = 0; i < message.caps_in_count; i++)
                (void)cap_release_id(message.caps_in[i].id);
    }
}

/* ---- The director. */

struct child {
    cap_process_handle handle;
    cap_process_control control;
};

static cap_directory own_directory(cap_directory root, const char *name, uint64_t bytes)
{
    struct cap_directory_with_quota_results limited = {0};
    cap_directory directory;
    (void)files_mkdir(root, name);
    (void)files_sub(root, name, &directory);
    (void)cap_directory_with_quota(directory, bytes, 100, &limited);
    (void)cap_release(directory);
    return limited.directory;
}

static struct child spawn(cap_directory root, const char *role, const char *name)
{
    cap_directory directory = own_directory(root, name, 200000);
    const struct capnp_text args[] = {{"c-files-soak", 12}, {role, strlen(role)}, {name, strlen(name)}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = {.id = demo_console.id, .mode = CAPOS_XFER_COPY}},
        {.name = {"root", 4}, .capability = {.id = directory.id, .mode = CAPOS_XFER_MOVE}},
    };
    const struct cap_process_spawner_spawn_params params = {.binary_name = args[0],
                                                            .args = CAPNP_LIST(args, 3),
                                                            .grants = CAPNP_LIST(grants, 2),
                                                            .control = true};
    struct cap_process_spawner_spawn_results made = {0};
    if (cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, &made) < 0)
        demo_check(false, role);
    return (struct child){made.handle, made.control};
}

static int64_t wait_for(struct child child)
{
    struct cap_process_handle_wait_results ended = {0};
    int32_t status = cap_process_handle_wait(child.handle, &ended, &files_answer);
    (void)cap_release(child.handle);
    (void)cap_release(child.control);
    return status < 0 ? status : ended.exit_code;
}

static int64_t kill(struct child child)
{
    struct cap_process_control_kill_results killed = {0};
    (void)cap_process_control_kill(child.control, 99, &killed);
    return wait_for(child);
}

/* Until so many files are open, or fewer, or for good. */
static uint64_t open_files(cap_file_system admin, cap_timer timer, uint64_t from, uint64_t to)
{
    struct cap_file_system_stats_results stats = {0};
    for (int i = 0; i < PATIENCE; i++) {
        (void)cap_file_system_stats(admin, &stats);
        if (stats.open_files >= from && stats.open_files <= to)
            break;
        (void)cap_timer_sleep(timer, NAP_NS);
    }
    return stats.open_files;
}

static void empty(cap_directory root, const char *name)
{
    static struct capos_listing listing;
    struct cap_dir_entry entry;
    cap_directory directory;
    if (files_sub(root, name, &directory) != CAP_FS_STATUS_OK)
        return;
    listing = (struct capos_listing){.directory = directory};
    while (capos_listing_next(&listing, &entry) == 1) {
        struct cap_directory_remove_results removed = {0};
        (void)cap_directory_remove(directory, entry.name, &removed);
    }
    (void)cap_release(directory);
    (void)files_remove(root, name);
}

static void direct(void)
{
    static const char *const names[] = {"w0",      "w1", "w2", "hoarder", "flooder",
                                        "garbage", "v0", "v1", "v2",      "v3"};
    cap_directory root = capos_need_directory("root");
    cap_file_system admin = capos_need_file_system("admin");
    cap_timer timer = capos_need_timer("timer");
    struct cap_file_system_stats_results before = {0}, after = {0};
    struct child workers[WORKERS];
    (void)cap_file_system_stats(admin, &before);
    struct child hoarder = spawn(root, "hoard", "hoarder");
    struct child flooder = spawn(root, "flood", "flooder");
    struct child garbage = spawn(root, "garbage", "garbage");
    for (int i = 0; i < WORKERS; i++)
        workers[i] = spawn(root, "work", names[i]);
    int killed = 0;
    for (int i = 0; i < 4; i++) {
        struct child victim = spawn(root, "toil", names[6 + i]);
        (void)cap_timer_sleep(timer, NAP_NS * (uint64_t)(1 + i));
        killed += kill(victim) == 99;
    }
    demo_check(killed == 4, "workers were killed at work");
    for (int i = 0; i < WORKERS; i++)
        demo_check(wait_for(workers[i]) == 0, "a worker found everything as it left it");
    uint64_t held = open_files(admin, timer, 3001, 4999);
    demo_check(held >= 3001 && held <= 4999, "one client holds thousands of files, and no more than it may");
    demo_check(kill(hoarder) == 99, "the hoarder goes");
    demo_check(kill(flooder) == 99, "the flooder goes");
    demo_check(kill(garbage) == 99, "who sent garbage goes");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        empty(root, names[i]);
    demo_check(open_files(admin, timer, 0, before.open_files) <= before.open_files,
               "what they held is given back");
    (void)cap_file_system_stats(admin, &after);
    demo_check(after.used_bytes == before.used_bytes && after.nodes == before.nodes &&
                   after.clients == before.clients,
               "and nothing of them is left");
}

int main(int argc, char **argv)
{
    demo_begin("c-files-soak");
    if (argc > 2) {
        cap_directory root = capos_need_directory("root");
        random_state = (uint64_t)argv[2][0] << 8 | (uint64_t)argv[2][1];
        if (strcmp(argv[1], "hoard") == 0)
            hoard(root);
        if (strcmp(argv[1], "flood") == 0)
            flood(root);
        if (strcmp(argv[1], "garbage") == 0)
            send_garbage(root);
        return work(root, strcmp(argv[1], "toil") == 0);
    }
    direct();
    return demo_end();
}
