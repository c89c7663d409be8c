/*
 * Launching a process: a program file, its arguments, and exactly the capabilities it is to hold.
 */
#pragma once
#include "core/elf.h"
#include "core/types.h"
#include "mm/ledger.h"
#include "object/object.h"
#include <capnp.h>

struct process;

enum { LAUNCH_GRANTS_MAX = 64, LAUNCH_STACK_BYTES = 1 << 20 };

struct own_object;

struct launch_grant {
    struct capnp_text name;
    const struct own_object *own; /* made for the new process; null: the capability */
    struct capability capability; /* borrowed */
    uint64_t interface_id;        /* that the new process expects; 0: any */
};

struct launch {
    struct capnp_text name;
    struct image image;          /* borrowed */
    struct capnp_list args, env; /* of Text; no args: argv is the name alone */
    const struct launch_grant *grants;
    size_t grant_count;
    struct ledger *parent;
    uint64_t limits[LEDGER_RESOURCES];                       /* 0: default share */
    enum launch_by { LAUNCH_BY_KERNEL, LAUNCH_BY_SPAWN } by; /* for the capabilities' recorded origin */
};

/* Makes and starts the process; nothing is left behind on failure. One reference to it in *out.
 * WRONG_INTERFACE: an own object is not what the grant expects.
 * BAD_MESSAGE, TOO_LARGE with *why set (malformed program, bad names, arguments too long); NO_MEMORY, QUOTA,
 * NO_SLOTS. */
CHECKED status_t launch_process(const struct launch *launch, struct process **out, const char **why);
