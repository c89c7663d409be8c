/*
 * One run of QEMU: started with its package in memory, its console and log read through pipes, killed when it
 * takes too long or when this program ends.
 */
#pragma once
#include "buffer.h"

/* File numbers in QEMU's process; the paths name them on its command line. */
#define GUEST_LOG_PATH     "/dev/fd/10"
#define GUEST_PACKAGE_PATH "/dev/fd/11"

struct guest_sink {
    void (*bytes)(void *self, const char *bytes, size_t size); /* null: ignored */
    void *self;
};

struct guest {
    const struct words *argv;     /* see qemu_command */
    const struct buffer *package; /* null: argv names a file */
    unsigned timeout_s;           /* 0: none */
    struct guest_sink console;    /* COM1, as the bytes come */
    struct guest_sink log;        /* debug console */
    bool interactive;             /* our stdin is the guest's; otherwise that is an empty file */
};

enum guest_end {
    GUEST_NOT_STARTED, /* errno says why; ENOENT: there is no QEMU */
    GUEST_TIMED_OUT,
    GUEST_ENDED,
    GUEST_LEFT, /* the person did not want to see its end */
};

struct guest_result {
    enum guest_end end;
    int qemu_status;           /* exit status, or 128 + signal */
    struct buffer qemu_errors; /* what QEMU itself said; the caller frees it */
    double seconds;
};

/* Runs the guest to its end. Blocks. */
void guest_run(const struct guest *guest, struct guest_result *result);
