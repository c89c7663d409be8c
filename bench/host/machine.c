/* See machine.h. */
#include "machine.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64, WALL_RUNS = 11 };

struct arguments {
    const char *items[ARGUMENTS_MAX + 1];
    size_t count;
    char memory[16], cpus[16];
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void add(struct arguments *arguments, const char *word)
{
    if (arguments->count == ARGUMENTS_MAX) {
        fputs("bench: too many arguments for QEMU\n", stderr);
        exit(1);
    }
    arguments->items[arguments->count++] = word;
    arguments->items[arguments->count] = NULL;
}

static void add_pair(struct arguments *arguments, const char *option, const char *value)
{
    add(arguments, option);
    add(arguments, value);
}

static void make_arguments(const struct machine *machine, struct arguments *out)
{
    static const char microvm[] =
        "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off";
    out->count = 0;
    snprintf(out->memory, sizeof(out->memory), "%uM", machine->memory_mib);
    snprintf(out->cpus, sizeof(out->cpus), "%u", machine->cpus == 0 ? 1 : machine->cpus);
    add(out, "qemu-system-x86_64");
    add_pair(out, "-accel", machine->cpus > 1 ? "tcg,thread=multi" : "tcg");
    if (machine->icount) {
        add_pair(out, "-icount", "shift=0,sleep=off");
        add_pair(out, "-rtc", "base=2026-01-01,clock=vm");
    }
    add_pair(out, "-machine", machine->type == MACHINE_MICROVM ? microvm : "q35");
    add_pair(out, "-cpu", machine->cpu);
    add_pair(out, "-smp", out->cpus);
    add_pair(out, "-m", out->memory);
    add(out, "-no-user-config");
    add(out, "-nodefaults");
    add(out, "-no-reboot");
    add_pair(out, "-display", "none");
    add_pair(out, "-serial", "stdio");
    add_pair(out, "-kernel", machine->kernel);
    add_pair(out, "-initrd", machine->initrd);
    add_pair(out, "-append", machine->command_line);
    for (size_t i = 0; machine->extra != NULL && machine->extra[i] != NULL; i++)
        add(out, machine->extra[i]);
}

static _Noreturn void become_qemu(const struct arguments *arguments, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execvp(arguments->items[0], (char *const *)(void *)arguments->items);
    perror(arguments->items[0]);
    _exit(127);
}

/* Starts it; the read end of its console is returned in *console. */
static pid_t start(const struct machine *machine, int *console)
{
    struct arguments arguments;
    int ends[2];
    make_arguments(machine, &arguments);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become_qemu(&arguments, ends[1], parent);
    close(ends[1]);
    *console = ends[0];
    return child;
}

/* Appends what came; false at the end of the stream. */
static bool take_output(int console, struct machine_run *run)
{
    char chunk[4096];
    ssize_t got = read(console, chunk, sizeof(chunk));
    if (got <= 0)
        return false;
    size_t room = sizeof(run->output) - 1 - run->output_bytes;
    size_t kept = (size_t)got < room ? (size_t)got : room;
    memcpy(run->output + run->output_bytes, chunk, kept);
    run->output_bytes += kept;
    run->output[run->output_bytes] = 0;
    return true;
}

static void watch(int console, const char *marker, double started_ms, unsigned limit_ms,
                  struct machine_run *run)
{
    double left_ms;
    while ((left_ms = started_ms + limit_ms - now_ms()) > 0) {
        struct pollfd poll_for = {console, POLLIN, 0};
        if (poll(&poll_for, 1, (int)left_ms + 1) <= 0)
            continue; /* the time is looked at again */
        if (!take_output(console, run))
            return;
        const char *found = strstr(run->output, marker);
        if (found != NULL && strchr(found, '\n') != NULL) {
            run->reached = true;
            run->reached_ms = now_ms() - started_ms;
            return;
        }
    }
}

bool machine_run(const struct machine *machine, const char *marker, unsigned limit_ms,
                 struct machine_run *run)
{
    int console = -1;
    *run = (struct machine_run){0};
    double started_ms = now_ms();
    pid_t child = start(machine, &console);
    if (child < 0) {
        perror("bench: starting QEMU");
        return false;
    }
    watch(console, marker, started_ms, limit_ms, run);
    if (run->reached && machine->at_marker != NULL)
        machine->at_marker(machine->at_marker_context);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(console);
    return run->reached;
}

double machine_fastest_ms(const struct machine *machine, const char *marker, unsigned limit_ms)
{
    static struct machine_run run;
    double fastest_ms = -1;
    for (int i = 0; i < WALL_RUNS; i++) {
        if (!machine_run(machine, marker, limit_ms, &run))
            return -1;
        if (fastest_ms < 0 || run.reached_ms < fastest_ms)
            fastest_ms = run.reached_ms;
    }
    return fastest_ms;
}

unsigned machine_smallest_mib(const struct machine *machine, const char *marker, unsigned limit_ms)
{
    static struct machine_run run;
    struct machine tried = *machine;
    unsigned fails_mib = 0, runs_mib = 0;
    for (tried.memory_mib = machine->memory_mib; tried.memory_mib > fails_mib;) {
        if (machine_run(&tried, marker, limit_ms, &run))
            runs_mib = tried.memory_mib;
        else if (runs_mib == 0)
            return 0;
        else
            fails_mib = tried.memory_mib;
        tried.memory_mib = fails_mib + (runs_mib - fails_mib) / 2;
    }
    return runs_mib;
}
