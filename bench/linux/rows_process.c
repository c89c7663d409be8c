/* Processes and threads from creation to the end, and the kernel memory that an idle process takes. */
#include "guest.h"
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDLE_PROCESSES = 256, KIB = 1024 };

/* The smallest program there is: it exits at once, or waits for its end if it has an argument. */
static char tiny_path[] = "/tiny";

static void reap(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        guest_require(false, "child");
}

static void run_fork(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        reap(child);
    }
}

static void run_spawn(void *context, uint32_t count)
{
    char *arguments[] = {tiny_path, NULL};
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        pid_t child;
        if (posix_spawn(&child, tiny_path, NULL, NULL, arguments, NULL) != 0)
            guest_require(false, "posix_spawn");
        reap(child);
    }
}

void process_spawn_wait(uint32_t count)
{
    run_spawn(NULL, count);
}

static void *thread_main(void *argument)
{
    return argument;
}

static void run_thread(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_main, NULL) != 0 || pthread_join(thread, NULL) != 0)
            guest_require(false, "pthread_create");
    }
}

/* Memory that is neither free nor a program's own, in KiB. /proc/meminfo's kernel lines (Slab, KernelStack,
 * PageTables) leave out a quarter of what disappears with a process. */
static uint64_t kernel_kib(void)
{
    static const char *const others[] = {"MemFree:", "AnonPages:", "Cached:"};
    char line[128];
    uint64_t total = 0, free_or_user = 0;
    FILE *info = fopen("/proc/meminfo", "r");
    guest_require(info != NULL, "/proc/meminfo");
    while (fgets(line, sizeof(line), info) != NULL) {
        char name[32];
        unsigned long long value;
        if (sscanf(line, "%31s %llu", name, &value) != 2)
            continue;
        if (strcmp(name, "MemTotal:") == 0)
            total = value;
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
            free_or_user += strcmp(name, others[i]) == 0 ? value : 0;
    }
    fclose(info);
    return total - free_or_user;
}

static uint64_t idle_process_bytes(void)
{
    char wait_flag[] = "wait";
    char *arguments[] = {tiny_path, wait_flag, NULL};
    pid_t children[IDLE_PROCESSES];
    uint64_t before = kernel_kib();
    for (uint32_t i = 0; i < IDLE_PROCESSES; i++)
        guest_require(posix_spawn(&children[i], tiny_path, NULL, NULL, arguments, NULL) == 0, "posix_spawn");
    for (uint32_t i = 0; i < 2 * IDLE_PROCESSES; i++)
        sched_yield(); /* each child gets as far as its pause() */
    uint64_t after = kernel_kib();
    for (uint32_t i = 0; i < IDLE_PROCESSES; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    return (after - before) * KIB / IDLE_PROCESSES;
}

void rows_process(void)
{
    guest_row(&(struct measure_task){.key = "fork_wait", .count = 50, .run = run_fork});
    guest_row(&(struct measure_task){.key = "spawn_wait", .count = 50, .run = run_spawn});
    guest_row(&(struct measure_task){.key = "thread_create_join", .count = 100, .run = run_thread});
    guest_value("idle_process_bytes", idle_process_bytes());
}
