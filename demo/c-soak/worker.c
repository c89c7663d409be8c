/* A worker does random things for a random number of rounds, then ends in a random way. It checks what it
 * can: an answer that is there must be the right one. */
#include "soak.h"
#include <capos/fork.h>
#include <capos/pipe_io.h>
#include <capos/sync.h>
#include <capos/threads.h>
#include <string.h>

enum { ROUNDS_MAX = 60, MAP_BYTES_MAX = 1 << 18, WRONG = 99, FINE = 7, PIPE_TEXT = 64 };

static cap_directory directory;
static uint64_t words[512];
static struct cap_buffer answer = {words, sizeof words};

static _Noreturn void wrong(const char *what)
{
    demo_begin("c-soak");
    demo_check(false, what);
    capos_sys_exit(WRONG);
}

static void call(void)
{
    struct cap_directory_usage_results results = {0};
    if (cap_directory_usage(directory, &results) >= 0 && results.used_bytes != 42)
        wrong("a call's answer");
}

static void pass_capabilities(void)
{
    struct cap_directory_sub_results made = {0};
    struct cap_directory_link_results passed = {0};
    const struct capnp_data name = {(const uint8_t *)"x", 1};
    if (cap_directory_sub(directory, name, &made, &answer) < 0 || made.directory.id == CAPNP_CAP_NONE)
        return;
    cap_directory facet = {.id = made.directory.id,
                           .mode = soak_one_in(2) ? CAPOS_XFER_MOVE : CAPOS_XFER_COPY};
    int32_t result = cap_directory_link(directory, name, facet, name, &passed);
    if (result >= 0 && passed.status != CAP_FS_STATUS_OK)
        wrong("a capability that was passed");
    (void)cap_release(facet);
}

static void use_memory(void)
{
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    struct cap_virtual_memory_map_results mapped = {0};
    uint64_t size = (1 + soak_below(MAP_BYTES_MAX / CAPOS_PAGE_SIZE)) * CAPOS_PAGE_SIZE;
    if (cap_virtual_memory_map(memory, 0, size, 3, &mapped) < 0)
        return;
    for (uint64_t at = 0; at < size; at += CAPOS_PAGE_SIZE * 3) {
        volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)(mapped.address + at);
        if (*word != 0)
            wrong("fresh memory is zero");
        *word = at + 1;
    }
    (void)cap_virtual_memory_unmap(memory, mapped.address, size);
}

static struct capos_mutex mutex = CAPOS_MUTEX_INIT;
static volatile uint64_t counter;

static uint64_t count_up(void *argument)
{
    for (uint64_t i = 0; i < (uintptr_t)argument; i++) {
        capos_mutex_lock(&mutex);
        counter = counter + 1;
        capos_mutex_unlock(&mutex);
        if (i % 8 == 0)
            call();
    }
    return 0;
}

static void use_threads(void)
{
    capos_thread threads[3];
    size_t started = 0;
    uint64_t before = counter, each = 1 + soak_below(40);
    while (started < 3 &&
           capos_thread_create(NULL, count_up, (void *)(uintptr_t)each, &threads[started]) == CAPOS_OK)
        started++;
    for (size_t i = 0; i < started; i++)
        (void)capos_thread_join(threads[i], NULL);
    if (counter - before != started * each)
        wrong("a mutex");
}

static void use_pipe(void)
{
    struct cap_ipc_factory_create_pipe_results made = {0};
    struct cap_pipe_writer_write_results written = {0};
    struct cap_pipe_reader_read_results read = {0};
    uint8_t text[PIPE_TEXT];
    if (cap_ipc_factory_create_pipe(capos_need_ipc_factory("ipc"), 4096, &made) < 0)
        return;
    memset(text, (int)soak_below(256), sizeof text);
    if (cap_pipe_writer_write(made.writer, capnp_data_of(text, sizeof text), &written) >= 0 &&
        cap_pipe_reader_read(made.reader, PIPE_TEXT, &read, &answer) >= 0 &&
        (read.data.len != written.written || memcmp(read.data.bytes, text, read.data.len) != 0))
        wrong("what comes out of a pipe");
    (void)cap_release(made.reader);
    (void)cap_release(made.writer);
}

static void revoke(void)
{
    struct cap_capability_manager_make_revocable_results made = {0};
    const cap_any original = {.id = directory.id, .mode = CAPOS_XFER_COPY};
    struct cap_directory_usage_results results = {0};
    if (cap_capability_manager_make_revocable(capos_need_capability_manager("manager"), original, &made) < 0)
        return;
    const cap_directory facet = {.id = made.facet.id};
    (void)cap_directory_usage(facet, &results);
    if (cap_revoker_revoke(made.revoker) >= 0 && cap_directory_usage(facet, &results) != CAPOS_ERR_REVOKED)
        wrong("a revoked facet");
    (void)cap_release_id(made.facet.id);
    (void)cap_release(made.revoker);
}

static void fork_and_wait(void)
{
    static const struct cap_budget budget = {.frames = 300, .cap_slots = 40, .threads = 6};
    cap_process_spawner spawner;
    cap_process_handle child;
    struct cap_process_handle_wait_results end = {0};
    if (capos_get_process_spawner("spawner", &spawner) < 0)
        return;
    int64_t forked = capos_fork(spawner, &budget, &child);
    if (forked < 0)
        return;
    if (forked == 0) {
        use_memory();
        call();
        capos_sys_exit(FINE);
    }
    if (cap_process_handle_wait(child, &end, &answer) >= 0 && (end.crashed || end.exit_code != FINE))
        wrong("a fork's end");
    (void)cap_release(child);
}

static void sleep_a_little(void)
{
    (void)cap_timer_sleep(soak_timer, soak_below(3000000));
}

/* A call that is started and given up. */
static void call_and_cancel(void)
{
    struct cap_pending pending = {0};
    if (cap_timer_sleep_start(soak_timer, &(struct cap_timer_sleep_params){.duration_ns = UINT64_MAX / 2},
                              &pending) >= 0)
        (void)cap_pending_cancel(&pending);
}

int soak_worker(uint64_t seed)
{
    static void (*const works[])(void) = {
        call,     call,   pass_capabilities, use_memory,     use_threads,
        use_pipe, revoke, fork_and_wait,     sleep_a_little, call_and_cancel};
    soak_seed(seed);
    directory = capos_need_directory("directory");
    for (uint64_t rounds = soak_below(ROUNDS_MAX); rounds > 0; rounds--)
        works[soak_below(sizeof works / sizeof works[0])]();
    if (soak_one_in(20))
        *(volatile int *)8 = 1; /* a crash */
    if (soak_one_in(4))
        (void)cap_timer_sleep(soak_timer, UINT64_MAX / 2); /* until somebody kills it */
    return FINE;
}
