/*
 * Booting a package and reading what comes of it: the part that run, boot and the KVM probe share.
 */
#pragma once
#include "guest.h"
#include "kernel_log.h"
#include "qemu.h"
#include "sentence.h"

enum session_output {
    SESSION_SEPARATE, /* COM1 is the program's alone; the kernel's log comes another way */
    SESSION_TOGETHER, /* one stream, in order */
};

struct session {
    const struct machine *machine;
    const struct buffer *package;
    const char *iso;    /* instead of the package */
    const char *kernel; /* null: build/kernel/capos.elf */
    unsigned timeout_s;
    enum session_output output;
    bool show_console; /* on stdout, as it comes */
    bool show_log;     /* on stderr, as it comes; SESSION_SEPARATE only */
    bool show_trace;   /* the trace's lines of the log, on stderr; not with show_log */
    bool interactive;  /* our stdin is the guest's */
};

struct session_result {
    struct guest_result guest;
    struct kernel_log log; /* SESSION_TOGETHER: also holds what programs printed */
};

/* The kernel that is booted unless another is named; the caller frees it. */
char *session_kernel_path(void);

/* Boots and waits. False, with a sentence, if QEMU or the kernel is missing or QEMU refused to start the
 * machine. */
bool session_run(const struct session *session, struct session_result *result, struct sentence *why);
void session_result_free(struct session_result *result);

/* Prints the command that session_run would run, and writes the package to the file named in it. False:
 * reported. */
bool session_print(const struct session *session, const char *name);
