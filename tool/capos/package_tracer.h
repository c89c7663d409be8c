/*
 * The part of a boot package that is there for --trace: the tracer (server/tracer) in the program's place. It
 * holds what it needs itself and all that the program is to hold, and its arguments say under which names the
 * program gets it; so init and the servers know nothing of traces.
 */
#pragma once
#include "package_dirs.h"

struct trace_wishes {
    bool calls, sched, times;
};

struct tracer_parts {
    struct words words;
    struct capnp_text *args;    /* over words */
    struct cap_cap_grant *caps; /* what the program's objects are called here is of no concern to a person */
    size_t cap_count;
    struct cap_budget budget;
};

/* How much of the machine is left when the package is in it, and what the servers take. */
struct tracer_room {
    uint64_t machine_bytes, package_bytes;
    uint64_t server_frames, server_kernel_bytes;
};

/* `binary` and `args` are the program's. The result lives as long as this, the grants and `dirs`. */
void tracer_parts_make(struct tracer_parts *parts, const struct trace_wishes *wishes, const char *binary,
                       const struct words *args, const struct grant_list *grants,
                       const struct dir_parts *dirs);
void tracer_parts_free(struct tracer_parts *parts);
/* The tracer's budget, four times the program's, goes into the parts; init's is returned. Without them either
 * would be a quarter of its parent's, and the program would have a quarter of what it has without a trace. */
struct cap_budget tracer_budgets(struct tracer_parts *parts, const struct tracer_room *room);

/* The service and its binary; `tracer` is its ELF file, borrowed. `env` is the program's. */
struct cap_program tracer_part_service(const struct tracer_parts *parts, const struct capnp_text *env,
                                       size_t env_count);
struct cap_binary tracer_part_binary(const struct buffer *tracer);
/* Whether init must hold it for the tracer. */
bool tracer_part_needs(enum cap_kernel_cap source);
