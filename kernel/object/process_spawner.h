/*
 * Spawning on behalf of a call: what ProcessSpawner.spawn and RestrictedLauncher.launch share. Everything the
 * caller may have got wrong is answered with a sentence that names the grant or the part of the program.
 *
 * The message is the kernel's own copy, and the program file is read once: its headers into struct elf, which
 * was checked and is what is loaded, then each segment's bytes. So whoever writes to either meanwhile gets a
 * child with other bytes in it, and nothing else.
 */
#pragma once
#include "core/launch.h"
#include <capos/process.h>

struct cap_call;
struct ledger;

struct spawn_request {
    struct capnp_text name; /* empty: the binary's */
    struct image image;
    const struct launch_grant *grants;
    size_t grant_count;
    struct capnp_list args, env;
    const struct cap_budget *budget;
    bool control;
    bool paused;
};

struct spawn_outcome {
    cap_process_handle handle;
    cap_process_control control;
    uint64_t process_id;
};

/* What the operation returns. The caller's ledger pays. */
int32_t spawn_for_call(struct cap_call *call, const struct spawn_request *request, struct spawn_outcome *out);
/* Appends the message's grants to `grants`, which holds *count already. The capabilities are borrowed from
 * the call. What the operation returns if it is not OK: malformed, too many, NOT_TRANSFERABLE, or not of the
 * interface that the grant says. */
int32_t spawn_read_grants(struct cap_call *call, const struct capnp_list *list, struct launch_grant *grants,
                          size_t *count);
/* The boot package's binary of that name. What the operation returns. */
int32_t spawn_find_binary(struct cap_call *call, struct capnp_text name, struct image *out);
/* invalidArgument with a formatted reason, which lives until the call is answered. */
__attribute__((format(printf, 2, 3))) int32_t spawn_refuse(struct cap_call *call, const char *format, ...);

/* A launcher for these binaries: RestrictedLauncher. One reference. What the operation returns. */
int32_t restricted_launcher_create(struct cap_call *call,
                                   const struct cap_process_spawner_restrict_params *params,
                                   struct capability *out);
