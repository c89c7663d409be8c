/*
 * Whether a service that has ended is started again, and when. Pure: time comes in as a parameter.
 *
 * A restart is allowed if fewer than `limit` were made in the last `window_ns`. The wait before it doubles
 * with each restart that lies within the window, from backoff_ns up to backoff_max_ns: a service that ran for
 * a window's length without trouble begins anew.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESTART_LIMIT_MAX = 20 };

enum restart_mode { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct restart_policy {
    enum restart_mode mode;
    uint32_t limit; /* 1 to RESTART_LIMIT_MAX */
    uint64_t window_ns;
    uint64_t backoff_ns;
    uint64_t backoff_max_ns;
};

struct restart_history {
    uint64_t at_ns[RESTART_LIMIT_MAX]; /* when the last restarts were decided on, oldest first */
    size_t count;
};

enum restart_decision {
    RESTART_LEAVE,   /* it has ended for good, as its policy has it */
    RESTART_GIVE_UP, /* it should run, but has been restarted too often */
    RESTART_AFTER,   /* start it again after *delay_ns */
};

/* `now_ns`: when it ended. A decision to restart is entered in the history. */
enum restart_decision restart_decide(const struct restart_policy *policy, struct restart_history *history,
                                     bool failed, uint64_t now_ns, uint64_t *delay_ns);
