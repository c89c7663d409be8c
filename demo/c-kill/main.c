/*
 * Killing at any moment: children whose threads map memory, make threads, wait, compute and exit are killed
 * by two threads at once, each after a time of its own. Exactly one of the two ends the child, unless it
 * ended by itself; whoever waits is woken; the kernel's own count at the end says that nothing was left
 * behind.
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/threads.h>
#include <string.h>

enum {
    KILLERS = 2,
    CHILDREN = 60,
    KILL_CODE = 70, /* + which killer */
    OWN_CODE = 5,   /* of children that are faster than the killers */
    DELAY_STEP_NS = 60000,
    MAP_BYTES = 1 << 18,
    ANSWER_WORDS = 512,
};

static cap_timer timer;
static uint64_t answers[KILLERS + 1][ANSWER_WORDS];

/* ---- The victim. */

static uint64_t map_and_unmap(void *argument)
{
    cap_virtual_memory memory = capos_need_virtual_memory("memory");
    struct cap_virtual_memory_map_results mapped;
    (void)argument;
    for (;;) {
        if (cap_virtual_memory_map(memory, 0, MAP_BYTES, 3, &mapped) < 0)
            return 1;
        for (size_t i = 0; i < MAP_BYTES; i += CAPOS_PAGE_SIZE)
            ((volatile char *)(uintptr_t)mapped.address)[i] = 1;
        (void)cap_virtual_memory_unmap(memory, mapped.address, MAP_BYTES);
    }
}

static uint64_t do_nothing(void *argument)
{
    return (uintptr_t)argument;
}

static uint64_t make_threads(void *argument)
{
    (void)argument;
    for (;;) {
        capos_thread thread;
        if (capos_thread_create(NULL, do_nothing, NULL, &thread) == CAPOS_OK)
            (void)capos_thread_join(thread, NULL);
    }
    return 0;
}

static uint64_t sleep_often(void *argument)
{
    (void)argument;
    for (;;)
        (void)cap_timer_sleep(timer, 20000);
    return 0;
}

static uint64_t compute(void *argument)
{
    for (volatile uint64_t *count = argument;;)
        ++*count;
    return 0;
}

/* `which` varies what the threads do, and whether the first ends the process itself after a while. */
static int be_a_victim(unsigned which)
{
    static uint64_t (*const works[])(void *argument) = {map_and_unmap, make_threads, sleep_often, compute};
    static uint64_t count;
    capos_thread thread;
    for (unsigned i = 0; i < 3; i++)
        (void)capos_thread_create(NULL, works[(which + i) % 4], &count, &thread);
    (void)cap_timer_sleep(timer, which % 3 == 0 ? 1500000 : UINT64_MAX / 2);
    return OWN_CODE;
}

/* ---- The killers. */

struct killing {
    cap_process_control control;
    uint64_t delay_ns[KILLERS];
    uint32_t ended_it; /* how many were told that they did */
    int32_t error;
};

struct killer {
    struct killing *killing;
    unsigned index;
};

static uint64_t kill_later(void *argument)
{
    const struct killer *self = argument;
    struct killing *killing = self->killing;
    struct cap_process_control_kill_results killed;
    if (killing->delay_ns[self->index] != 0)
        (void)cap_timer_sleep(timer, killing->delay_ns[self->index]);
    int32_t status = cap_process_control_kill(killing->control, KILL_CODE + self->index, &killed);
    if (status < 0)
        __atomic_store_n(&killing->error, status, __ATOMIC_RELAXED);
    else if (killed.was_running)
        __atomic_add_fetch(&killing->ended_it, 1, __ATOMIC_RELAXED);
    return 0;
}

static int32_t start_victim(cap_process_spawner spawner, unsigned which,
                            struct cap_process_spawner_spawn_results *out)
{
    char number[2] = {(char)('a' + which % 26), 0};
    const struct capnp_text args[] = {{"c-kill", 6}, {number, 1}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"console", 7},
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_console_as_any(demo_console)},
        {.name = {"timer", 5}, .which = CAP_SPAWN_GRANT_CAPABILITY, .capability = cap_timer_as_any(timer)},
        {.name = {"memory", 6}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
        {.name = {"thread", 6}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_THREAD_CONTROL},
        {.name = {"threads", 7}, .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_THREAD_SPAWNER},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-kill", 6},
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, 5),
        .has_budget = true,
        .budget = {.frames = 512, .cap_slots = 64, .threads = 8},
        .control = true,
    };
    return cap_process_spawner_spawn(spawner, &params, out);
}

/* One child from beginning to end; true if all of it was as it must be. */
static bool run_victim(cap_process_spawner spawner, unsigned which)
{
    struct cap_process_spawner_spawn_results child;
    struct cap_process_handle_wait_results end;
    struct cap_buffer buffer = {answers[0], sizeof answers[0]};
    capos_thread threads[KILLERS];
    if (start_victim(spawner, which, &child) < 0)
        return false;
    struct killing killing = {.control = child.control,
                              .delay_ns = {which * DELAY_STEP_NS, (which * 7 % CHILDREN) * DELAY_STEP_NS}};
    struct killer killers[KILLERS];
    bool good = true;
    for (unsigned i = 0; i < KILLERS; i++) {
        killers[i] = (struct killer){&killing, i};
        good = capos_thread_create(NULL, kill_later, &killers[i], &threads[i]) == CAPOS_OK && good;
    }
    good = good && cap_process_handle_wait(child.handle, &end, &buffer) >= 0;
    for (unsigned i = 0; good && i < KILLERS; i++)
        good = capos_thread_join(threads[i], NULL) == CAPOS_OK;
    if (!good)
        return false;
    bool by_itself = end.exit_code == OWN_CODE && killing.ended_it == 0;
    bool killed = end.exit_code >= KILL_CODE && end.exit_code < KILL_CODE + KILLERS && killing.ended_it == 1;
    good = killing.error == 0 && !end.crashed && (by_itself || killed);
    if (!good)
        demo_say("child %u: exit code %lld, ended by %u", which, (long long)end.exit_code, killing.ended_it);
    (void)cap_release(child.handle);
    (void)cap_release(child.control);
    return good;
}

int main(int argc, char **argv)
{
    timer = capos_need_timer("timer");
    if (argc > 1)
        return be_a_victim((unsigned)(argv[1][0] - 'a'));
    demo_begin("c-kill");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    unsigned good = 0;
    for (unsigned i = 0; i < CHILDREN; i++)
        good += run_victim(spawner, i) ? 1 : 0;
    demo_check(good == CHILDREN,
               "each child ended once, by one killer or by itself, and its waiter was woken");
    return demo_end();
}
