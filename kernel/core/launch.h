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
struct thread;

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
    bool paused; /* until process_resume */
    uint64_t limits[LEDGER_RESOURCES];                       /* 0: default share */
    enum launch_by { LAUNCH_BY_KERNEL, LAUNCH_BY_SPAWN } by; /* for the capabilities' recorded origin */
};

/* Makes and starts the process; nothing is left behind on failure. One reference to it in *out.
 * WRONG_INTERFACE: an own object is not what the grant expects.
 * BAD_MESSAGE, TOO_LARGE with *why set (malformed program, bad names, arguments too long); NO_MEMORY, QUOTA,
 * NO_SLOTS. */
CHECKED status_t launch_process(const struct launch *launch, struct process **out, const char **why);

/* The same in the calling process, instead of its present program: everything that can be refused happens
 * here, the new program being paid for beside the old one; then all other threads are stopped. `parent` and
 * `limits` do not count. OK: the operation answers CAP_CALL_PENDING, and the ring, once it has brought the
 * entry to its end, calls launch_replacement_begin. Errors as above; CANCELED: the thread is being stopped.
 */
CHECKED status_t launch_replacement(const struct launch *launch, struct thread *thread, const char **why);
/* Of the running thread, which is `replacing`: drops what the old program had, and enters the new one. */
_Noreturn void launch_replacement_begin(struct thread *thread);
