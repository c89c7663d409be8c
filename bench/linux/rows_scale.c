/* What a second processor brings: the same rows, done in the same way, as bench/os/rows_scale.c. */
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PASSES = 15, LATE_MAX = 6, WORKERS_MAX = 8, FAULT_PAGES = 512, NS_PER_S = 1000000000 };
#define LATE INT64_MAX

struct work {
    const char *key;
    uint32_t count; /* operations of one worker in a pass */
    void (*prepare)(void);
    void (*run)(uint32_t count);
    bool threads; /* of one process; otherwise processes */
    bool unbound;
};

struct worker {
    const struct work *work;
    uint32_t cpu;
    int64_t start_ns;
};

static int64_t ready_ns = 40000000; /* what the workers have to get ready in */
static int64_t *took_ns;            /* of each worker; shared with those that are processes */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void no_preparation(void)
{
}

static void run_getpid(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        getpid();
}

static void run_faults(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += FAULT_PAGES)
        memory_fault_pages(FAULT_PAGES);
}

/* Threads and processes that are made from here on run there too. */
static void bind_to(uint32_t cpu)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    guest_require(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity");
}

/* Notes how long after start_ns its work was done, or LATE. */
static void *worker_run(void *argument)
{
    const struct worker *worker = argument;
    if (!worker->work->unbound)
        bind_to(worker->cpu);
    worker->work->prepare();
    took_ns[worker->cpu] = LATE;
    if (now_ns() >= worker->start_ns)
        return NULL;
    while (now_ns() < worker->start_ns)
        continue;
    worker->work->run(worker->work->count);
    took_ns[worker->cpu] = now_ns() - worker->start_ns;
    return NULL;
}

static void pass_by_threads(struct worker *workers, uint32_t count)
{
    pthread_t threads[WORKERS_MAX];
    for (uint32_t i = 0; i < count; i++)
        guest_require(pthread_create(&threads[i], NULL, worker_run, &workers[i]) == 0, "pthread_create");
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void pass_by_processes(struct worker *workers, uint32_t count)
{
    pid_t children[WORKERS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            worker_run(&workers[i]);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        guest_require(waitpid(children[i], NULL, 0) == children[i], "waitpid");
}

static int64_t pass(const struct work *work, uint32_t cpus)
{
    struct worker workers[WORKERS_MAX];
    int64_t start_ns = now_ns() + ready_ns, longest_ns = 0;
    for (uint32_t i = 0; i < cpus; i++)
        workers[i] = (struct worker){work, i, start_ns};
    if (work->threads)
        pass_by_threads(workers, cpus);
    else
        pass_by_processes(workers, cpus);
    for (uint32_t i = 0; i < cpus; i++)
        longest_ns = took_ns[i] > longest_ns ? took_ns[i] : longest_ns;
    return longest_ns;
}

static void measure_workers(const struct work *work, const char *suffix, uint32_t workers)
{
    int64_t fastest_ns = LATE;
    int late = 0;
    for (int i = 0; i < PASSES && late < LATE_MAX; i++) {
        int64_t longest_ns = pass(work, workers);
        fastest_ns = longest_ns < fastest_ns ? longest_ns : fastest_ns;
        if (longest_ns == LATE) { /* a busy host: more time for the next, which is in this one's place */
            ready_ns *= 2;
            late++;
            i--;
        }
    }
    guest_require(fastest_ns != LATE, "workers were late");
    printf("bench %s_%s %.2f\n", work->key, suffix, (double)fastest_ns / work->count);
}

static void row(const struct work *work, uint32_t cpus)
{
    if (cpus > 1)
        measure_workers(work, "alone", 1);
    measure_workers(work, "ns", cpus);
}

void rows_scale(void)
{
    static const struct work works[] = {
        {"scale_null_call", 40000, no_preparation, run_getpid, .threads = true},
        {"scale_null_call_apart", 40000, no_preparation, run_getpid, false, false},
        {"scale_rpc_0", 2000, rpc_prepare, rpc_call_null, false, false},
        {"scale_page_fault", 16 * FAULT_PAGES, no_preparation, run_faults, false, false},
        {"scale_spawn", 50, no_preparation, process_spawn_wait, .unbound = true},
    };
    cpu_set_t cpus;
    guest_require(sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) <= WORKERS_MAX,
                  "sched_getaffinity");
    took_ns =
        mmap(NULL, WORKERS_MAX * sizeof(*took_ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    guest_require(took_ns != MAP_FAILED, "mmap");
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        row(&works[i], (uint32_t)CPU_COUNT(&cpus));
}
