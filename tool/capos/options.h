/*
 * The command line of `capos run` and `capos boot`.
 */
#pragma once
#include "dirs.h"
#include "grants.h"
#include "qemu.h"

struct options {
    struct grant_list grants;
    struct dir_list dirs;
    struct words env;
    struct machine machine;
    bool cpus_given;    /* else a transcript may say how many */
    unsigned timeout_s; /* 0: none */
    bool want_kvm;
    bool no_default;
    bool explain;
    bool verbose;
    bool trace, trace_calls, trace_sched, trace_times; /* trace without calls and sched: calls */
    bool print_qemu;
    const char *expect;   /* boot only; borrowed from argv */
    const char *kernel;   /* null: the one that was built; borrowed */
    char *system_program; /* run: the file of one of capOS' own programs, if that is what the subject names */
    const char *subject;  /* the program or the manifest; borrowed from argv. run: null if there is none */
    char *const *args;    /* what follows it, null-terminated; borrowed */
    size_t arg_count;
};

enum command { COMMAND_RUN, COMMAND_BOOT, COMMAND_GDB };

/* argv is what follows the subcommand. On failure *why is the sentence. options_free in both cases. */
bool options_parse(enum command command, int argc, char *const *argv, struct options *out,
                   struct sentence *why);
void options_free(struct options *options);
