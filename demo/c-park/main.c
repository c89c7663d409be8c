/*
 * Waiting on words, between the threads of one process: every refusal, taking turns, and what libcapos makes
 * of it: mutexes, conditions, once, semaphores.
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/sync.h>
#include <capos/threads.h>

enum {
    TEAM = 8,
    TURNS = 2000,
    ROUNDS = 500,
    MILLISECOND = 1000000,
    UNMAPPED = 0x20000,
    QUEUE = 4,
    ITEMS = 400
};

static cap_timer timer;
static uint32_t word, other_word;

static uint64_t in_ms(uint64_t ms)
{
    return capos_clock_ns(timer) + ms * MILLISECOND;
}

static uint32_t parked(cap_park_space space)
{
    struct cap_park_space_info_results info = {0};
    return cap_park_space_info(space, &info) < 0 ? UINT32_MAX : info.waiters;
}

/* ---- Refusals. */

static int32_t raw(uint8_t opcode, uint32_t cap_id, uint64_t address, uint8_t flags)
{
    struct capos_ring_header *ring = capos_ring();
    struct capos_sqe *sq = (void *)((char *)ring + ring->sq_offset);
    const struct capos_cqe *cq = (const void *)((char *)ring + ring->cq_offset);
    sq[ring->sq_tail & (ring->sq_entries - 1)] = (struct capos_sqe){
        .opcode = opcode, .cap_id = cap_id, .addr = address, .flags = flags, .user_data = 7};
    __atomic_store_n(&ring->sq_tail, ring->sq_tail + 1, __ATOMIC_RELEASE);
    if (capos_sys_cap_enter(1, CAPOS_TIMEOUT_NEVER) < 1)
        return INT32_MAX;
    int32_t result = cq[ring->cq_head & (ring->cq_entries - 1)].result;
    __atomic_store_n(&ring->cq_head, ring->cq_head + 1, __ATOMIC_RELEASE);
    return result;
}

static void check_refusals(cap_park_space space)
{
    word = 5;
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_park(&word, 4, 0, false), "the word has another value");
    demo_expect(CAPOS_ERR_UNALIGNED, capos_park((uint32_t *)((char *)&word + 2), 5, 0, false), "half a word");
    demo_expect(CAPOS_ERR_BAD_ADDRESS, capos_park((uint32_t *)UNMAPPED, 0, 0, false),
                "a word that is not mapped");
    demo_expect(CAPOS_ERR_BAD_ADDRESS, capos_park((uint32_t *)CAPOS_USER_MAX, 0, 0, false),
                "a word of the kernel's");
    demo_expect(CAPOS_ERR_TIMEOUT, capos_park(&word, 5, in_ms(3), false), "a deadline passes");
    demo_expect(CAPOS_ERR_TIMEOUT, capos_park(&word, 5, 1, false), "a deadline that has passed");
    demo_expect(CAPOS_ERR_NO_CAPABILITY, capos_park(&word, 5, 0, true), "shared waiting was never granted");
    demo_expect(CAPOS_ERR_BAD_CAP, raw(CAPOS_OP_PARK, 0, (uintptr_t)&word, 0), "PARK without a capability");
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, raw(CAPOS_OP_PARK, timer.id, (uintptr_t)&word, 0),
                "PARK on a timer");
    demo_expect(CAPOS_ERR_WRONG_INTERFACE, raw(CAPOS_OP_UNPARK, timer.id, (uintptr_t)&word, 0),
                "UNPARK on a timer");
    demo_expect(CAPOS_ERR_BAD_FLAGS, raw(CAPOS_OP_PARK, space.id, (uintptr_t)&word, CAPOS_SQE_QUIET),
                "a quiet PARK");
    demo_expect(CAPOS_ERR_BAD_FLAGS, raw(CAPOS_OP_UNPARK, space.id, (uintptr_t)&word, 0x80),
                "an unknown flag");
    demo_expect(CAPOS_ERR_UNALIGNED, capos_unpark((uint32_t *)((char *)&word + 1), 1, false),
                "UNPARK of half a word");
    demo_check(capos_unpark(&word, CAPOS_UNPARK_ALL, false) == 0, "nobody waits");
    demo_check(parked(space) == 0, "and nothing is left of those that did");
}

/* ---- Words. */

static uint64_t park_once(void *argument)
{
    return (uint64_t)capos_park(argument, 1, 0, false);
}

/* Twice: who moves from one word to another while the waiters are counted may be counted at both. */
static void wait_until_parked(cap_park_space space, uint32_t count)
{
    for (int seen = 0; seen < 2; seen = parked(space) == count ? seen + 1 : 0)
        (void)cap_timer_sleep(timer, MILLISECOND);
}

static void check_wake(cap_park_space space)
{
    capos_thread team[TEAM];
    uint64_t result;
    bool well = true;
    word = other_word = 1;
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_create(NULL, park_once, &word, &team[i]) == CAPOS_OK;
    wait_until_parked(space, TEAM);
    demo_check(well, "eight threads wait on one word");
    demo_check(capos_unpark(&other_word, CAPOS_UNPARK_ALL, false) == 0, "another word wakes none of them");
    demo_check(capos_unpark(&word, 2, false) == 2, "two are woken");
    demo_check(capos_unpark_move(&word, 1, &other_word, 3, false) == 4, "one is woken, three moved");
    demo_check(capos_unpark(&word, CAPOS_UNPARK_ALL, false) == 2, "two were left");
    wait_until_parked(space, 3);
    demo_check(capos_unpark(&other_word, CAPOS_UNPARK_ALL, false) == 3, "three were moved");
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_join(team[i], &result) == CAPOS_OK && result == 0;
    demo_check(well && parked(space) == 0, "all came back");
}

static uint32_t turn[2]; /* turn[i] == 1: thread i may go on */

static uint64_t take_turns(void *argument)
{
    const uint64_t me = (uintptr_t)argument;
    uint64_t mine = 0;
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_exchange_n(&turn[me], 0, __ATOMIC_ACQUIRE) == 0)
            (void)capos_park(&turn[me], 0, 0, false);
        mine++;
        __atomic_store_n(&turn[!me], 1, __ATOMIC_RELEASE);
        (void)capos_unpark_and_park(&turn[!me], &turn[me], 0, false);
    }
    __atomic_store_n(&turn[!me], 1, __ATOMIC_RELEASE);
    (void)capos_unpark(&turn[!me], 1, false);
    return mine;
}

static void check_turns(void)
{
    capos_thread team[2];
    uint64_t first = 0, second = 0;
    turn[0] = 1;
    bool well = capos_thread_create(NULL, take_turns, (void *)0, &team[0]) == CAPOS_OK &&
                capos_thread_create(NULL, take_turns, (void *)1, &team[1]) == CAPOS_OK &&
                capos_thread_join(team[0], &first) == CAPOS_OK &&
                capos_thread_join(team[1], &second) == CAPOS_OK;
    demo_check(well && first == TURNS && second == TURNS, "two threads take 2000 turns each");
}

static uint32_t one_turn[2];

static uint64_t wait_once(void *argument)
{
    (void)argument;
    return (uint64_t)capos_park(&one_turn[0], 0, 0, false);
}

/* The other side is woken though the thread does not wait after all. */
static void check_turn_not_taken(cap_park_space space)
{
    capos_thread other;
    uint64_t result = 1;
    bool well = capos_thread_create(NULL, wait_once, NULL, &other) == CAPOS_OK;
    wait_until_parked(space, 1);
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_unpark_and_park(&one_turn[0], &one_turn[1], 7, false),
                "waking, and not waiting for a word of another value");
    well = well && capos_thread_join(other, &result) == CAPOS_OK;
    demo_check(well && result == 0, "the other was woken");
    well = capos_thread_create(NULL, wait_once, NULL, &other) == CAPOS_OK;
    wait_until_parked(space, 1);
    demo_expect(CAPOS_ERR_BAD_ADDRESS,
                capos_unpark_and_park(&one_turn[0], (const uint32_t *)UNMAPPED, 0, false),
                "nor for one that is not there");
    well = well && capos_thread_join(other, &result) == CAPOS_OK;
    demo_check(well && result == 0, "the other was woken again");
}

/* ---- What is made of them. */

static struct capos_mutex mutex = CAPOS_MUTEX_INIT;
static struct capos_cond not_empty = CAPOS_COND_INIT, not_full = CAPOS_COND_INIT, gate = CAPOS_COND_INIT;
static struct capos_once once = CAPOS_ONCE_INIT;
static struct capos_semaphore semaphore = CAPOS_SEMAPHORE_INIT(2);
static uint64_t counter, once_runs, queue[QUEUE], queued, taken_sum, inside, inside_most;
static bool gate_open;

static uint64_t count_up(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        capos_mutex_lock(&mutex);
        uint64_t seen = counter;
        if (i % 16 == 0)
            capos_thread_yield();
        counter = seen + 1;
        capos_mutex_unlock(&mutex);
    }
    return 0;
}

static uint64_t produce(void *argument)
{
    for (uint64_t i = 1; i <= ITEMS; i++) {
        capos_mutex_lock(&mutex);
        while (queued == QUEUE)
            (void)capos_cond_wait(&not_full, &mutex, 0);
        queue[queued++] = i;
        capos_cond_signal(&not_empty);
        capos_mutex_unlock(&mutex);
    }
    (void)argument;
    return 0;
}

static uint64_t consume(void *argument)
{
    for (int i = 0; i < ITEMS; i++) {
        capos_mutex_lock(&mutex);
        while (queued == 0)
            (void)capos_cond_wait(&not_empty, &mutex, 0);
        taken_sum += queue[--queued];
        capos_cond_signal(&not_full);
        capos_mutex_unlock(&mutex);
    }
    (void)argument;
    return 0;
}

static uint64_t pass_gate(void *argument)
{
    capos_mutex_lock(&mutex);
    while (!gate_open)
        (void)capos_cond_wait(&gate, &mutex, 0);
    counter++;
    capos_mutex_unlock(&mutex);
    (void)argument;
    return 0;
}

static void run_once(void *argument)
{
    (void)cap_timer_sleep(timer, 2 * MILLISECOND);
    once_runs++;
    (void)argument;
}

static uint64_t call_once(void *argument)
{
    (void)argument;
    capos_once(&once, run_once, NULL);
    return once_runs;
}

static uint64_t use_semaphore(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS / 10; i++) {
        (void)capos_semaphore_take(&semaphore, 0);
        uint64_t now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        if (now > inside_most)
            inside_most = now;
        capos_thread_yield();
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        capos_semaphore_give(&semaphore);
    }
    return 0;
}

static bool run_team(uint64_t (*even)(void *), uint64_t (*odd)(void *), uint64_t expected)
{
    capos_thread team[TEAM];
    bool well = true;
    uint64_t result;
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_create(NULL, i % 2 ? odd : even, NULL, &team[i]) == CAPOS_OK;
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_join(team[i], &result) == CAPOS_OK && result == expected;
    return well;
}

static void check_gate(cap_park_space space)
{
    capos_thread team[TEAM];
    bool well = true;
    counter = 0;
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_create(NULL, pass_gate, NULL, &team[i]) == CAPOS_OK;
    wait_until_parked(space, TEAM);
    capos_mutex_lock(&mutex);
    gate_open = true;
    capos_cond_broadcast(&gate);
    demo_check(counter == 0 && parked(space) >= TEAM - 1,
               "a broadcast wakes one and moves the others to the mutex");
    capos_mutex_unlock(&mutex);
    for (int i = 0; i < TEAM; i++)
        well = well && capos_thread_join(team[i], NULL) == CAPOS_OK;
    demo_check(well && counter == TEAM, "they pass one after the other");
}

static void check_objects(cap_park_space space)
{
    demo_check(run_team(count_up, count_up, 0) && counter == TEAM * ROUNDS,
               "a mutex: 8 x 500 steps, none lost");
    demo_check(run_team(produce, consume, 0) && taken_sum == TEAM / 2 * ITEMS * (ITEMS + 1) / 2 &&
                   queued == 0,
               "conditions: four producers, four consumers, a queue of four");
    check_gate(space);
    demo_check(run_team(call_once, call_once, 1) && once_runs == 1,
               "once: eight came, it ran once, all saw it done");
    demo_check(run_team(use_semaphore, use_semaphore, 0) && inside_most <= 2 && semaphore.count == 2,
               "a semaphore of two: never more than two inside");
    capos_mutex_lock(&mutex);
    demo_check(!capos_mutex_try_lock(&mutex), "a locked mutex is not to be had");
    demo_expect(CAPOS_ERR_TIMEOUT, capos_mutex_lock_until(&mutex, in_ms(2)), "nor within two milliseconds");
    demo_expect(CAPOS_ERR_TIMEOUT, capos_cond_wait(&gate, &mutex, in_ms(2)),
                "a condition that nobody signals");
    capos_mutex_unlock(&mutex);
    demo_check(capos_mutex_try_lock(&mutex), "a free one is");
    capos_mutex_unlock(&mutex);
}

/* A thread that waits takes in what else completes. */
static void check_other_completions(void)
{
    struct cap_pending sleep = {0};
    const struct cap_timer_sleep_params params = {.duration_ns = MILLISECOND};
    word = 1;
    (void)cap_timer_sleep_start(timer, &params, &sleep);
    demo_expect(CAPOS_ERR_TIMEOUT, capos_park(&word, 1, in_ms(5), false), "five milliseconds on a word");
    demo_check(sleep.done && sleep.result == CAPOS_OK, "in which a sleep of one completed");
}

int main(void)
{
    demo_begin("c-park");
    timer = capos_need_timer("timer");
    cap_park_space space = capos_need_park_space("park");
    check_refusals(space);
    check_wake(space);
    check_turns();
    check_turn_not_taken(space);
    check_objects(space);
    check_other_completions();
    return demo_end();
}
