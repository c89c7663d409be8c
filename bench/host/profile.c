/*
 * bench-profile: which functions the instructions of one row's operation are spent in.
 *
 *   bench-profile KERNEL PACKAGE PROGRAM.debug ROW LOG PATH
 *
 * Boots bench-os with `profile ROW`, which does the operation for ever between two marks, lets QEMU log every
 * instruction for a while, and takes the stretch of median length. Prints the functions by their own
 * instructions (callees not included), and writes to PATH the way through them: one line for each visit of a
 * function, with the addresses of its instructions.
 */
#include "figures.h"
#include "machine.h"
#include "symbols.h"
#include "trace.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BOOT_LIMIT_MS = 120 * 1000,
    MEMORY_MIB = 256,
    LOG_ENOUGH_BYTES = 24 << 20,
    LOG_WAITS = 300,
    LOG_WAIT_NS = 50 * 1000 * 1000,
};
static const char ready_marker[] = "bench-profile ";

struct recorder {
    int monitor;
    const char *log;
};

static void say(int monitor, const char *command)
{
    if (write(monitor, command, strlen(command)) != (ssize_t)strlen(command))
        perror("bench-profile: QEMU's monitor");
}

/* At the marker: the guest repeats the operation; logs until there is enough of it. */
static void record(void *context)
{
    const struct recorder *recorder = context;
    const struct timespec wait = {.tv_nsec = LOG_WAIT_NS};
    struct stat status = {0};
    say(recorder->monitor, "log exec,nochain\n");
    for (int i = 0; i < LOG_WAITS && status.st_size < LOG_ENOUGH_BYTES; i++) {
        nanosleep(&wait, NULL);
        if (stat(recorder->log, &status) != 0)
            status.st_size = 0;
    }
    say(recorder->monitor, "log none\n");
    nanosleep(&wait, NULL);
}

/* Returns how many operations a stretch holds; 0 if the guest did not get there. */
static unsigned run_guest(const char *kernel, const char *package, const char *log)
{
    static struct machine_run run;
    int ends[2];
    char chardev[64];
    unsigned operations = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0)
        return 0;
    snprintf(chardev, sizeof(chardev), "socket,id=monitor,fd=%d", ends[1]);
    const char *extra[] = {"-singlestep", "-chardev", chardev, "-mon", "monitor", "-D", log, NULL};
    struct recorder recorder = {ends[0], log};
    struct machine machine = {
        .type = MACHINE_Q35,
        .cpu = "qemu64",
        .kernel = kernel,
        .initrd = package,
        .command_line = "log=none",
        .memory_mib = MEMORY_MIB,
        .icount = true,
        .extra = extra,
        .at_marker = record,
        .at_marker_context = &recorder,
    };
    remove(log);
    if (machine_run(&machine, ready_marker, BOOT_LIMIT_MS, &run))
        (void)sscanf(strstr(run.output, ready_marker), "bench-profile %u", &operations);
    else
        fprintf(stderr, "bench-profile: the guest did not get there; it printed:\n%s\n", run.output);
    close(ends[0]);
    close(ends[1]);
    return operations;
}

static int by_count(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;
    return a->count > b->count ? -1 : a->count < b->count;
}

static bool write_path(const struct symbols *symbols, const struct trace *trace,
                       const struct stretch *stretch, const char *path)
{
    FILE *file = fopen(path, "w");
    const struct symbol *inside = NULL;
    if (file == NULL)
        return false;
    for (size_t i = stretch->start; i < stretch->start + stretch->count; i++) {
        const struct symbol *symbol = symbols_at(symbols, trace->addresses[i]);
        if (symbol != inside)
            fprintf(file, "\n%s %s:", symbol == NULL ? "?" : symbol->image,
                    symbol == NULL ? "?" : symbol->name);
        fprintf(file, " %" PRIx64, trace->addresses[i]);
        inside = symbol;
    }
    fputc('\n', file);
    return fclose(file) == 0;
}

static void print_functions(struct symbols *symbols, const struct trace *trace, const struct stretch *stretch,
                            unsigned operations)
{
    for (size_t i = stretch->start; i < stretch->start + stretch->count; i++) {
        struct symbol *symbol = symbols_at(symbols, trace->addresses[i]);
        if (symbol != NULL)
            symbol->count++;
    }
    qsort(symbols->items, symbols->count, sizeof(*symbols->items), by_count);
    for (size_t i = 0; i < symbols->count && symbols->items[i].count > 0; i++) {
        const struct symbol *symbol = &symbols->items[i];
        printf("%10.1f %5.1f%%  %-8s %s\n", (double)symbol->count / operations,
               100 * (double)symbol->count / (double)stretch->count, symbol->image, symbol->name);
    }
}

int main(int argc, char **argv)
{
    struct symbols symbols = {0};
    struct trace trace = {0};
    if (argc != 7) {
        fputs("usage: bench-profile KERNEL PACKAGE PROGRAM.debug ROW LOG PATH\n", stderr);
        return 2;
    }
    if (!symbols_load(&symbols, argv[1], "kernel") || !symbols_load(&symbols, argv[3], "program"))
        return 1;
    symbols_sort(&symbols);
    unsigned operations = run_guest(argv[1], argv[2], argv[5]);
    if (operations == 0)
        return 1;
    if (!trace_read(&trace, argv[5])) {
        perror(argv[5]);
        return 1;
    }
    remove(argv[5]);
    trace_cut(&trace, symbols_address(&symbols, "guest_profile_begin"),
              symbols_address(&symbols, "guest_profile_end"));
    if (trace.stretch_count == 0) {
        fprintf(stderr, "bench-profile: no complete operation in %zu instructions\n", trace.count);
        return 1;
    }
    const struct stretch *median = &trace.stretches[trace.stretch_count / 2];
    printf("%s: %.1f instructions an operation (%zu for %u; %zu stretches recorded, %zu to %zu)\n", argv[4],
           (double)median->count / operations, median->count, operations, trace.stretch_count,
           trace.stretches[0].count, trace.stretches[trace.stretch_count - 1].count);
    if (!write_path(&symbols, &trace, median, argv[6])) {
        perror(argv[6]);
        return 1;
    }
    print_functions(&symbols, &trace, median, operations);
    return 0;
}
