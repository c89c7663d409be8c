/* The time of day: asked of WallClock once, carried on by the Timer's clock page. */
#include "server.h"
#include <capos/clock.h>
#include <capos/lookup.h>

static struct {
    bool has_clock;
    cap_timer timer;
    int64_t unix_at_zero_ns;
} clock_state;

void fs_clock_init(void)
{
    cap_wall_clock clock;
    struct cap_wall_clock_now_results now = {0};
    if (capos_get_wall_clock("clock", &clock) < 0 || capos_get_timer("timer", &clock_state.timer) < 0)
        return;
    if (cap_wall_clock_now(clock, &now) < 0)
        return;
    clock_state.unix_at_zero_ns = now.unix_ns - (int64_t)capos_clock_ns(clock_state.timer);
    clock_state.has_clock = true;
}

int64_t fs_now_ns(void)
{
    return clock_state.has_clock ? clock_state.unix_at_zero_ns + (int64_t)capos_clock_ns(clock_state.timer)
                                 : 0;
}
