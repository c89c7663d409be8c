/*
 * Processor time in proportion to weights: three threads that compute all the time share one processor 1:2:4,
 * each with its own count of work; a fourth of the least weight still gets on. And what SchedulingPolicy
 * refuses.
 */
#include "child.h"
#include <capos/process.h>
#include <capos/sched.h>
#include <capos/threads.h>
#include <string.h>

enum { WORKERS = 3, UNIT_WEIGHT = 100, TOLERANCE_PERCENT = 5, WORK_STEPS = 1000 };
enum { FIRST_CPU = 1, /* as an affinity */ ATTEMPTS = 10 };
enum { INTERACTIVE_SLEEPS = 20, GUESSES = 1000, SCHED_MOST = 10000 };
#define SHARE_NS UINT64_C(2000000000)
#define LEAST_NS UINT64_C(3000000000)
#define NAP_NS   UINT64_C(5000000)
/* Woken, an interactive thread waits for no slice of another to end. */
#define LATE_NS UINT64_C(1000000)

struct worker {
    uint32_t weight;
    enum cap_latency_class latency;
    uint64_t work; /* atomic */
};

static cap_scheduling_policy policy;
static cap_timer timer;
static bool stop; /* atomic */

/* Shares are a matter of one processor. Where there are others, other processors of the host may be late for
 * ours in turn, which is nobody's fault here: then one good result of several is enough. */
static unsigned attempts_max = 1;

static const cap_thread_handle SELF;

static uint64_t compute(void *argument)
{
    struct worker *worker = argument;
    if (cap_scheduling_policy_set_affinity(policy, SELF, FIRST_CPU) < 0 ||
        cap_scheduling_policy_set_weight(policy, SELF, worker->weight) < 0 ||
        cap_scheduling_policy_set_latency_class(policy, SELF, worker->latency) < 0)
        return UINT64_MAX;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (volatile int i = 0; i < WORK_STEPS; i++)
            continue;
        __atomic_fetch_add(&worker->work, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

/* Lets the workers run beside each other; false if one could not be started or had no policy. */
static bool run_workers(struct worker *workers, size_t count, uint64_t duration_ns)
{
    capos_thread threads[WORKERS];
    bool good = count <= WORKERS;
    size_t started = 0;
    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    for (; good && started < count; started++)
        good = capos_thread_create(NULL, compute, &workers[started], &threads[started]) == CAPOS_OK;
    good = good && cap_timer_sleep(timer, duration_ns) == CAPOS_OK;
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < started; i++) {
        uint64_t value = UINT64_MAX;
        good = capos_thread_join(threads[i], &value) == CAPOS_OK && value == 0 && good;
    }
    return good;
}

/* Within 5 % of this part of all work. */
static bool has_share(const struct worker *workers, size_t index, uint32_t total_weight)
{
    uint64_t total = 0;
    for (size_t i = 0; i < WORKERS; i++)
        total += workers[i].work;
    uint64_t fair = total * workers[index].weight / total_weight;
    uint64_t off = workers[index].work > fair ? workers[index].work - fair : fair - workers[index].work;
    return total > 0 && off * 100 <= fair * TOLERANCE_PERCENT;
}

/* False: they could not even compute. */
static bool compare_shares(bool *fair)
{
    struct worker workers[WORKERS] = {
        {.weight = UNIT_WEIGHT}, {.weight = 2 * UNIT_WEIGHT}, {.weight = 4 * UNIT_WEIGHT}};
    if (!run_workers(workers, WORKERS, SHARE_NS))
        return false;
    *fair = true;
    for (size_t i = 0; i < WORKERS; i++)
        *fair = *fair && has_share(workers, i, 7 * UNIT_WEIGHT);
    if (!*fair)
        demo_say("counts %lu %lu %lu", workers[0].work, workers[1].work, workers[2].work);
    return true;
}

static void check_shares(void)
{
    bool ran = true, fair = false;
    for (unsigned i = 0; i < attempts_max && ran && !fair; i++)
        ran = compare_shares(&fair);
    demo_check(ran, "three threads of weights 100, 200 and 400 compute");
    demo_check(fair, "their counts of work are as 1:2:4, within 5 %");
}

static void check_least(void)
{
    struct worker workers[2] = {{.weight = 1}, {.weight = 10000}};
    demo_check(run_workers(workers, 2, LEAST_NS) && workers[0].work > 0 && workers[1].work > workers[0].work,
               "weight 1 beside weight 10000 gets little, and not nothing");
}

/* Naps beside a thread of batch class; how many awakenings were late. */
static uint64_t nap(void *argument)
{
    unsigned *late = argument;
    if (cap_scheduling_policy_set_affinity(policy, SELF, FIRST_CPU) < 0 ||
        cap_scheduling_policy_set_latency_class(policy, SELF, CAP_LATENCY_CLASS_INTERACTIVE) < 0)
        return UINT64_MAX;
    for (int i = 0; i < INTERACTIVE_SLEEPS; i++) {
        struct cap_timer_now_results before = {0}, after = {0};
        if (cap_timer_now(timer, &before) < 0 || cap_timer_sleep(timer, NAP_NS) < 0 ||
            cap_timer_now(timer, &after) < 0)
            return UINT64_MAX;
        *late += after.monotonic_ns - before.monotonic_ns - NAP_NS >= LATE_NS;
    }
    return 0;
}

/* False: they could not run. */
static bool nap_beside_batch(unsigned *late)
{
    struct worker batch = {.weight = UNIT_WEIGHT, .latency = CAP_LATENCY_CLASS_BATCH};
    capos_thread napper;
    uint64_t value = UINT64_MAX;
    *late = 0;
    return capos_thread_create(NULL, nap, late, &napper) == CAPOS_OK &&
           run_workers(&batch, 1, SHARE_NS / 4) && capos_thread_join(napper, &value) == CAPOS_OK &&
           value == 0;
}

static void check_latency(void)
{
    unsigned late;
    bool ran = nap_beside_batch(&late);
    if (ran && attempts_max > 1) /* real time: a busy host delays the clock's interrupts, too */
        demo_say("an interactive thread was late %u times of %u", late, (unsigned)INTERACTIVE_SLEEPS);
    else
        demo_check(ran && late == 0, "an interactive thread wakes in time beside a computing one");
}

static void check_refusals(void)
{
    struct cap_scheduling_policy_limited_results limited = {0};
    struct cap_scheduling_policy_get_results mine = {0};
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, cap_scheduling_policy_set_weight(policy, SELF, 0),
                          "weight 0");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(policy, SELF, 10001), "weight 10001");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_latency_class(policy, SELF, (enum cap_latency_class)3),
                          "a latency class that does not exist");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_affinity(policy, SELF, 0), "no processor at all");
    demo_expect(CAPOS_OK, cap_scheduling_policy_limited(policy, 200, &limited), "a policy limited to 200");
    demo_expect(CAPOS_OK, cap_scheduling_policy_set_weight(limited.policy, SELF, 200), "weight 200 by it");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(limited.policy, SELF, 201), "weight 201 by it");
    demo_expect(CAPOS_OK, cap_scheduling_policy_limited(limited.policy, 10000, &limited),
                "a limited policy limited to more");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_scheduling_policy_set_weight(limited.policy, SELF, 201),
                          "weight 201 is still too much");
    demo_check(cap_scheduling_policy_get(policy, SELF, &mine) == CAPOS_OK && mine.weight == 200,
               "what was refused changed nothing");
    demo_expect(CAPOS_OK, cap_scheduling_policy_set_weight(policy, SELF, UNIT_WEIGHT), "weight 100 again");
}

static bool is_mine(uint32_t id)
{
    for (uint32_t i = 0; i < capos_capset()->entry_count; i++)
        if (capos_capset_entry(i)->cap_id == id)
            return true;
    return false;
}

/* A child without a policy: not by name, and not by any id that it was not given. */
static int be_child(void)
{
    cap_scheduling_policy guessed = {0};
    unsigned refused = 0;
    demo_begin("c-fair");
    demo_expect(CAPOS_ERR_NO_CAPABILITY, capos_get_scheduling_policy("policy", &guessed),
                "a child looks for a policy by name");
    for (uint32_t id = 1; id <= GUESSES; id++) {
        guessed.id = id;
        refused += is_mine(id) || cap_scheduling_policy_set_weight(guessed, SELF, SCHED_MOST) < 0;
    }
    demo_check(refused == GUESSES, "and by a thousand ids: without a policy its weight stays");
    return demo_end();
}

static void check_child(void)
{
    cap_process_handle child;
    cap_any passed = {.id = timer.id, .mode = CAPOS_XFER_COPY};
    /* What it says comes before what is said here, also when another processor runs it. */
    const int32_t status = demo_spawn("c-fair", "child", "timer", passed, 0, &child);
    const int64_t code = status < 0 ? status : demo_wait_exit(child);
    demo_expect(CAPOS_OK, status, "ProcessSpawner.spawn");
    demo_check(code == 0, "the child without a policy could change nothing");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return be_child();
    demo_begin("c-fair");
    timer = capos_need_timer("timer");
    policy = capos_need_scheduling_policy("policy");
    struct cap_scheduling_policy_get_results mine = {0};
    if (cap_scheduling_policy_get(policy, SELF, &mine) == CAPOS_OK && mine.affinity != FIRST_CPU)
        attempts_max = ATTEMPTS;
    check_shares();
    check_least();
    check_latency();
    check_refusals();
    check_child();
    return demo_end();
}
