/*
 * Several processors: threads spread over them, stay where their affinity says, move when it changes, and
 * each processor's work is counted. What cannot be asked for is refused. Runs on any number of processors
 * from two.
 */
#include "check.h"
#include <capos/sched.h>
#include <capos/system.h>
#include <capos/thread.h>
#include <capos/threads.h>

enum { WORKERS = 8, WORK_STEPS = 200, MOVES = 200 };
#define SPREAD_NS UINT64_C(400000000)

static cap_scheduling_policy policy;
static cap_thread_control control;
static cap_timer timer;
static const cap_thread_handle SELF;
static bool stop; /* atomic */

struct worker {
    uint64_t affinity; /* 0: any */
    uint64_t seen;     /* bit n: ran on processor n */
    uint64_t work;
};

static uint32_t here(void)
{
    struct cap_thread_control_self_results self = {0};
    return cap_thread_control_self(control, &self) == CAPOS_OK ? self.cpu : UINT32_MAX;
}

static uint64_t work(void *argument)
{
    struct worker *worker = argument;
    if (worker->affinity != 0 && cap_scheduling_policy_set_affinity(policy, SELF, worker->affinity) < 0)
        return UINT64_MAX;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint32_t cpu = here();
        if (cpu >= 64)
            return UINT64_MAX;
        worker->seen |= UINT64_C(1) << cpu;
        for (volatile int i = 0; i < WORK_STEPS; i++)
            continue;
        worker->work++;
    }
    return 0;
}

static bool run_workers(struct worker *workers, size_t count)
{
    capos_thread threads[WORKERS];
    bool good = count <= WORKERS;
    size_t started = 0;
    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    for (; good && started < count; started++)
        good = capos_thread_create(NULL, work, &workers[started], &threads[started]) == CAPOS_OK;
    good = good && cap_timer_sleep(timer, SPREAD_NS) == CAPOS_OK;
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < started; i++) {
        uint64_t value = UINT64_MAX;
        good = capos_thread_join(threads[i], &value) == CAPOS_OK && value == 0 && good;
    }
    return good;
}

static void check_spread(uint32_t cpus)
{
    struct worker workers[WORKERS] = {{0}};
    uint64_t seen = 0;
    bool all_worked = true;
    demo_check(run_workers(workers, WORKERS), "eight threads compute");
    for (size_t i = 0; i < WORKERS; i++) {
        seen |= workers[i].seen;
        all_worked = all_worked && workers[i].work > 0;
    }
    demo_check(seen == (UINT64_C(1) << cpus) - 1, "every processor had some of them");
    demo_check(all_worked, "every one of them got on");
}

static void check_affinity(uint32_t cpus)
{
    struct worker workers[WORKERS] = {{0}};
    bool obeyed = true;
    for (size_t i = 0; i < WORKERS; i++)
        workers[i].affinity = UINT64_C(1) << i % cpus;
    bool good = run_workers(workers, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        obeyed = obeyed && workers[i].seen == workers[i].affinity;
    demo_check(good && obeyed, "threads bound to one processor each are seen on no other");
}

/* The running thread itself moves before its call has returned. */
static void check_moves(uint32_t cpus)
{
    bool good = true;
    for (uint32_t i = 0; good && i < MOVES; i++) {
        uint32_t to = i % cpus;
        good =
            cap_scheduling_policy_set_affinity(policy, SELF, UINT64_C(1) << to) == CAPOS_OK && here() == to;
    }
    demo_check(good, "a thread that changes its affinity is there when the call returns");
    demo_expect(CAPOS_OK, cap_scheduling_policy_set_affinity(policy, SELF, UINT64_MAX),
                "any processor again");
}

static void check_refusals(uint32_t cpus)
{
    struct cap_scheduling_policy_get_results before = {0}, after = {0};
    (void)cap_scheduling_policy_get(policy, SELF, &before);
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_affinity(policy, SELF, 0), "no processor");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_affinity(policy, SELF, UINT64_C(1) << cpus),
                          "a processor that does not exist");
    (void)cap_scheduling_policy_get(policy, SELF, &after);
    demo_check(after.affinity == before.affinity && after.affinity == (UINT64_C(1) << cpus) - 1,
               "the affinity is as before");
}

int main(void)
{
    demo_begin("c-smp");
    timer = capos_need_timer("timer");
    policy = capos_need_scheduling_policy("policy");
    control = capos_need_thread_control("thread");
    static uint64_t answer[64];
    struct cap_buffer answer_buffer = {answer, sizeof answer};
    struct cap_system_info_stats_results stats = {0};
    demo_expect(CAPOS_OK, cap_system_info_stats(capos_need_system_info("system"), &stats, &answer_buffer),
                "SystemInfo.stats");
    demo_check(stats.cpus >= 2 && stats.cpus < 64, "there are several processors");
    if (stats.cpus < 2 || stats.cpus >= 64)
        return demo_end();
    check_spread(stats.cpus);
    check_affinity(stats.cpus);
    check_moves(stats.cpus);
    check_refusals(stats.cpus);
    return demo_end();
}
