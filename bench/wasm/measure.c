/*
 * Runs a command several times and prints how long it took and how much memory it used.
 *
 *     wasm-measure RUNS OUTPUT COMMAND ARG...
 *
 * prints `BEST_NS MEDIAN_NS PEAK_RSS_KIB STATUS`: wall time from before the process is made until it is
 * reaped, the largest resident set of any run (wait4), the last exit status (128 + signal if it was killed).
 * The command's standard output goes to OUTPUT, of the last run only.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNS = 10000 };

struct result {
    uint64_t time_ns, cpu_ns;
    long rss_kib;
    int status;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static int exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* False if the command cannot be started. */
static int run_once(const char *output, char **command, struct result *result)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int wait_status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    uint64_t start = now_ns();
    int error = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        fprintf(stderr, "wasm-measure: %s: %s\n", command[0], strerror(error));
        return 0;
    }
    while (wait4(pid, &wait_status, 0, &usage) < 0 && errno == EINTR)
        ;
    *result = (struct result){now_ns() - start, timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime),
                              usage.ru_maxrss, exit_status(wait_status)};
    return 1;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    long runs = argc > 3 ? strtol(argv[1], NULL, 10) : 0, peak_kib = 0;
    static uint64_t times[MAX_RUNS];
    struct result result = {0};
    uint64_t cpu_ns = UINT64_MAX;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: wasm-measure RUNS OUTPUT COMMAND ARG...\n");
        return 1;
    }
    for (long i = 0; i < runs; i++) {
        if (!run_once(argv[2], argv + 3, &result))
            return 1;
        times[i] = result.time_ns;
        cpu_ns = result.cpu_ns < cpu_ns ? result.cpu_ns : cpu_ns;
        peak_kib = result.rss_kib > peak_kib ? result.rss_kib : peak_kib;
    }
    qsort(times, (size_t)runs, sizeof(times[0]), compare_times);
    printf("%llu %llu %ld %d %llu\n", (unsigned long long)times[0], (unsigned long long)times[runs / 2],
           peak_kib, result.status, (unsigned long long)cpu_ns);
    return 0;
}
