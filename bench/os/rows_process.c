/*
 * Threads: made, run, joined. Processes: from spawning a tiny one to its end, and the kernel memory that an
 * idle one takes. The second is what SystemInfo.process says of it, and is checked against the frames that
 * are gone from the machine.
 */
#include "guest.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/fork.h>
#include <capos/threads.h>

enum {
    PAGE_BYTES = 4096,
    IDLE_PROCESSES = 16,
    BUDGET_FRAMES = 64,
    BUDGET_SLOTS = 8,
    FORK_FRAMES = 4096,
    FORK_SLOTS = 64,
    FORK_KERNEL_BYTES = 65536,
    FORK_CODE = 3,
    SETTLE_NS = 10000000,
    ANSWER_WORDS = 1024,
};

#define TEXT(literal) ((struct capnp_text){literal, sizeof(literal) - 1})

/* Starts bench-tiny: without a timer it exits at once, with one it sleeps for ever. */
static void spawn_tiny(bool with_timer, struct cap_process_spawner_spawn_results *out)
{
    const struct cap_spawn_grant timer = {.name = TEXT("timer"),
                                          .which = CAP_SPAWN_GRANT_CAPABILITY,
                                          .capability = cap_timer_as_any(guest.timer)};
    const struct cap_process_spawner_spawn_params params = {
        .name = TEXT("bench-tiny"),
        .binary_name = TEXT("bench-tiny"),
        .grants = CAPNP_LIST(&timer, with_timer ? 1 : 0),
        .has_budget = true,
        .budget = {.frames = BUDGET_FRAMES, .cap_slots = BUDGET_SLOTS, .threads = 1},
    };
    guest_require(cap_process_spawner_spawn(guest.spawner, &params, out), "ProcessSpawner.spawn");
}

static void run_spawn_wait(void *context, uint32_t count)
{
    static uint64_t answer[ANSWER_WORDS];
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        struct cap_process_spawner_spawn_results child;
        struct cap_process_handle_wait_results end;
        struct cap_buffer buffer = {answer, sizeof(answer)};
        spawn_tiny(false, &child);
        guest_require(cap_process_handle_wait(child.handle, &end, &buffer), "ProcessHandle.wait");
        guest_require(end.exit_code == 0 && !end.crashed ? 0 : CAPOS_ERR_CANCELED, "bench-tiny");
        guest_require(cap_release(child.handle), "release");
    }
}

void process_spawn_wait(uint32_t count)
{
    run_spawn_wait(NULL, count);
}

static void run_fork_wait(void *context, uint32_t count)
{
    static uint64_t answer[ANSWER_WORDS];
    static const struct cap_budget budget = {
        .frames = FORK_FRAMES, .cap_slots = FORK_SLOTS, .threads = 1, .kernel_bytes = FORK_KERNEL_BYTES};
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        cap_process_handle child;
        struct cap_process_handle_wait_results end;
        struct cap_buffer buffer = {answer, sizeof(answer)};
        int64_t forked = capos_fork(guest.spawner, &budget, &child);
        if (forked == 0)
            capos_sys_exit(FORK_CODE);
        guest_require(forked < 0 ? (int32_t)forked : 0, "capos_fork");
        guest_require(cap_process_handle_wait(child, &end, &buffer), "ProcessHandle.wait");
        guest_require(end.exit_code == FORK_CODE && !end.crashed ? 0 : CAPOS_ERR_CANCELED, "the copy");
        guest_require(cap_release(child), "release");
    }
}

static uint64_t thread_main(void *argument)
{
    return (uint64_t)(uintptr_t)argument;
}

static void run_thread(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        capos_thread thread;
        guest_require(capos_thread_create(NULL, thread_main, NULL, &thread), "capos_thread_create");
        guest_require(capos_thread_join(thread, NULL), "capos_thread_join");
    }
}

static uint64_t frames_free(void)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof(answer)};
    struct cap_system_info_stats_results stats;
    guest_require(cap_system_info_stats(guest.system, &stats, &buffer), "SystemInfo.stats");
    return stats.memory.frames_free;
}

static struct cap_process_stats process_stats(uint64_t process_id)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof(answer)};
    struct cap_system_info_process_results found;
    guest_require(cap_system_info_process(guest.system, process_id, &found, &buffer), "SystemInfo.process");
    return found.stats;
}

/* Says what an idle process takes, and what disappears from the machine's free frames for each, user memory
 * included: the second less the process' own frames must not be far from the first. */
static void measure_idle_processes(void)
{
    struct cap_process_spawner_spawn_results child;
    uint64_t before = frames_free();
    for (int i = 0; i < IDLE_PROCESSES; i++)
        spawn_tiny(true, &child);
    guest_require(cap_timer_sleep(guest.timer, SETTLE_NS),
                  "Timer.sleep"); /* they get as far as their sleep */
    uint64_t gone_bytes = (before - frames_free()) * PAGE_BYTES / IDLE_PROCESSES;
    struct cap_process_stats stats = process_stats(child.process_id);
    guest_value("idle_process_bytes", stats.kernel_bytes);
    guest_value("idle_process_frames_bytes", gone_bytes);
    guest_value("idle_process_charged_bytes", stats.frames_used * PAGE_BYTES);
}

void rows_process(void)
{
    guest_row(&(struct measure_task){.key = "thread_create_join", .count = 100, .run = run_thread}, 4);
    guest_row(&(struct measure_task){.key = "spawn_wait", .count = 20, .run = run_spawn_wait}, 1);
    guest_row(&(struct measure_task){.key = "fork_wait", .count = 20, .run = run_fork_wait}, 1);
    measure_idle_processes();
}
