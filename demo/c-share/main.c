/*
 * Two processes and one MemoryObject, mapped at different addresses: a shared mutex, a shared word to take
 * turns on, and what is refused. The program spawns itself.
 */
#include "check.h"
#include <capos/clock.h>
#include <capos/sync.h>
#include <string.h>

enum {
    PAGE = 4096,
    PROT_READ_WRITE = 3,
    TURNS = 500,
    STEPS = 500,
    ANSWER_WORDS = 512,
    MILLISECOND = 1000000
};

struct board {
    uint32_t turn[2];
    struct capos_mutex mutex;
    struct capos_semaphore ready;
    uint64_t counter;
    uint64_t child_address;
};

static uint64_t answer[ANSWER_WORDS];
static struct cap_buffer buffer = {answer, sizeof answer};

static struct board *map_board(cap_memory_object memory)
{
    struct cap_memory_object_map_results mapped = {0};
    const struct cap_memory_object_map_params params = {.size = PAGE, .prot = PROT_READ_WRITE};
    return cap_memory_object_map_call(memory, &params, &mapped) < 0 ? NULL
                                                                    : (void *)(uintptr_t)mapped.address;
}

static void take_turns(struct board *board, unsigned me)
{
    for (int i = 0; i < TURNS; i++) {
        while (__atomic_exchange_n(&board->turn[me], 0, __ATOMIC_ACQUIRE) == 0)
            (void)capos_park(&board->turn[me], 0, 0, true);
        __atomic_store_n(&board->turn[!me], 1, __ATOMIC_RELEASE);
        (void)capos_unpark(&board->turn[!me], 1, true);
    }
}

/* The loads and stores are apart, so that without the mutex steps would be lost. */
static void count(struct board *board)
{
    for (int i = 0; i < STEPS; i++) {
        capos_mutex_lock(&board->mutex);
        uint64_t seen = __atomic_load_n(&board->counter, __ATOMIC_RELAXED);
        for (int spin = 0; spin < 200; spin++)
            __asm__ volatile("pause");
        __atomic_store_n(&board->counter, seen + 1, __ATOMIC_RELAXED);
        capos_mutex_unlock(&board->mutex);
    }
}

static int run_child(void)
{
    cap_memory_object memory;
    if (capos_get_memory_object("board", &memory) < 0)
        return 2;
    struct board *board = map_board(memory);
    if (board == NULL)
        return 3;
    board->child_address = (uintptr_t)board;
    capos_semaphore_give(&board->ready);
    take_turns(board, 1);
    count(board);
    return 0;
}

/* Waits for ever: to be woken, or killed. */
static int run_sleeper(void)
{
    cap_memory_object memory;
    if (capos_get_memory_object("board", &memory) < 0)
        return 2;
    struct board *board = map_board(memory);
    if (board == NULL)
        return 3;
    capos_semaphore_give(&board->ready);
    return capos_park(&board->turn[0], 0, 0, true) == CAPOS_OK ? 0 : 4;
}

static cap_process_handle spawn(cap_process_spawner spawner, cap_memory_object memory,
                                cap_shared_park_space space, const char *role, cap_process_control *control)
{
    const struct capnp_text args[] = {{"c-share", 7}, {role, strlen(role)}};
    const struct cap_spawn_grant grants[] = {
        {.name = {"board", 5},
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_memory_object_as_any(memory)},
        {.name = {"shared-park", 11},
         .which = CAP_SPAWN_GRANT_CAPABILITY,
         .capability = cap_shared_park_space_as_any(space)},
    };
    const struct cap_process_spawner_spawn_params params = {
        .binary_name = {"c-share", 7},
        .grants = CAPNP_LIST(grants, 2),
        .args = CAPNP_LIST(args, 2),
        .has_budget = true,
        .budget = {.frames = 64, .cap_slots = 8, .threads = 1},
        .control = true,
    };
    struct cap_process_spawner_spawn_results results = {0};
    demo_expect(CAPOS_OK, cap_process_spawner_spawn(spawner, &params, &results), role);
    *control = results.control;
    return results.handle;
}

static int64_t exit_code(cap_process_handle child)
{
    struct cap_process_handle_wait_results ended = {0};
    return cap_process_handle_wait(child, &ended, &buffer) < 0 ? -1 : ended.exit_code;
}

static void check_together(cap_process_spawner spawner, cap_memory_object memory, cap_shared_park_space space,
                           struct board *board)
{
    cap_process_control control;
    board->turn[0] = 1;
    cap_process_handle child = spawn(spawner, memory, space, "child", &control);
    demo_expect(CAPOS_OK, capos_semaphore_take(&board->ready, 0), "the child has mapped the object");
    demo_check(board->child_address != (uintptr_t)board, "at another address");
    take_turns(board, 0);
    demo_say("ok 500 turns each");
    count(board);
    demo_check(exit_code(child) == 0 && board->counter == 2 * STEPS, "one mutex, 1000 steps, none lost");
}

static void check_alone(cap_memory_object memory, cap_timer timer, struct board *board)
{
    static uint32_t private_word;
    struct board *again = map_board(memory);
    board->turn[0] = 0;
    demo_expect(CAPOS_ERR_BAD_ADDRESS, capos_park(&private_word, 0, 0, true), "a word in no MemoryObject");
    demo_expect(CAPOS_ERR_BAD_ADDRESS, capos_unpark(&private_word, 1, true), "nor can it be woken");
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_park(&board->turn[0], 1, 0, true), "another value");
    demo_expect(CAPOS_ERR_TIMEOUT, capos_park(&board->turn[0], 0, capos_clock_ns(timer) + MILLISECOND, true),
                "a deadline passes");
    demo_expect(CAPOS_ERR_NO_CAPABILITY, capos_park(&board->turn[0], 0, 0, false),
                "private waiting was never granted");
    board->turn[0] = 7;
    demo_check(again != NULL && again != board, "the object is mapped twice");
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_park(&again->turn[0], 0, 0, true), "and is one word");
}

static void check_kill(cap_process_spawner spawner, cap_memory_object memory, cap_shared_park_space space,
                       struct board *board)
{
    cap_process_control control;
    struct cap_process_control_kill_results killed;
    board->turn[0] = 0;
    cap_process_handle child = spawn(spawner, memory, space, "sleeper", &control);
    (void)capos_semaphore_take(&board->ready, 0);
    while (capos_unpark(&board->turn[0], 1, true) == 0)
        continue;
    demo_check(exit_code(child) == 0, "is woken");
    child = spawn(spawner, memory, space, "sleeper", &control);
    (void)capos_semaphore_take(&board->ready, 0);
    demo_expect(CAPOS_OK, cap_process_control_kill(control, 9, &killed), "is killed");
    demo_check(exit_code(child) == 9, "it ends");
    demo_check(capos_unpark(&board->turn[0], CAPOS_UNPARK_ALL, true) == 0, "and waits no more");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "child") == 0 ? run_child() : run_sleeper();
    demo_begin("c-share");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    cap_shared_park_space space = capos_need_shared_park_space("shared-park");
    struct cap_virtual_memory_create_object_results made = {0};
    demo_expect(CAPOS_OK, cap_virtual_memory_create_object(capos_need_virtual_memory("memory"), PAGE, &made),
                "a MemoryObject of one page");
    struct board *board = map_board(made.object);
    *board = (struct board){.mutex = CAPOS_MUTEX_SHARED_INIT, .ready = CAPOS_SEMAPHORE_SHARED_INIT(0)};
    check_together(spawner, made.object, space, board);
    check_alone(made.object, capos_need_timer("timer"), board);
    check_kill(spawner, made.object, space, board);
    return demo_end();
}
