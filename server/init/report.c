/* See report.h. */
#include "report.h"
#include "holdings.h"
#include <capos/print.h>

enum { TEXT_BYTES = 200 };

static bool is_supervised(const struct plan *plan, size_t index)
{
    const struct service *service = &plan->services[index];
    return plan->service_count > 1 || service->restart.mode != RESTART_NEVER || service->program.essential;
}

static void describe_crash(const struct cap_crash_record *crash, char *out, size_t size)
{
    capos_snprintf(out, size, "crashed at 0x%llx (image + 0x%llx): %.*s",
                   (unsigned long long)crash->instruction_pointer,
                   (unsigned long long)(crash->instruction_pointer - crash->image_base),
                   (int)crash->reason.len, crash->reason.bytes);
}

static void describe_end(const struct ending *ending, char *out, size_t size)
{
    if (ending->why != NULL)
        capos_snprintf(out, size, "was not started: %s", ending->why);
    else if (ending->crash != NULL)
        describe_crash(ending->crash, out, size);
    else
        capos_snprintf(out, size, "ended with code %lld", (long long)ending->exit_code);
}

void report_end(const struct plan *plan, size_t index, const struct ending *ending,
                enum restart_decision decision, uint64_t delay_ns, size_t restarts)
{
    const struct service *service = &plan->services[index];
    char how[TEXT_BYTES], then[TEXT_BYTES] = "";
    if (!is_supervised(plan, index) || (!ending->failed && decision == RESTART_LEAVE))
        return;
    if (service->program.main && ending->why == NULL && decision == RESTART_LEAVE)
        return; /* whoever booted this learns of its exit code, and of a crash from the log */
    describe_end(ending, how, sizeof how);
    if (decision == RESTART_AFTER)
        capos_snprintf(then, sizeof then, "; restart %zu of %u in %llu ms", restarts, service->restart.limit,
                       (unsigned long long)(delay_ns / 1000000));
    if (decision == RESTART_GIVE_UP)
        capos_snprintf(then, sizeof then, "; given up after %zu restarts within %llu ms", restarts,
                       (unsigned long long)(service->restart.window_ns / 1000000));
    say("\"%.*s\" %s%s", (int)service->name.len, service->name.bytes, how, then);
}

void report_not_started(const struct plan *plan, size_t index, const char *why)
{
    const struct service *service = &plan->services[index];
    say("initConfig.services[%zu]: \"%.*s\" was not started: %s", index, (int)service->name.len,
        service->name.bytes, why);
}

void report_ending(const struct plan *plan, size_t index)
{
    const struct service *service = &plan->services[index];
    if (service->program.main)
        return;
    say("\"%.*s\" is essential: the system ends with it", (int)service->name.len, service->name.bytes);
}
