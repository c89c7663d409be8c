/*
 * bench-linux: measures the Linux rows and writes them as `key value` lines.
 *
 *   bench-linux KERNEL ROWS.cpio HELLO.cpio KERNEL-NAME OUT.tsv
 */
#include "figures.h"
#include "machine.h"
#include "scale.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ROWS_LIMIT_MS = 600 * 1000,
    BOOT_LIMIT_MS = 30 * 1000,
    MEMORY_MIB = 256,
    KIB = 1024,
};
static const char hello_marker[] = "bench-hello";

static bool measure_rows(struct machine machine, const char *rows_archive, struct figures *out)
{
    static struct machine_run run;
    machine.initrd = rows_archive;
    machine.icount = true;
    if (!machine_run(&machine, "bench-done", ROWS_LIMIT_MS, &run)) {
        fprintf(stderr, "bench-linux: the guest did not finish; it printed:\n%s\n", run.output);
        return false;
    }
    figures_parse(out, run.output, "bench ");
    return true;
}

static bool measure_scale(struct machine machine, const char *rows_archive, struct figures *out)
{
    char command_line[128];
    snprintf(command_line, sizeof(command_line), "%s -- scale", machine.command_line);
    machine.initrd = rows_archive;
    machine.command_line = command_line;
    return scale_measure(machine, out);
}

static bool measure_machine(const struct machine *machine, struct figures *out)
{
    double boot_ms = machine_fastest_ms(machine, hello_marker, BOOT_LIMIT_MS);
    unsigned memory_mib = machine_smallest_mib(machine, hello_marker, BOOT_LIMIT_MS);
    struct stat kernel;
    if (boot_ms < 0 || memory_mib == 0 || stat(machine->kernel, &kernel) != 0) {
        fprintf(stderr, "bench-linux: %s did not reach its first process\n", machine->kernel);
        return false;
    }
    figures_set_number(out, "boot_wall_ms", boot_ms, 0);
    figures_set_number(out, "min_memory_mib", memory_mib, 0);
    figures_set_number(out, "image_kib", (double)kernel.st_size / KIB, 0);
    return true;
}

static bool write_figures(const struct figures *figures, const char *kernel_name, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    fprintf(file, "# Measured by `make bench-linux` on this machine: %s\n", kernel_name);
    for (size_t i = 0; i < figures->count; i++) {
        fprintf(file, "%s\t%s\n", figures->items[i].key, figures->items[i].value);
        printf("%-24s %12s\n", figures->items[i].key, figures->items[i].value);
    }
    return fclose(file) == 0;
}

int main(int argc, char **argv)
{
    static struct figures figures;
    if (argc != 6) {
        fputs("usage: bench-linux KERNEL ROWS.cpio HELLO.cpio KERNEL-NAME OUT.tsv\n", stderr);
        return 2;
    }
    struct machine machine = {
        .type = MACHINE_Q35,
        .cpu = "qemu64",
        .kernel = argv[1],
        .initrd = argv[3],
        .command_line = "console=ttyS0 quiet panic=-1",
        .memory_mib = MEMORY_MIB,
    };
    if (!measure_rows(machine, argv[2], &figures) || !measure_scale(machine, argv[2], &figures) ||
        !measure_machine(&machine, &figures))
        return 1;
    if (!write_figures(&figures, argv[4], argv[5])) {
        perror(argv[5]);
        return 1;
    }
    return 0;
}
