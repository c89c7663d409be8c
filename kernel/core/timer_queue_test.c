/* Timer events fire in order of their deadlines, once, and not after they were stopped. */
#include "core/timer_queue.h"
#include "world.h"

enum { EVENTS = 50 };
static struct timer_event events[EVENTS];
static int fired[EVENTS];
static int fired_count;

static void record(struct timer_event *event)
{
    fired[fired_count++] = (int)(event - events);
}

static void start(int index, uint64_t deadline_ns)
{
    timer_event_start(&events[index], deadline_ns, record);
}

static void setup(void)
{
    world_reset();
    fired_count = 0;
    for (int i = 0; i < EVENTS; i++)
        events[i] = (struct timer_event){0};
}

static void test_fires_in_order_of_deadline_then_start(void)
{
    start(0, 300);
    start(1, 100);
    start(2, 200);
    start(3, 100);
    assert_int_equal(timer_queue_next_ns(), 100);
    world_set_time(99);
    assert_int_equal(fired_count, 0);
    world_set_time(250);
    assert_int_equal(fired_count, 3);
    assert_int_equal(fired[0], 1);
    assert_int_equal(fired[1], 3);
    assert_int_equal(fired[2], 2);
    world_set_time(300);
    assert_int_equal(fired[3], 0);
    assert_int_equal(timer_queue_next_ns(), UINT64_MAX);
}

static void test_stopped_event_does_not_fire(void)
{
    start(0, 100);
    assert_true(timer_event_stop(&events[0]));
    assert_false(timer_event_stop(&events[0]));
    assert_false(timer_event_stop(&events[1])); /* never started */
    world_set_time(200);
    assert_int_equal(fired_count, 0);
    start(0, 300);
    world_set_time(300);
    assert_int_equal(fired_count, 1);
    assert_false(timer_event_stop(&events[0]));
}

static void test_many_events(void)
{
    for (int i = 0; i < EVENTS; i++)
        start(i, (uint64_t)((i * 37) % EVENTS) + 1);
    world_set_time(EVENTS + 1);
    assert_int_equal(fired_count, EVENTS);
    for (int i = 1; i < EVENTS; i++)
        assert_true(events[fired[i - 1]].deadline_ns <= events[fired[i]].deadline_ns);
}

/* A queue that the hardware timer does not know of is only looked at when somebody waits. */
static void test_start_tells_the_scheduler(void)
{
    uint32_t before = world_timer_changes();
    start(0, 100);
    assert_int_equal(world_timer_changes(), before + 1);
    assert_true(timer_event_stop(&events[0]));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_fires_in_order_of_deadline_then_start),
        UNIT_TEST(test_stopped_event_does_not_fire),
        UNIT_TEST(test_many_events),
        UNIT_TEST(test_start_tells_the_scheduler),
    };
    return UNIT_MAIN(tests, setup, world_check_empty);
}
