/* Spawning a program of the boot package with one capability, for demos that want another process. */
#pragma once
#include "check.h"
#include <capos/process.h>
#include <string.h>

/* Grants: the console, and `capability` (moved or copied, as its mode says) as `grant`. slots 0: no limit of
 * its own. */
static inline int32_t demo_spawn(const char *binary, const char *role, const char *grant, cap_any capability,
                                 uint32_t slots, cap_process_handle *out)
{
    const struct capnp_text args[] = {{binary, strlen(binary)}, {role, strlen(role)}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7}, .capability = {.id = demo_console.id, .mode = CAPOS_XFER_COPY}},
        {.name = {grant, strlen(grant)}, .capability = capability},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = args[0],
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, 2),
        .has_budget = slots != 0,
        .budget = {.cap_slots = slots},
    };
    struct cap_process_spawner_spawn_results results = {0};
    int32_t status = cap_process_spawner_spawn(capos_need_process_spawner("spawner"), &params, &results);
    *out = results.handle;
    return status;
}

static inline int64_t demo_wait_exit(cap_process_handle child)
{
    static uint64_t words[512];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_process_handle_wait_results ended = {0};
    int32_t status = cap_process_handle_wait(child, &ended, &buffer);
    (void)cap_release(child);
    return status < 0 ? status : ended.exit_code;
}
