/*
 * The fair queue against a model that knows only what it is for: shares in proportion to weights, nobody left
 * out, everybody in exactly one queue.
 */
#include "core/sched_queue.h"
#include "unit.h"
#include <stdlib.h>

enum { ENTITIES = 24, QUEUES = 3, STEPS = 200000, SHARE_STEPS = 60000 };

struct model {
    struct fair_queue queues[QUEUES];
    struct sched_entity entities[ENTITIES];
    int where[ENTITIES]; /* queue, or -1: asleep */
    uint64_t waiting_since[ENTITIES];
    uint64_t now_ns;
    uint64_t seed;
};

static uint64_t draw(struct model *m, uint64_t below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (m->seed >> 33) % below;
}

static void model_init(struct model *m, uint64_t seed)
{
    *m = (struct model){.seed = seed};
    for (int q = 0; q < QUEUES; q++)
        fair_queue_init(&m->queues[q]);
    for (int i = 0; i < ENTITIES; i++) {
        sched_entity_init(&m->entities[i]);
        m->where[i] = -1;
    }
}

static void wake(struct model *m, int i, int q)
{
    fair_queue_add(&m->queues[q], &m->entities[i], m->queues[q].floor_ns);
    m->where[i] = q;
    m->waiting_since[i] = m->now_ns;
}

/* Runs the first of a queue for its slice; it waits again unless it sleeps. */
static int run_first(struct model *m, int q, bool sleeps)
{
    struct fair_queue *queue = &m->queues[q];
    struct sched_entity *first = fair_queue_first(queue);
    if (first == NULL)
        return -1;
    int i = (int)(first - m->entities);
    fair_queue_remove(queue, first);
    uint64_t slice_ns = fair_queue_slice_ns(queue, first);
    assert_in_range(slice_ns, SCHED_SLICE_MIN_NS, SCHED_SLICE_MAX_NS);
    m->now_ns += slice_ns;
    first->runtime_ticks += slice_ns;
    first->virtual_ns += sched_virtual_ns(first, slice_ns);
    fair_queue_raise_floor(queue, first);
    m->where[i] = -1;
    if (!sleeps)
        wake(m, i, q);
    return i;
}

/* In order, counted and weighed, and everybody where the model says and nowhere else. */
static void check_queues(struct model *m)
{
    unsigned found[ENTITIES] = {0};
    for (int q = 0; q < QUEUES; q++) {
        struct fair_queue *queue = &m->queues[q];
        uint64_t weight = 0, count = 0;
        assert_true(rb_check(&queue->tree));
        struct sched_entity *previous = NULL;
        for (struct sched_entity *e = fair_queue_first(queue); e != NULL; e = fair_queue_after(e)) {
            int i = (int)(e - m->entities);
            assert_true(previous == NULL || !sched_before(e->virtual_ns, previous->virtual_ns));
            assert_int_equal(m->where[i], q);
            assert_true(e->queued);
            found[i]++;
            count++;
            weight += e->weight;
            previous = e;
        }
        assert_int_equal(queue->count, count);
        assert_int_equal(queue->weight, weight);
    }
    for (int i = 0; i < ENTITIES; i++)
        assert_int_equal(found[i], m->where[i] >= 0 ? 1 : 0);
}

static void test_shares_follow_weights(void)
{
    static const uint32_t weights[] = {1, 10, 50, 100, 100, 200, 400, 1000};
    enum { COUNT = sizeof(weights) / sizeof(weights[0]) };
    struct model m;
    uint64_t total_weight = 0;
    model_init(&m, 1);
    for (int i = 0; i < COUNT; i++) {
        fair_queue_set_weight(&m.queues[0], &m.entities[i], weights[i]);
        total_weight += weights[i];
        wake(&m, i, 0);
    }
    for (int step = 0; step < SHARE_STEPS; step++)
        run_first(&m, 0, false);
    for (int i = 0; i < COUNT; i++) {
        double share = (double)m.entities[i].runtime_ticks / (double)m.now_ns;
        double fair = (double)weights[i] / (double)total_weight;
        assert_true(share > fair * 0.99 && share < fair * 1.01);
    }
}

static void test_classes_share_alike(void)
{
    struct model m;
    model_init(&m, 2);
    for (int i = 0; i < SCHED_CLASSES; i++) {
        m.entities[i].latency = (enum sched_class)i;
        wake(&m, i, 0);
    }
    for (int step = 0; step < SHARE_STEPS; step++)
        run_first(&m, 0, false);
    for (int i = 0; i < SCHED_CLASSES; i++)
        assert_in_range(m.entities[i].runtime_ticks, m.now_ns * 33 / 100, m.now_ns * 34 / 100);
}

static void test_sleep_saves_up_little(void)
{
    struct model m;
    model_init(&m, 3);
    wake(&m, 0, 0);
    wake(&m, 1, 0);
    run_first(&m, 0, true); /* 0 sleeps for long */
    for (int step = 0; step < 1000; step++)
        run_first(&m, 0, false);
    uint64_t before_ns = m.entities[0].runtime_ticks;
    wake(&m, 0, 0);
    for (int step = 0; step < 10; step++)
        run_first(&m, 0, false);
    assert_in_range(m.entities[0].runtime_ticks - before_ns, 5 * SCHED_SLICE_NS, 6 * SCHED_SLICE_NS);
}

/* Each of a chain of threads that end after one slice starts where its maker is. */
static void test_newcomers_do_not_starve(void)
{
    struct model m;
    model_init(&m, 4);
    wake(&m, 0, 0);
    int last = 1;
    wake(&m, last, 0);
    for (int step = 0; step < 1000; step++) {
        int ran = run_first(&m, 0, false);
        if (ran == 0)
            continue;
        uint64_t start_ns = m.entities[ran].virtual_ns;
        fair_queue_remove(&m.queues[0], &m.entities[ran]);
        m.where[ran] = -1;
        last = last == ENTITIES - 1 ? 1 : last + 1;
        sched_entity_init(&m.entities[last]);
        fair_queue_add(&m.queues[0], &m.entities[last], start_ns);
        m.where[last] = 0;
    }
    assert_in_range(m.entities[0].runtime_ticks, m.now_ns * 49 / 100, m.now_ns * 51 / 100);
}

static void test_urgent_preempts(void)
{
    struct model m;
    model_init(&m, 5);
    m.entities[1].latency = SCHED_INTERACTIVE;
    m.entities[2].latency = SCHED_BATCH;
    m.entities[0].placed = true;
    m.entities[0].virtual_ns = 10;
    wake(&m, 1, 0);
    assert_true(fair_queue_preempts(&m.queues[0], &m.entities[0]));
    m.entities[0].virtual_ns = 0; /* it has had no more than the urgent one */
    assert_false(fair_queue_preempts(&m.queues[0], &m.entities[0]));
    fair_queue_remove(&m.queues[0], &m.entities[1]);
    m.where[1] = -1;
    m.entities[0].virtual_ns = 10;
    wake(&m, 2, 0);
    assert_false(fair_queue_preempts(&m.queues[0], &m.entities[0]));
    assert_false(fair_queue_preempts(&m.queues[1], &m.entities[0]));
}

static void test_rest_makes_good(void)
{
    struct model m;
    model_init(&m, 6);
    struct sched_entity *e = &m.entities[0];
    m.queues[0].floor_ns = 1000;
    e->virtual_ns = 1500;
    fair_queue_rested(&m.queues[0], e, 200);
    assert_int_equal(e->virtual_ns, 1300);
    fair_queue_rested(&m.queues[0], e, UINT64_MAX / 4);
    assert_int_equal(e->virtual_ns, 1000 - (uint64_t)SCHED_CREDIT_NS);
    e->virtual_ns = 700; /* it has had less than the floor: place() deals with that */
    fair_queue_rested(&m.queues[0], e, 200);
    assert_int_equal(e->virtual_ns, 700);
}

static void steal(struct model *m, int from, int to)
{
    struct sched_entity *e = fair_queue_first(&m->queues[from]);
    if (e == NULL || from == to)
        return;
    fair_queue_remove(&m->queues[from], e);
    sched_entity_rebase(e, m->queues[from].floor_ns, m->queues[to].floor_ns);
    uint64_t since = m->waiting_since[e - m->entities];
    wake(m, (int)(e - m->entities), to);
    m->waiting_since[e - m->entities] = since;
}

/* Nobody that waits is passed over for longer than all others can take with their credit, at the weights that
 * occur here. */
static void check_nobody_starves(struct model *m)
{
    for (int i = 0; i < ENTITIES; i++)
        assert_true(m->where[i] < 0 || m->now_ns - m->waiting_since[i] < UINT64_C(60000000000));
}

static void test_random(void)
{
    struct model m;
    model_init(&m, 7);
    for (int step = 0; step < STEPS; step++) {
        int i = (int)draw(&m, ENTITIES), q = (int)draw(&m, QUEUES);
        switch (draw(&m, 8)) {
        case 0:
            if (m.where[i] < 0)
                wake(&m, i, q);
            break;
        case 1:
            fair_queue_set_weight(&m.queues[m.where[i] < 0 ? 0 : m.where[i]], &m.entities[i],
                                  (uint32_t)(10 + draw(&m, 990)));
            break;
        case 2:
            m.entities[i].latency = (enum sched_class)draw(&m, SCHED_CLASSES);
            break;
        case 3:
            steal(&m, q, (int)draw(&m, QUEUES));
            break;
        default:
            run_first(&m, q, draw(&m, 16) == 0);
        }
        if (step % 64 == 0) {
            check_queues(&m);
            check_nobody_starves(&m);
        }
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_shares_follow_weights),
        UNIT_TEST(test_classes_share_alike),
        UNIT_TEST(test_sleep_saves_up_little),
        UNIT_TEST(test_newcomers_do_not_starve),
        UNIT_TEST(test_urgent_preempts),
        UNIT_TEST(test_rest_makes_good),
        UNIT_TEST(test_random),
    };
    return UNIT_MAIN(tests, NULL, NULL);
}
