/* Time: Timer.now, the clock page, sleeping, deadlines; and what a Timer refuses. */
#include "check.h"
#include <capos/clock.h>

enum { MILLISECOND = 1000000, PATIENCE_MS = 5000 };

static cap_timer timer;

static uint64_t now(void)
{
    struct cap_timer_now_results results = {0};
    demo_check(cap_timer_now(timer, &results) >= 0, "Timer.now answers");
    return results.monotonic_ns;
}

static void check_clock_page(void)
{
    uint64_t before = now(), page = capos_clock_ns(timer), after = now();
    demo_check(before <= page && page <= after, "the clock page and Timer.now tell the same time");
    bool monotonic = true;
    for (int i = 0; i < 10000; i++) {
        uint64_t next = capos_clock_ns(timer);
        monotonic = monotonic && next >= page;
        page = next;
    }
    demo_check(monotonic, "10000 reads of the clock page never go back");
    struct cap_timer_map_clock_results first, second;
    demo_check(cap_timer_map_clock(timer, &first) >= 0 && cap_timer_map_clock(timer, &second) >= 0 &&
                   first.address == second.address,
               "mapping the clock page again gives the same address");
}

static void check_sleep(void)
{
    uint64_t start = capos_clock_ns(timer);
    demo_expect(CAPOS_OK, cap_timer_sleep(timer, 30 * MILLISECOND), "sleeping 30 ms");
    uint64_t slept = capos_clock_ns(timer) - start;
    demo_check(slept >= 30 * MILLISECOND, "it took at least 30 ms");
    demo_check(slept < UINT64_C(1) * PATIENCE_MS * MILLISECOND, "and not for ever");
    start = capos_clock_ns(timer);
    demo_expect(CAPOS_OK, cap_timer_sleep_until(timer, start / 2), "sleeping until a time in the past");
    demo_expect(CAPOS_OK, cap_timer_sleep_until(timer, start + 10 * MILLISECOND),
                "sleeping until a time in 10 ms");
    demo_check(capos_clock_ns(timer) >= start + 10 * MILLISECOND, "it is that time now");
}

static void check_deadline(void)
{
    struct cap_pending sleep = {.deadline_ns = capos_clock_ns(timer) + 20 * MILLISECOND};
    const struct cap_timer_sleep_params hour = {.duration_ns = UINT64_C(3600) * 1000 * MILLISECOND};
    demo_expect(CAPOS_OK, cap_timer_sleep_start(timer, &hour, &sleep),
                "a sleep of an hour with a deadline in 20 ms");
    demo_expect(CAPOS_ERR_TIMEOUT, cap_pending_wait(&sleep), "it ends at its deadline");
    struct cap_pending canceled = {0};
    demo_expect(CAPOS_OK, cap_timer_sleep_start(timer, &hour, &canceled), "another hour");
    demo_expect(CAPOS_OK, cap_pending_cancel(&canceled), "is canceled");
    demo_expect(CAPOS_ERR_CANCELED, canceled.result, "and says so");
}

int main(void)
{
    struct cap_wall_clock_now_results wall = {0};
    demo_begin("c-time");
    timer = capos_need_timer("timer");
    cap_wall_clock clock = capos_need_wall_clock("wallclock");
    check_clock_page();
    check_sleep();
    check_deadline();
    demo_check(cap_wall_clock_now(clock, &wall) >= 0 && wall.unix_ns > INT64_C(1700000000) * 1000000000,
               "the wall clock is past November 2023");
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED, capos_cap_call(timer.id, 99, NULL, 0, NULL, 0),
                          "a method that Timer does not have");
    return demo_end();
}
