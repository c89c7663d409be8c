/* See restart.h. */
#include "restart.h"

/* Drops what is older than the window. */
static void history_forget(struct restart_history *history, uint64_t window_ns, uint64_t now_ns)
{
    size_t old = 0;
    while (old < history->count && now_ns - history->at_ns[old] >= window_ns)
        old++;
    for (size_t i = old; i < history->count; i++)
        history->at_ns[i - old] = history->at_ns[i];
    history->count -= old;
}

static uint64_t backoff(const struct restart_policy *policy, size_t restarts)
{
    uint64_t delay_ns = policy->backoff_ns;
    for (size_t i = 0; i < restarts && delay_ns < policy->backoff_max_ns; i++)
        delay_ns = delay_ns > policy->backoff_max_ns / 2 ? policy->backoff_max_ns : 2 * delay_ns;
    return delay_ns < policy->backoff_max_ns ? delay_ns : policy->backoff_max_ns;
}

enum restart_decision restart_decide(const struct restart_policy *policy, struct restart_history *history,
                                     bool failed, uint64_t now_ns, uint64_t *delay_ns)
{
    if (policy->mode == RESTART_NEVER || (policy->mode == RESTART_ON_FAILURE && !failed))
        return RESTART_LEAVE;
    history_forget(history, policy->window_ns, now_ns);
    if (history->count >= policy->limit || history->count >= RESTART_LIMIT_MAX)
        return RESTART_GIVE_UP;
    *delay_ns = backoff(policy, history->count);
    history->at_ns[history->count++] = now_ns;
    return RESTART_AFTER;
}
