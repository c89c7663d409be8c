/*
 * What init is to do, worked out of a manifest before anything is started. A pure function of the decoded
 * manifest and of what init itself holds: no calls, no memory, so that unit tests and a fuzzer run it on the
 * build machine.
 *
 * A plan that was made can be carried out, as far as the manifest is concerned: every binary exists, every
 * name is unique and legal, every grant has a source of the interface that the receiver expects, no service
 * needs itself to be started first, everything fits the limits. What is left to fail is the machine's memory
 * and the contents of the ELF files.
 *
 * plan.c has the services, plan_grants.c what they are given, plan_order.c the order in which they start,
 * plan_place.c the sentences of refusal, interface_names.c how interfaces are called.
 */
#pragma once
#include "restart.h"
#include <capos/manifest.h>
#include <capos/process.h>
#include <stdbool.h>

enum {
    PLAN_BINARIES_MAX = 256,
    PLAN_SERVICES_MAX = 28, /* each is watched by a call in flight, and a ring carries 31 of them */
    PLAN_GRANTS_MAX = 64,   /* to one service */
    PLAN_HOLDINGS_MAX = 64,
    PLAN_EXPORTS_MAX = 64,
    PLAN_PIPES_MAX = 16,
    PLAN_NOTIFICATIONS_MAX = 16,
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

/* The first of that interface; null if there is none. */
const struct holding *holdings_find(const struct holdings *holdings, uint64_t interface_id);

typedef uint32_t service_set; /* bit n: service n */
_Static_assert(PLAN_SERVICES_MAX <= 32, "a service_set holds them all");

struct service {
    struct cap_program program;
    struct capnp_text name; /* of the process: program.name, or by default the binary's */
    struct restart_policy restart;
    service_set needs; /* which must be started before */
    size_t first_export;
    size_t export_count;
};

/* An endpoint that init makes for a service. */
struct plan_export {
    struct capnp_text name;
    uint64_t interface_id;
    uint32_t max_queued;
    size_t service;
};

/* A pipe that init makes, and the services that are given its ends. */
struct plan_pipe {
    struct cap_shared_pipe spec;
    service_set readers;
    service_set writers;
};

enum plan_grant_kind {
    PLAN_GRANT_HELD,         /* a copy of init's capability `source` (an id) */
    PLAN_GRANT_OWN,          /* `source` is an enum cap_own_object */
    PLAN_GRANT_POLICY,       /* a SchedulingPolicy made of init's, `source`, that allows `tag` at most */
    PLAN_GRANT_ENDPOINT,     /* the server's side of export `source`, the service's own */
    PLAN_GRANT_IMPORT,       /* a facet of export `source` with tag `tag` */
    PLAN_GRANT_PIPE_READER,  /* of pipe `source` */
    PLAN_GRANT_PIPE_WRITER,  /* of pipe `source` */
    PLAN_GRANT_NOTIFICATION, /* `source` */
    PLAN_GRANT_SIGNALER,     /* of notification `source` */
    PLAN_GRANT_SUPERVISOR,   /* `source` is an enum cap_supervisor_rights */
};

struct plan_grant {
    struct capnp_text name;
    uint64_t interface_id;
    uint64_t tag;
    enum plan_grant_kind kind;
    uint32_t source;
};

struct plan {
    struct capnp_text binaries[PLAN_BINARIES_MAX]; /* names */
    size_t binary_count;
    struct service services[PLAN_SERVICES_MAX];
    size_t service_count;
    uint8_t order[PLAN_SERVICES_MAX]; /* indexes of services, in the order in which they start */
    struct plan_export exports[PLAN_EXPORTS_MAX];
    size_t export_count;
    struct plan_pipe pipes[PLAN_PIPES_MAX];
    size_t pipe_count;
    struct capnp_text notifications[PLAN_NOTIFICATIONS_MAX];
    size_t notification_count;
    bool serves_supervisor; /* some service is granted it */
    bool kills;             /* some service is essential, or a Supervisor is served */
    struct capnp_text motd;
    struct plan_grant grants[PLAN_GRANTS_MAX]; /* of the service that plan_grants was last asked about */
    size_t grant_count;
    char error[PLAN_ERROR_BYTES];
};

/* False: plan->error is a sentence that begins with the path of what is wrong, such as
 * `initConfig.services[2].caps[1]: no capability named "x"; init holds: console, timer`. Texts in the plan
 * are views of the manifest's message. */
bool plan_make(struct plan *plan, const struct cap_system_manifest *manifest,
               const struct holdings *holdings);

/* Works out the grants of service `index` into plan->grants: its caps in their order, then its exports.
 * plan_make found that they are all right, so that this fails (as plan_make does) only if the manifest's
 * bytes have changed or the message's traversal limit is used up. */
bool plan_grants(struct plan *plan, size_t index, const struct holdings *holdings);

/* The index of the service of that name; plan->service_count if there is none. */
size_t plan_find_service(const struct plan *plan, struct capnp_text name);
