/*
 * What a second processor brings: the same work by one worker for each processor, timed by the clock. The
 * host boots this with one processor and with two and sets the times beside each other (bench/host/scale.h).
 *
 *   scale_null_call       NullCap.nop by threads of one process, which share a capability table
 *   scale_null_call_apart the same by processes
 *   scale_rpc_0           a pair of processes on each processor, one calling the other
 *   scale_page_fault      processes that map, touch and unmap pages
 *   scale_spawn           processes that spawn tiny ones and wait for them; these alone are bound to no
 * processor
 *
 * Workers are made for each pass, get ready, and begin at a moment that was agreed on before; the pass is
 * over when the last of them is. A pass for which one was not ready in time does not count.
 */
#include "guest.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/fork.h>
#include <capos/lookup.h>
#include <capos/threads.h>
#include <capos/wallclock.h>

enum {
    START_TRIES_MAX = 1000,
    PASSES = 15,
    LATE_MAX = 6,
    QUICK_PASSES = 2,
    WORKERS_MAX = 8,
    FAULT_PAGES = 512,
    WORKER_FRAMES = 6144,
    WORKER_SLOTS = 128,
    WORKER_THREADS = 8,
    WORKER_KERNEL_BYTES = 1 << 20,
    ANSWER_WORDS = 1024,
};
#define LATE INT64_MAX

struct work {
    const char *key;
    uint32_t count, quick_count; /* operations of one worker in a pass */
    void (*prepare)(uint32_t cpu);
    void (*run)(uint32_t count);
    void (*finish)(void);
    bool threads; /* of one process; otherwise processes */
    bool unbound;
};

struct worker {
    const struct work *work;
    uint32_t cpu, count;
    uint64_t start_ns;
};

static uint64_t ready_ns = 40000000; /* what the workers have to get ready in */
static const cap_thread_handle SELF;

static void no_preparation(uint32_t cpu)
{
    (void)cpu;
}

static void nothing_to_finish(void)
{
}

static void run_null_calls(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        guest_require(cap_null_cap_nop(guest.null), "NullCap.nop");
}

static void run_faults(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += FAULT_PAGES)
        memory_fault_pages(FAULT_PAGES);
}

/* How long after start_ns its work was done, or LATE. */
static int64_t worker_run(const struct worker *worker)
{
    if (!worker->work->unbound)
        guest_bind(worker->cpu);
    worker->work->prepare(worker->cpu);
    const bool late = capos_clock_ns(guest.timer) >= worker->start_ns;
    while (capos_clock_ns(guest.timer) < worker->start_ns)
        continue;
    worker->work->run(worker->count);
    uint64_t took_ns = capos_clock_ns(guest.timer) - worker->start_ns;
    worker->work->finish();
    return late ? LATE : (int64_t)took_ns;
}

static uint64_t worker_thread(void *argument)
{
    return (uint64_t)worker_run(argument);
}

static int64_t pass_by_threads(const struct worker *workers, uint32_t count)
{
    capos_thread threads[WORKERS_MAX];
    int64_t longest_ns = 0;
    for (uint32_t i = 0; i < count; i++)
        guest_require(capos_thread_create(NULL, worker_thread, (void *)&workers[i], &threads[i]),
                      "capos_thread_create");
    for (uint32_t i = 0; i < count; i++) {
        uint64_t took_ns;
        guest_require(capos_thread_join(threads[i], &took_ns), "capos_thread_join");
        longest_ns = (int64_t)took_ns > longest_ns ? (int64_t)took_ns : longest_ns;
    }
    return longest_ns;
}

static cap_process_handle start_worker(const struct worker *worker)
{
    static const struct cap_budget budget = {.frames = WORKER_FRAMES,
                                             .cap_slots = WORKER_SLOTS,
                                             .threads = WORKER_THREADS,
                                             .kernel_bytes = WORKER_KERNEL_BYTES};
    cap_process_handle child;
    int64_t forked = capos_fork(guest.spawner, &budget, &child);
    /* Another processor may still be giving back the last of who was waited for (docs/processes.md). */
    for (int tries = 0; forked < 0 && tries < START_TRIES_MAX; tries++) {
        (void)cap_timer_sleep(guest.timer, 1000000);
        forked = capos_fork(guest.spawner, &budget, &child);
    }
    if (forked == 0)
        capos_sys_exit(worker_run(worker));
    guest_require(forked < 0 ? (int32_t)forked : 0, "capos_fork");
    return child;
}

static int64_t wait_for_worker(cap_process_handle child)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof(answer)};
    struct cap_process_handle_wait_results end;
    guest_require(cap_process_handle_wait(child, &end, &buffer), "ProcessHandle.wait");
    /* One that failed has said so and ended with 1. */
    guest_require(end.exit_code > 1 && !end.crashed ? 0 : CAPOS_ERR_CANCELED, "a worker");
    guest_require(cap_release(child), "release");
    return end.exit_code;
}

static int64_t pass_by_processes(const struct worker *workers, uint32_t count)
{
    cap_process_handle children[WORKERS_MAX];
    int64_t longest_ns = 0;
    for (uint32_t i = 0; i < count; i++)
        children[i] = start_worker(&workers[i]);
    for (uint32_t i = 0; i < count; i++) {
        int64_t took_ns = wait_for_worker(children[i]);
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
    }
    return longest_ns;
}

static int64_t pass(const struct work *work, uint32_t cpus, uint32_t count)
{
    struct worker workers[WORKERS_MAX];
    uint64_t start_ns = capos_clock_ns(guest.timer) + ready_ns;
    for (uint32_t i = 0; i < cpus; i++)
        workers[i] = (struct worker){.work = work, .cpu = i, .count = count, .start_ns = start_ns};
    return work->threads ? pass_by_threads(workers, cpus) : pass_by_processes(workers, cpus);
}

/* Prints the fastest pass of so many workers, in ns for one operation of each. */
static void measure_workers(const struct work *work, const char *suffix, uint32_t workers, bool quick)
{
    const uint32_t count = quick ? work->quick_count : work->count;
    int64_t fastest_ns = LATE;
    int late = 0;
    for (int i = 0; i < (quick ? QUICK_PASSES : PASSES) && late < LATE_MAX; i++) {
        int64_t took_ns = pass(work, workers, count);
        fastest_ns = took_ns < fastest_ns ? took_ns : fastest_ns;
        if (took_ns == LATE) { /* a busy host: more time for the next, which is in this one's place */
            ready_ns *= 2;
            late++;
            i--;
        }
    }
    guest_require(fastest_ns == LATE ? CAPOS_ERR_TIMEOUT : 0, work->key);
    uint64_t hundredths = (uint64_t)fastest_ns * 100 / count;
    (void)capos_printf(guest.console, "bench %s_%s %llu.%02llu - -\n", work->key, suffix,
                       (unsigned long long)hundredths / 100, (unsigned long long)hundredths % 100);
}

static void row(const struct work *work, uint32_t cpus, bool quick)
{
    if (cpus > 1)
        measure_workers(work, "alone", 1, quick);
    measure_workers(work, "ns", cpus, quick);
}

void guest_bind(uint32_t cpu)
{
    guest_require(cap_scheduling_policy_set_affinity(guest.policy, SELF, UINT64_C(1) << cpu),
                  "SchedulingPolicy.setAffinity");
}

void rows_scale(bool quick)
{
    static const struct work works[] = {
        {"scale_null_call", 40000, 200, no_preparation, run_null_calls, nothing_to_finish, .threads = true},
        {"scale_null_call_apart", 40000, 200, no_preparation, run_null_calls, nothing_to_finish, false,
         false},
        {"scale_rpc_0", 10000, 100, rpc_prepare, rpc_call_null, rpc_finish, false, false},
        {"scale_page_fault", 16 * FAULT_PAGES, FAULT_PAGES, no_preparation, run_faults, nothing_to_finish,
         false, false},
        {"scale_spawn", 100, 4, no_preparation, process_spawn_wait, nothing_to_finish, .unbound = true},
    };
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof(answer)};
    struct cap_system_info_stats_results stats;
    guest_require(cap_system_info_stats(guest.system, &stats, &buffer), "SystemInfo.stats");
    /* Its slot is wanted, as rows_counted says. */
    guest_require(cap_release(capos_need_wall_clock("clock")), "release");
    guest_require(stats.cpus <= WORKERS_MAX ? 0 : CAPOS_ERR_TOO_LARGE, "processors");
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        row(&works[i], stats.cpus, quick);
}
