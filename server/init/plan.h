/*
 * What init is to do, worked out of a manifest before anything is started. A pure function of the decoded
 * manifest and of what init itself holds: no calls, no memory, so that unit tests and a fuzzer run it on the
 * build machine.
 *
 * A plan that was made can be carried out, as far as the manifest is concerned: every binary exists, every
 * name is unique and legal, every grant has a source, everything fits the limits. What is left to fail is the
 * machine's memory and the contents of the ELF files.
 */
#pragma once
#include <capos/manifest.h>
#include <capos/process.h>
#include <stdbool.h>

enum {
    PLAN_BINARIES_MAX = 256,
    PLAN_SERVICES_MAX = 64,
    PLAN_GRANTS_MAX = 64, /* to one service */
    PLAN_HOLDINGS_MAX = 64,
    PLAN_ERROR_BYTES = 400,
};

/* A capability that init holds. */
struct holding {
    const char *name;
    size_t name_len;
    uint64_t interface_id;
    uint32_t cap_id;
};

struct holdings {
    struct holding items[PLAN_HOLDINGS_MAX];
    size_t count;
};

struct service {
    struct cap_program program;
    struct capnp_text name; /* of the process: program.name, or by default the binary's */
};

struct plan {
    struct capnp_text binaries[PLAN_BINARIES_MAX]; /* names */
    size_t binary_count;
    struct service services[PLAN_SERVICES_MAX];
    size_t service_count;
    struct capnp_text motd;
    struct cap_spawn_grant grants[PLAN_GRANTS_MAX]; /* of the service that plan_grants was last asked about */
    size_t grant_count;
    char error[PLAN_ERROR_BYTES];
};

/* False: plan->error is a sentence that begins with the path of what is wrong, such as
 * `initConfig.services[2].caps[1]: no capability named "x"; init holds: console, timer`. Texts in the plan
 * are views of the manifest's message. */
bool plan_make(struct plan *plan, const struct cap_system_manifest *manifest,
               const struct holdings *holdings);

/* Works out the grants of service `index` into plan->grants: plan_make found that they are all right, so that
 * this fails (as plan_make does) only if the manifest's bytes have changed. */
bool plan_grants(struct plan *plan, size_t index, const struct holdings *holdings);
