/* Restart policies against made-up times. */
#include "restart.h"
#include "unit.h"

static struct restart_history history;
static uint64_t delay_ns;
static const struct restart_policy policy = {
    .mode = RESTART_ON_FAILURE, .limit = 4, .window_ns = 1000, .backoff_ns = 10, .backoff_max_ns = 50};

static void setup(void)
{
    history = (struct restart_history){0};
    delay_ns = 0;
}

static enum restart_decision failed_at(uint64_t now_ns)
{
    return restart_decide(&policy, &history, true, now_ns, &delay_ns);
}

static void modes(void)
{
    struct restart_policy never = policy, always = policy;
    never.mode = RESTART_NEVER;
    always.mode = RESTART_ALWAYS;
    assert_int_equal(restart_decide(&never, &history, true, 1, &delay_ns), RESTART_LEAVE);
    assert_int_equal(restart_decide(&policy, &history, false, 1, &delay_ns), RESTART_LEAVE);
    assert_int_equal(history.count, 0);
    assert_int_equal(restart_decide(&always, &history, false, 1, &delay_ns), RESTART_AFTER);
    assert_int_equal(restart_decide(&always, &history, true, 2, &delay_ns), RESTART_AFTER);
    assert_int_equal(history.count, 2);
}

static void backoff_doubles_up_to_its_maximum(void)
{
    static const uint64_t expected[] = {10, 20, 40, 50};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(failed_at(100 + i), RESTART_AFTER);
        assert_int_equal(delay_ns, expected[i]);
    }
}

static void the_limit_counts_within_the_window(void)
{
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(failed_at(100 * i), RESTART_AFTER);
    assert_int_equal(failed_at(999), RESTART_GIVE_UP);
    assert_int_equal(history.count, 4);
    assert_int_equal(failed_at(1000), RESTART_AFTER); /* the one at 0 is a window old */
    assert_int_equal(delay_ns, 50);
    assert_int_equal(failed_at(1001), RESTART_GIVE_UP);
    assert_int_equal(failed_at(5000), RESTART_AFTER); /* all forgotten */
    assert_int_equal(delay_ns, 10);
    assert_int_equal(history.count, 1);
}

static void extreme_values(void)
{
    struct restart_policy huge = {.mode = RESTART_ALWAYS,
                                  .limit = RESTART_LIMIT_MAX,
                                  .window_ns = UINT64_MAX,
                                  .backoff_ns = UINT64_MAX / 2,
                                  .backoff_max_ns = UINT64_MAX};
    for (size_t i = 0; i < RESTART_LIMIT_MAX; i++)
        assert_int_equal(restart_decide(&huge, &history, true, UINT64_MAX - 1, &delay_ns), RESTART_AFTER);
    assert_true(delay_ns == UINT64_MAX);
    assert_int_equal(restart_decide(&huge, &history, true, UINT64_MAX, &delay_ns), RESTART_GIVE_UP);
    struct restart_policy at_once = policy;
    at_once.backoff_ns = 0;
    setup();
    assert_int_equal(restart_decide(&at_once, &history, true, 5, &delay_ns), RESTART_AFTER);
    assert_int_equal(restart_decide(&at_once, &history, true, 5, &delay_ns), RESTART_AFTER);
    assert_int_equal(delay_ns, 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(modes),
        UNIT_TEST(backoff_doubles_up_to_its_maximum),
        UNIT_TEST(the_limit_counts_within_the_window),
        UNIT_TEST(extreme_values),
    };
    return UNIT_MAIN(tests, setup, NULL);
}
