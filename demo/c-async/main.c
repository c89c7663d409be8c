/* Many calls in flight at once, completed out of order, canceled, timed out; and more of them than the ring
 * holds. */
#include "check.h"
#include <capos/clock.h>

enum { CALLS = 100, MILLISECOND = 1000000, BATCH = 24 };

static cap_timer timer;
static struct cap_pending calls[CALLS];

static int32_t start_sleep(struct cap_pending *pending, uint64_t duration_ns)
{
    const struct cap_timer_sleep_params params = {.duration_ns = duration_ns};
    return cap_timer_sleep_start(timer, &params, pending);
}

/* Whether every sleep that is shorter than this one has ended: on a busy machine several end before anyone
 * looks. */
static bool shorter_ones_ended(int index)
{
    for (int i = index + 1; i < BATCH; i++)
        if (!calls[i].done)
            return false;
    return true;
}

/* The first started sleeps longest: they end in the opposite order. */
static void check_out_of_order(void)
{
    struct cap_pending *waiting[BATCH];
    bool reversed = true, all_well = true;
    for (int i = 0; i < BATCH; i++) {
        waiting[i] = &calls[i];
        all_well = all_well && start_sleep(&calls[i], (uint64_t)(BATCH - i) * 10 * MILLISECOND) == 0;
    }
    demo_say("in flight: %d sleeps, and still printing", BATCH);
    for (int i = 0; i < BATCH; i++) {
        int ended = cap_pending_wait_any(waiting, BATCH);
        if (ended < 0) {
            all_well = false;
            break;
        }
        reversed = reversed && shorter_ones_ended(ended);
        all_well = all_well && waiting[ended]->result == 0;
        waiting[ended] = NULL;
    }
    demo_check(all_well, "24 sleeps started together all succeed");
    demo_check(reversed, "they complete in the opposite order");
}

/* More than three times as many as the ring holds: starting waits for completions and loses none. */
static void check_more_than_fit(void)
{
    int started = 0, ended = 0;
    uint64_t begin = capos_clock_ns(timer);
    for (int i = 0; i < CALLS; i++)
        started += start_sleep(&calls[i], 50 * MILLISECOND) == 0;
    for (int i = 0; i < CALLS; i++)
        ended += cap_pending_wait(&calls[i]) == 0;
    demo_check(started == CALLS && ended == CALLS, "100 calls through a ring of 32");
    demo_check(capos_clock_ns(timer) - begin < UINT64_C(100) * 50 * MILLISECOND, "they overlap");
}

/* However many calls wait for something, a blocking call still gets through. */
static void check_room_for_blocking(void)
{
    struct cap_timer_now_results now;
    const uint64_t hour = UINT64_C(3600) * 1000 * MILLISECOND;
    int started = 0, canceled = 0;
    for (int i = 0; i < 31; i++)
        started += start_sleep(&calls[i], hour) == 0;
    demo_check(started == 31, "31 sleeps of an hour");
    demo_expect(CAPOS_OK, cap_timer_now(timer, &now), "Timer.now in between");
    demo_check(!cap_pending_poll(&calls[0]), "polling one of them does not wait");
    demo_expect(CAPOS_ERR_TIMEOUT, cap_pending_wait_timeout(&calls[0], 10 * MILLISECOND),
                "waiting 10 ms for it");
    for (int i = 0; i < 31; i++)
        canceled += cap_pending_cancel(&calls[i]) == 0 && calls[i].result == CAPOS_ERR_CANCELED;
    demo_check(canceled == 31, "each of them can be canceled");
    demo_expect(CAPOS_ERR_NOT_FOUND, cap_pending_cancel(&calls[0]), "but not twice");
}

/* Results that carry data, and calls that are refused, arrive with the right call. */
static void check_results(void)
{
    struct cap_timer_now_results earlier = {0}, later = {0};
    calls[0] = calls[1] = calls[2] = (struct cap_pending){0};
    int32_t started = cap_timer_now_start(timer, &calls[0]) | cap_timer_now_start(timer, &calls[2]);
    started |= cap_invoke_start(timer.id, 50, &calls[1]);
    int32_t too_early = cap_timer_now_finish(&calls[0], &earlier); /* nothing has entered the kernel yet */
    demo_expect(CAPOS_OK, started, "two Timer.now and a method that does not exist, in one batch");
    demo_expect(CAPOS_ERR_NOT_FOUND, too_early, "finishing before it is done");
    demo_expect(CAPOS_OK, cap_submit(), "submitting them");
    demo_check(cap_pending_wait(&calls[2]) >= 0 && cap_timer_now_finish(&calls[2], &later) >= 0 &&
                   cap_pending_wait(&calls[0]) >= 0 && cap_timer_now_finish(&calls[0], &earlier) >= 0 &&
                   0 < earlier.monotonic_ns && earlier.monotonic_ns <= later.monotonic_ns,
               "each answer reaches its own call");
    demo_expect_exception(CAPOS_EXCEPTION_UNIMPLEMENTED, cap_pending_wait(&calls[1]), "the third is refused");
}

/* The kernel works on what is in flight though nobody enters it: who computes on, and only looks at the ring
 * from time to time, sees the answer come. */
static void check_without_entering(void)
{
    const struct capos_ring_header *ring = capos_ring();
    uint64_t limit = capos_clock_ns(timer) + 2000 * (uint64_t)MILLISECOND;
    bool seen = false;
    int32_t started = start_sleep(&calls[0], 2 * MILLISECOND) | cap_submit();
    uint32_t before = __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE);
    while (!seen && capos_clock_ns(timer) < limit)
        seen = __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE) != before;
    demo_check(started == 0 && seen, "a sleep ends while its thread computes");
    demo_expect(CAPOS_OK, cap_pending_wait(&calls[0]), "with the answer in the ring");
}

int main(void)
{
    demo_begin("c-async");
    timer = capos_need_timer("timer");
    check_out_of_order();
    check_more_than_fit();
    check_room_for_blocking();
    check_results();
    check_without_entering();
    return demo_end();
}
