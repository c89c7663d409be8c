/*
 * A spawner that takes all it can get: children run while it computes, and what it keeps of those that ended
 * it pays for itself. It spawns its own program, which as a child ends at once.
 */
#include "check.h"
#include <capos/clock.h>
#include <string.h>

enum { CHILD_CODE = 3, ANSWER_WORDS = 256, CHILDREN_MAX = CAPOS_CAP_SLOTS_MAX };

static uint64_t answer[ANSWER_WORDS];
static struct cap_buffer answer_buffer = {answer, sizeof answer};

static int32_t spawn_child(cap_process_spawner spawner, cap_process_handle *out)
{
    static const struct capnp_text args[] = {{"c-spawner", 9}, {"child", 5}};
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-spawner", 9},
        .args = CAPNP_LIST(args, 2),
        .budget = {.frames = 64, .cap_slots = 4, .threads = 1},
    };
    struct cap_process_spawner_spawn_results results = {0};
    int32_t result = cap_process_spawner_spawn(spawner, &params, &results);
    *out = results.handle;
    return result;
}

static bool is_running(cap_process_handle child)
{
    struct cap_process_handle_info_results info = {0};
    return cap_process_handle_info(child, &info, &answer_buffer) < 0 || info.running;
}

/* No system call in between: only the clock can take the processor away. */
static void compute(cap_timer timer, uint64_t duration_ns)
{
    uint64_t end_ns = capos_clock_ns(timer) + duration_ns;
    while (capos_clock_ns(timer) < end_ns)
        continue;
}

static void check_children_run(cap_process_spawner spawner, cap_timer timer)
{
    cap_process_handle child;
    (void)capos_clock_ns(timer); /* the page is mapped */
    demo_expect(CAPOS_OK, spawn_child(spawner, &child), "ProcessSpawner.spawn");
    compute(timer, UINT64_C(500000000));
    demo_check(!is_running(child), "a child runs while its parent computes");
}

static void check_handles_are_paid_for(cap_process_spawner spawner)
{
    int32_t result = CAPOS_OK;
    unsigned children = 0;
    while (result >= 0 && children < CHILDREN_MAX) {
        struct cap_process_handle_wait_results ended = {0};
        cap_process_handle child;
        result = spawn_child(spawner, &child);
        if (result >= 0)
            result = cap_process_handle_wait(child, &ended, &answer_buffer);
        children++;
    }
    demo_expect(CAPOS_ERR_NO_MEMORY, result, "handles of ended children, until its own memory is used up");
    demo_check(children > 100, "that was more than a hundred");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return CHILD_CODE;
    demo_begin("c-spawner");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    check_children_run(spawner, capos_need_timer("timer"));
    check_handles_are_paid_for(spawner);
    return demo_end();
}
