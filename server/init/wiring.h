/*
 * The objects that services share: endpoints of exports, pipes, notifications. init makes them before it
 * starts anything and keeps its own capability to each for as long as somebody who needs it may be started
 * again, so that an endpoint outlives its server's crash, and a pipe ends when all who were given its other
 * end are gone for good.
 */
#pragma once
#include "plan.h"
#include <capos/ipc.h>
#include <capos/limits.h>

/* Makes all of them. False: said why. */
bool wiring_make(struct plan *plan);

/* What a spawn call sends for plan->grants. Made for this one child, and moved to it: `made`. */
struct wiring_grants {
    struct cap_spawn_grant grants[PLAN_GRANTS_MAX];
    size_t count;
    uint32_t made[CAPOS_XFER_CAPS_MAX];
    size_t made_count;
};

/* Turns plan->grants into capabilities. False: `why` says what is gone or was refused, and nothing is left to
 * release. */
bool wiring_bind(const struct plan *plan, struct wiring_grants *out, const char **why);

/* The child was not started: what was made for it still belongs to init. */
void wiring_unbind(struct wiring_grants *grants);

/* The service was given its grants and will not be started again (`started`), or has ended for good. */
void wiring_done(const struct plan *plan, size_t service, bool ended);

/* It may be started once more after all; makes endpoints of its exports that were given up. False: said why.
 */
bool wiring_again(const struct plan *plan, size_t service);

/* The endpoint of init's own Supervisor; its facets' tags are enum cap_supervisor_rights. id NONE: nobody was
 * granted it. */
cap_endpoint wiring_supervisor(void);
