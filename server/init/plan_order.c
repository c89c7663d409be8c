/*
 * The order in which services start: the manifest's, but each behind all that it needs. No recursion: the
 * next one is the first whose needs have all been placed. When there is none, following the needs of any that
 * is left must meet one twice, which is the circle to report.
 */
#include "plan_internal.h"
#include <capos/print.h>

enum { CIRCLE_TEXT_BYTES = 240 };

static service_set one(size_t index)
{
    return (service_set)1 << index;
}

static size_t lowest(service_set set)
{
    return (size_t)__builtin_ctz(set);
}

/* `a -> b -> a`, from the first service that was met twice. */
static bool report_circle(struct place *at, service_set left)
{
    const struct plan *plan = at->plan;
    char text[CIRCLE_TEXT_BYTES];
    size_t first = lowest(left), used = 0;
    for (service_set seen = 0; !(seen & one(first)); first = lowest(plan->services[first].needs & left))
        seen |= one(first);
    for (service_set shown = 0, done = 0; !done && used < sizeof text;) {
        size_t next = shown == 0 ? first : lowest(shown);
        used += (size_t)capos_snprintf(text + used, sizeof text - used, "%s%s", shown == 0 ? "" : " -> ",
                                       quote(plan->services[next].name).text);
        done = shown != 0 && next == first;
        shown = one(lowest(plan->services[next].needs & left));
    }
    place_set(at, "initConfig.services[%zu]", first);
    return fail(at, "services need each other to be started first (caps[].source.service, after): %s", text);
}

bool check_order(struct place *at)
{
    struct plan *plan = at->plan;
    service_set left = plan->service_count == 0 ? 0 : UINT32_MAX >> (32 - plan->service_count);
    for (size_t placed = 0; placed < plan->service_count; placed++) {
        size_t next = 0;
        while (next < plan->service_count && (!(left & one(next)) || (plan->services[next].needs & left)))
            next++;
        if (next == plan->service_count)
            return report_circle(at, left);
        plan->order[placed] = (uint8_t)next;
        left &= ~one(next);
    }
    return true;
}
