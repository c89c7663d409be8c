/*
 * The machine that is measured: QEMU with the flags that docs/benchmarking.md fixes, run until its guest
 * prints a certain line (the marker), then killed: what a guest does at its end is in no figure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum machine_type { MACHINE_Q35, MACHINE_MICROVM };

struct machine {
    enum machine_type type;
    const char *cpu;          /* QEMU's -cpu */
    const char *kernel;       /* file for -kernel */
    const char *initrd;       /* file for -initrd */
    const char *command_line; /* for -append */
    unsigned memory_mib;
    unsigned cpus;                    /* 0: one */
    bool icount;                      /* count instructions; otherwise plain TCG, for wall-clock figures */
    const char *const *extra;         /* more arguments, ending with a null pointer; may be null */
    void (*at_marker)(void *context); /* called at the marker while the guest goes on; may be null */
    void *at_marker_context;
};

enum { MACHINE_OUTPUT_BYTES = 1 << 16 };

struct machine_run {
    bool reached;      /* the marker came */
    double reached_ms; /* wall clock from starting QEMU to the marker */
    size_t output_bytes;
    char output[MACHINE_OUTPUT_BYTES]; /* COM1 so far, NUL-terminated; cut off when full */
};

/* Runs the machine until the marker, its end, or the time limit. Blocks. False if it could not be started or
 * did not reach the marker; what it printed is in `run` all the same. */
bool machine_run(const struct machine *machine, const char *marker, unsigned limit_ms,
                 struct machine_run *run);

/* The fastest of eleven runs to the marker, in ms; below 0 if one did not get there. Everything else that the
 * host does only adds to a wall-clock time, so the fastest is the figure that repeats. */
double machine_fastest_ms(const struct machine *machine, const char *marker, unsigned limit_ms);

/* The smallest -m, in MiB, with which the machine still reaches the marker, by binary search up to
 * machine->memory_mib; 0 if that is not enough either. */
unsigned machine_smallest_mib(const struct machine *machine, const char *marker, unsigned limit_ms);
