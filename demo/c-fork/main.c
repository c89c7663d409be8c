/*
 * Copies of this process, and other programs in its place. Copies report by their exit codes, which only the
 * right one gives; replaced.c has what runs after replaceSelf.
 */
#include "child.h"
#include "replaced.h"
#include <capos/fork.h>
#include <capos/memory.h>
#include <capos/system.h>
#include <capos/threads.h>

enum {
    PROT_READ_WRITE = 3,
    PAGE = 4096,
    BUDGET_FRAMES = 700,
    BOMB_FRAMES = 3000,
    FORKS_WITH_THREADS = 20,
    THREADS = 3,
    CHILD_OK = 7,
};

static const struct cap_budget child_budget = {.frames = BUDGET_FRAMES};
static cap_process_spawner spawner;
static cap_virtual_memory memory;

/* Forks; the copy ends with the code that `in_child` returns, which comes back here. */
static int64_t fork_run(const struct cap_budget *budget, int (*in_child)(void *argument), void *argument)
{
    cap_process_handle child;
    int64_t forked = capos_fork(spawner, budget, &child);
    if (forked == 0)
        capos_sys_exit(in_child(argument));
    return forked < 0 ? forked : demo_wait_exit(child);
}

/* ---- Memory. */

static volatile int number = 1;
static volatile int *shared;

static int write_memory(void *argument)
{
    int *heap = argument;
    bool as_before = number == 1 && *heap == 1;
    number = 2;
    *heap = 2;
    shared[0] = 42;
    while (shared[1] == 0) /* the parent writes, too */
        (void)capos_sys_cap_enter(0, 0);
    void *more = malloc(PAGE);
    return as_before && number == 2 && *heap == 2 && more != NULL ? CHILD_OK : 1;
}

static void check_memory(void)
{
    int *heap = malloc(sizeof *heap);
    cap_process_handle child;
    *heap = 1;
    int64_t forked = capos_fork(spawner, &child_budget, &child);
    if (forked == 0)
        capos_sys_exit(write_memory(heap));
    demo_check(forked > (int64_t)capos_process_id(), "capos_fork returns the copy's id");
    number = 3;
    *heap = 3;
    shared[1] = 1;
    demo_check(demo_wait_exit(child) == CHILD_OK, "the copy writes to its memory, while this one writes");
    demo_check(number == 3 && *heap == 3, "which is another memory");
    demo_check(shared[0] == 42, "but for the MemoryObject that both map");
    free(heap);
}

static int32_t map_shared(void)
{
    struct cap_virtual_memory_create_object_results made;
    struct cap_memory_object_map_results mapped;
    int32_t status = cap_virtual_memory_create_object(memory, PAGE, &made);
    if (status >= 0)
        status = cap_memory_object_map(made.object, 0, 0, PAGE, PROT_READ_WRITE, &mapped);
    if (status >= 0)
        shared = (volatile int *)(uintptr_t)mapped.address;
    return status;
}

/* ---- Capabilities. */

struct seen {
    cap_process_handle handle; /* of another child: cannot be copied */
    uint64_t parent_id;
    uint64_t parent_list;
};

static uint64_t words[1024];
static struct cap_buffer buffer = {words, sizeof words};

static uint64_t count_capabilities(void)
{
    struct cap_capability_manager_list_results list;
    cap_capability_manager manager = capos_need_capability_manager("caps");
    return cap_capability_manager_list(manager, 0, 64, &list, &buffer) < 0 ? 0 : list.entries.count;
}

static int look_at_capabilities(void *argument)
{
    const struct seen *seen = argument;
    struct cap_process_handle_info_results info;
    struct cap_virtual_memory_info_results limits;
    if (cap_process_handle_info(seen->handle, &info, &buffer) != CAPOS_ERR_STALE_CAP)
        return 1;
    if (cap_virtual_memory_info(memory, &limits) < 0 || limits.frames_limit != BUDGET_FRAMES)
        return 2;
    if (capos_process_id() == seen->parent_id)
        return 3;
    if (count_capabilities() != seen->parent_list - 1) /* the handle */
        return 4;
    return CHILD_OK;
}

static int exit_ok(void *argument)
{
    (void)argument;
    return CHILD_OK;
}

static void check_capabilities(void)
{
    cap_process_handle other;
    struct cap_virtual_memory_info_results before, after;
    (void)cap_virtual_memory_info(memory, &before);
    int64_t forked = capos_fork(spawner, &child_budget, &other);
    if (forked == 0)
        capos_sys_exit(exit_ok(NULL));
    struct seen seen = {other, capos_process_id(), count_capabilities()};
    demo_check(fork_run(&child_budget, look_at_capabilities, &seen) == CHILD_OK,
               "the copy has all but the ProcessHandle, and its own VirtualMemory and CapabilityManager");
    demo_check(demo_wait_exit(other) == CHILD_OK, "this one has the handle still");
    (void)cap_virtual_memory_info(memory, &after);
    demo_check(after.frames_used == before.frames_used, "the budgets have come back");
}

/* ---- Refusals. */

static void check_refusals(void)
{
    struct cap_budget much = {.frames = UINT64_C(1) << 40}, little = {.frames = 8};
    demo_expect_exception(CAPOS_EXCEPTION_OVERLOADED, (int32_t)fork_run(&much, exit_ok, NULL),
                          "a budget that is not there");
    demo_expect(CAPOS_ERR_NO_MEMORY, (int32_t)fork_run(&little, exit_ok, NULL),
                "a budget that the copy does not fit");
    cap_process_spawner none = {.id = 0};
    cap_process_handle child;
    demo_expect(CAPOS_ERR_BAD_CAP, (int32_t)capos_fork(none, NULL, &child), "a fork without a spawner");
}

/* ---- Threads. */

static volatile bool threads_stop;

/* Maps, writes and unmaps all the time, and allocates, so that locks are held. */
static uint64_t churn(void *argument)
{
    uint64_t rounds = 0;
    (void)argument;
    for (; !threads_stop; rounds++) {
        struct cap_virtual_memory_map_results mapped;
        char *block = malloc(3 * PAGE);
        if (block != NULL)
            block[PAGE] = 1;
        if (cap_virtual_memory_map(memory, 0, 4 * PAGE, PROT_READ_WRITE, &mapped) >= 0) {
            *(volatile char *)(uintptr_t)mapped.address = 1;
            (void)cap_virtual_memory_unmap(memory, mapped.address, 4 * PAGE);
        }
        free(block);
    }
    return rounds;
}

static int live_alone(void *argument)
{
    capos_thread again, *threads = argument;
    uint64_t value = 0;
    if (capos_thread_join(threads[0], NULL) != CAPOS_ERR_NOT_FOUND)
        return 1;
    void *block = malloc(5 * PAGE);
    if (block == NULL)
        return 2;
    free(block);
    threads_stop = true;
    if (capos_thread_create(NULL, churn, NULL, &again) < 0 || capos_thread_join(again, &value) < 0)
        return 3;
    return CHILD_OK;
}

static void check_threads(void)
{
    capos_thread threads[THREADS];
    unsigned good = 0;
    for (int i = 0; i < THREADS; i++)
        demo_check(capos_thread_create(NULL, churn, NULL, &threads[i]) >= 0, "a thread");
    for (int i = 0; i < FORKS_WITH_THREADS; i++)
        good += fork_run(&(struct cap_budget){.frames = 2 * BUDGET_FRAMES}, live_alone, threads) == CHILD_OK;
    threads_stop = true;
    for (int i = 0; i < THREADS; i++)
        (void)capos_thread_join(threads[i], NULL);
    demo_check(good == FORKS_WITH_THREADS, "20 forks while three threads map, unmap and allocate");
}

static uint64_t frames_used(void)
{
    struct cap_virtual_memory_info_results info;
    return cap_virtual_memory_info(memory, &info) < 0 ? 0 : info.frames_used;
}

/* ---- A bomb: every copy forks until it may not. */

static int explode(void *argument)
{
    volatile int *copies = argument;
    for (;;) {
        cap_process_handle child;
        int64_t forked = capos_fork(spawner, NULL, &child);
        if (forked < 0)
            return CHILD_OK;
        __atomic_fetch_add(copies, 1, __ATOMIC_RELAXED);
    }
}

static void check_bomb(void)
{
    const struct cap_budget budget = {.frames = BOMB_FRAMES};
    const uint64_t before = frames_used();
    shared[2] = 0;
    demo_check(fork_run(&budget, explode, (void *)(uintptr_t)&shared[2]) == CHILD_OK,
               "a fork bomb in a budget comes to its end");
    demo_check(shared[2] > 2, "after a few copies");
    while (frames_used() != before) /* copies of copies outlive it, in its budget */
        capos_thread_yield();
    demo_check(fork_run(&child_budget, exit_ok, NULL) == CHILD_OK, "and this process forks as before");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "replaced") == 0)
        return replaced_main(argc, argv);
    demo_begin("c-fork");
    spawner = capos_need_process_spawner("spawner");
    memory = capos_need_virtual_memory("memory");
    demo_expect(CAPOS_OK, map_shared(), "a shared MemoryObject");
    check_memory();
    check_capabilities();
    check_refusals();
    check_threads();
    check_bomb();
    replaced_check(spawner, demo_console, shared);
    return demo_end();
}
