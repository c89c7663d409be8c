/*
 * Boot packages: the one that `capos run` makes for a single program, and a look at any other before it is
 * booted.
 *
 * A package is a SystemManifest message. init gets what it needs for its own work and everything that it is
 * to hand on; the program gets the grants and nothing else.
 */
#pragma once
#include "grants.h"

struct dir_list;
struct trace_wishes;

struct package_request {
    const char *program_name; /* of the process and its binary; cut to CAPOS_PROCESS_NAME_MAX bytes */
    struct buffer init;       /* ELF files; borrowed */
    struct buffer program;    /* empty: init alone */
    const struct grant_list *grants;
    const struct words *args; /* argv, with the program's name in front */
    const struct words *env;
    const struct trace_wishes *trace; /* null: no trace. Else the tracer starts the program */
    struct buffer tracer;             /* its ELF file; borrowed */
    uint64_t machine_bytes;           /* with a trace: how much memory there will be */
    const struct dir_list *dirs;      /* null: none */
    struct buffer files;              /* the file server's ELF file, if there are dirs; borrowed */
    struct buffer terminal;           /* the terminal server's, if a grant needs it; borrowed */
};

/* How many processes are started between init and the program. */
size_t package_services_before(const struct package_request *request);

/* Encodes the package. False if there is more than a message can hold. */
bool package_build(const struct package_request *request, struct buffer *out, struct sentence *why);

/* Checks what the kernel and init will check too, to say it with the manifest's field names: known version,
 * every program's binary there, names in bounds. */
bool package_check(const struct buffer *package, struct sentence *why);

/* The name and the file of the n-th program's binary: 0 is init, then the services in order. Both point into
 * the package; the name is NUL-terminated. False if there are fewer programs, or it has no binary. */
bool package_program(const struct buffer *package, size_t index, const char **name, const void **bytes,
                     size_t *size);
