/* What init says about services that end. Nothing about those that end well, and nothing at all about a
 * service that is alone and has no policy: whoever started the system sees its exit code. */
#pragma once
#include "plan.h"

/* How a service ended. */
struct ending {
    bool failed;
    int64_t exit_code;
    const struct cap_crash_record *crash; /* null: none */
    const char *why;                      /* not null: it was not (re)started, or its end is not known */
};

/* `restarts`: within the window, this one included. */
void report_end(const struct plan *plan, size_t index, const struct ending *ending,
                enum restart_decision decision, uint64_t delay_ns, size_t restarts);
void report_not_started(const struct plan *plan, size_t index, const char *why);
/* The system ends with this essential service; nothing is said of a main one. */
void report_ending(const struct plan *plan, size_t index);
