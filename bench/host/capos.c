/*
 * bench-capos: measures capOS and prints its table.
 *
 *   bench-capos measure KERNEL STRIPPED-KERNEL DIRECTORY GOALS OUT.tsv LINUX.tsv...
 *       DIRECTORY holds all.package, scale-full.package, boot.package and hello.package (bench/rules.mk). Of
 * Linux's files the first that can be read counts. bench-capos smoke KERNEL DIRECTORY runs quick.package and
 * scale-quick.package and checks that every row is there and plausible; prints `ok` and `not ok` lines.
 */
#include "figures.h"
#include "machine.h"
#include "scale.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ROWS_LIMIT_MS = 300 * 1000,
    BOOT_LIMIT_MS = 10 * 1000,
    MEMORY_MIB = 256,
    KIB = 1024,
    PATH_BYTES = 4096,
    MINSN = 1000000,
};
static const char hello_marker[] = "[c-hello] hello from c-hello";

/* A machine that runs DIRECTORY/NAME.package. Two of them must not be in use at the same time. */
static struct machine machine_for(const char *kernel, const char *directory, const char *name)
{
    static char package[PATH_BYTES];
    snprintf(package, sizeof(package), "%s/%s.package", directory, name);
    return (struct machine){
        .type = MACHINE_Q35,
        .cpu = "qemu64",
        .kernel = kernel,
        .initrd = package,
        .command_line = "log=none",
        .memory_mib = MEMORY_MIB,
    };
}

static bool measure_rows(struct machine machine, struct figures *out)
{
    static struct machine_run run;
    machine.icount = true;
    if (!machine_run(&machine, "bench-done", ROWS_LIMIT_MS, &run)) {
        fprintf(stderr, "bench-capos: the guest did not finish; it printed:\n%s\n", run.output);
        return false;
    }
    figures_parse(out, run.output, "bench ");
    return true;
}

/* What the guest counted singly, in the unit of the table. */
static bool add_boot_rows(struct figures *figures)
{
    const struct figure *total = figures_find(figures, "boot_total_insn");
    const struct figure *own = figures_find(figures, "boot_own_insn");
    if (total == NULL || own == NULL)
        return false;
    double total_insn = strtod(total->value, NULL), own_insn = strtod(own->value, NULL);
    figures_set_number(figures, "boot_total_minsn", total_insn / MINSN, 2);
    figures_set_number(figures, "boot_own_minsn", own_insn / MINSN, 2);
    return true;
}

static bool measure_wall(struct machine machine, enum machine_type type, const char *key, struct figures *out)
{
    machine.type = type;
    double boot_ms = machine_fastest_ms(&machine, hello_marker, BOOT_LIMIT_MS);
    if (boot_ms < 0) {
        fprintf(stderr, "bench-capos: %s: %s did not print its line\n", key, machine.initrd);
        return false;
    }
    figures_set_number(out, key, boot_ms, 0);
    return true;
}

static bool measure_memory(const struct machine *machine, struct figures *out)
{
    unsigned memory_mib = machine_smallest_mib(machine, hello_marker, BOOT_LIMIT_MS);
    if (memory_mib == 0) {
        fprintf(stderr, "bench-capos: %s did not print its line\n", machine->initrd);
        return false;
    }
    figures_set_number(out, "min_memory_mib", memory_mib, 0);
    return true;
}

static bool measure_image(const char *stripped, struct figures *out)
{
    struct stat status;
    if (stat(stripped, &status) != 0) {
        perror(stripped);
        return false;
    }
    figures_set_number(out, "image_kib", (double)status.st_size / KIB, 0);
    return true;
}

static bool measure_all(const char *kernel, const char *stripped, const char *directory, struct figures *out)
{
    if (!measure_rows(machine_for(kernel, directory, "all"), out) || !add_boot_rows(out))
        return false;
    if (!scale_measure(machine_for(kernel, directory, "scale-full"), out))
        return false;
    struct machine boot = machine_for(kernel, directory, "boot");
    if (!measure_wall(boot, MACHINE_Q35, "boot_wall_ms", out) ||
        !measure_wall(boot, MACHINE_MICROVM, "boot_wall_microvm_ms", out))
        return false;
    struct machine hello = machine_for(kernel, directory, "hello");
    return measure_memory(&hello, out) && measure_image(stripped, out);
}

static int command_measure(char **arguments, int count)
{
    static struct figures ours, others;
    static struct rows rows;
    const char *linux_source = "no figures";
    if (!rows_read(&rows, arguments[3]) || !measure_all(arguments[0], arguments[1], arguments[2], &ours))
        return 1;
    for (int i = 5; i < count; i++) {
        if (figures_read(&others, arguments[i])) {
            linux_source = arguments[i];
            break;
        }
    }
    table_print(&rows, &ours, &others, linux_source);
    if (!table_write(&rows, &ours, &others, arguments[4])) {
        perror(arguments[4]);
        return 1;
    }
    return 0;
}

/* What a row of the quick run may be: more than nothing, and not absurd. Entries: at least, per operation. */
struct plausible {
    const char *key;
    double least, most, least_entries;
};

static const struct plausible plausible[] = {
    {"boot_total_insn", 1e6, 1e9, 0},
    {"boot_own_insn", 1e4, 1e9, 0},
    {"null_call", 50, 1e4, 1},
    {"batch_op", 10, 5e3, 0.03},
    {"time_read", 5, 1e3, 0},
    {"map_touch_unmap", 500, 1e5, 2},
    {"page_fault", 300, 2e4, 0.9},
    {"rpc_0", 300, 2e4, 1.9},
    {"rpc_64", 400, 2e4, 1.9},
    {"rpc_512", 400, 2e4, 1.9},
    {"cap_pass", 400, 4e4, 1.9},
    {"spawn_wait", 5000, 1e7, 2},
    {"file_read_4k", 200, 1e4, 0},
    {"file_read_1", 10, 5e3, 0},
    {"file_open_close", 500, 5e4, 1.9},
    {"file_write_4k", 500, 5e4, 1.9},
    {"file_write_1", 300, 5e4, 1.9},
    {"file_stat", 300, 5e4, 1.9},
    {"file_create_unlink", 1000, 1e5, 5},
    {"file_seq_read_1m", 3e4, 1e7, 0},
    {"file_seq_write_1m", 1e5, 1e8, 500},
    {"fork_wait", 5000, 1e6, 2},
    {"scale_null_call_ns", 20, 1e7, 0},
    {"scale_null_call_apart_ns", 20, 1e7, 0},
    {"scale_rpc_0_ns", 100, 1e7, 0},
    {"scale_page_fault_ns", 50, 1e7, 0},
    {"scale_spawn_ns", 5000, 1e9, 0},
    {"idle_process_bytes", 4096, 1e6, 0},
    {"idle_process_frames_bytes", 8192, 1e7, 0},
};

static bool smoke_row(const struct figures *figures, const struct plausible *row)
{
    const struct figure *figure = figures_find(figures, row->key);
    if (figure == NULL) {
        printf("not ok bench-smoke %s - the guest did not print it\n", row->key);
        return false;
    }
    double value = strtod(figure->value, NULL), entries = strtod(figure->kernel_entries, NULL);
    if (value < row->least || value > row->most || entries < row->least_entries) {
        printf("not ok bench-smoke %s - %s with %s kernel entries is not plausible\n", row->key,
               figure->value, figure->kernel_entries);
        return false;
    }
    printf("ok bench-smoke %s\n", row->key);
    return true;
}

/* No memory may disappear that is neither charged to the process nor admitted by SystemInfo. */
static bool smoke_memory(const struct figures *figures)
{
    const struct figure *gone = figures_find(figures, "idle_process_frames_bytes");
    const struct figure *charged = figures_find(figures, "idle_process_charged_bytes");
    const struct figure *kernel = figures_find(figures, "idle_process_bytes");
    if (gone == NULL || charged == NULL || kernel == NULL ||
        strtod(gone->value, NULL) > strtod(charged->value, NULL) + strtod(kernel->value, NULL)) {
        puts("not ok bench-smoke idle_process_memory - a process takes more memory than is accounted for");
        return false;
    }
    puts("ok bench-smoke idle_process_memory");
    return true;
}

static int command_smoke(const char *kernel, const char *directory)
{
    static struct figures figures;
    bool good = true;
    if (!measure_rows(machine_for(kernel, directory, "quick"), &figures) ||
        !scale_run(machine_for(kernel, directory, "scale-quick"), SCALE_CPUS, &figures)) {
        puts("not ok bench-smoke - the guest did not finish");
        return 1;
    }
    for (size_t i = 0; i < sizeof(plausible) / sizeof(plausible[0]); i++)
        good &= smoke_row(&figures, &plausible[i]);
    good &= smoke_memory(&figures);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 8 && strcmp(argv[1], "measure") == 0)
        return command_measure(argv + 2, argc - 2);
    if (argc == 4 && strcmp(argv[1], "smoke") == 0)
        return command_smoke(argv[2], argv[3]);
    fputs("usage: bench-capos measure KERNEL STRIPPED-KERNEL DIRECTORY GOALS OUT.tsv LINUX.tsv...\n"
          "       bench-capos smoke KERNEL DIRECTORY\n",
          stderr);
    return 2;
}
