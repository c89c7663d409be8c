/*
 * Threads: what they share and what each has for itself, waiting for them, interrupting them, what is
 * refused, and how a process with several of them ends.
 */
#include "check.h"
#include "children.h"
#include <capos/clock.h>
#include <capos/threads.h>
#include <string.h>

enum {
    TEAM = 8,
    ROUNDS = 200,
    ALLOCATIONS = 100,
    COMPUTE_STEPS = 1000,
    ANSWER_WORDS = 512,
    CRASH_PAGE_FAULT = 128 + 14,
    DETACHED = 20,
};

static uint64_t shared_count;
static _Thread_local uint64_t own_count = 100;
static _Thread_local uint64_t own_zero;
static cap_timer timer;

/* ---- Working together. */

static uint64_t work(void *argument)
{
    uint64_t index = (uintptr_t)argument;
    for (int i = 0; i < COMPUTE_STEPS; i++) {
        __atomic_add_fetch(&shared_count, 1, __ATOMIC_RELAXED);
        own_count++;
        own_zero += index;
    }
    bool own = own_count == 100 + COMPUTE_STEPS && own_zero == index * COMPUTE_STEPS;
    return own && capos_thread_self() != 1 ? index : UINT64_MAX;
}

static bool run_team(uint64_t (*fn)(void *argument))
{
    capos_thread team[TEAM];
    bool good = true;
    for (uintptr_t i = 0; i < TEAM; i++)
        good = good && capos_thread_create(NULL, fn, (void *)i, &team[i]) == CAPOS_OK;
    for (uint64_t i = 0; good && i < TEAM; i++) {
        uint64_t value = 0;
        good = capos_thread_join(team[i], &value) == CAPOS_OK && value == i;
    }
    return good;
}

static void check_team(void)
{
    demo_check(run_team(work), "eight threads run and each gives back its result");
    demo_check(shared_count == TEAM * COMPUTE_STEPS, "they share memory");
    demo_check(own_count == 100 && own_zero == 0, "each has thread-local variables of its own");
}

static uint64_t allocate(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    unsigned char *memory[ALLOCATIONS];
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        memory[i] = malloc(16 + i * 7);
        if (memory[i] == NULL)
            return UINT64_MAX;
        memset(memory[i], (int)(index + i), 16 + i * 7);
    }
    bool good = true;
    for (unsigned i = 0; i < ALLOCATIONS; i++) {
        good = good && memory[i][0] == (unsigned char)(index + i) &&
               memory[i][15 + i * 7] == (unsigned char)(index + i);
        free(memory[i]);
    }
    return good ? index : UINT64_MAX;
}

static uint64_t call_and_sleep(void *argument)
{
    for (int i = 0; i < 5; i++) {
        if (cap_timer_sleep(timer, 1000000) < 0)
            return UINT64_MAX;
    }
    return capos_clock_ns(timer) > 0 ? (uintptr_t)argument : UINT64_MAX;
}

static uint64_t give_back(void *argument)
{
    return (uintptr_t)argument;
}

static void check_many(void)
{
    bool good = true;
    for (uintptr_t i = 0; good && i < ROUNDS; i++) {
        capos_thread thread;
        uint64_t value = 0;
        good = capos_thread_create(NULL, give_back, (void *)i, &thread) == CAPOS_OK &&
               capos_thread_join(thread, &value) == CAPOS_OK && value == i;
    }
    demo_check(good, "two hundred threads one after the other");
}

static uint64_t finish_detached(void *argument)
{
    __atomic_add_fetch((uint32_t *)argument, 1, __ATOMIC_RELAXED);
    return 0;
}

static void check_detached(void)
{
    static uint32_t finished;
    const struct capos_thread_attr attr = {.detached = true, .stack_bytes = 20000};
    capos_thread thread;
    bool good = true;
    for (int i = 0; good && i < DETACHED; i++)
        good =
            capos_thread_create(i % 2 == 0 ? &attr : NULL, finish_detached, &finished, &thread) == CAPOS_OK &&
            (i % 2 == 0 || capos_thread_detach(thread) == CAPOS_OK);
    while (good && __atomic_load_n(&finished, __ATOMIC_RELAXED) < DETACHED)
        capos_thread_yield();
    demo_check(good, "detached threads finish by themselves");
    demo_expect(CAPOS_ERR_NOT_FOUND, capos_thread_join(thread, NULL), "joining a detached thread");
}

/* ---- Refusals. */

static void check_joins(void)
{
    capos_thread thread = 0;
    demo_expect(CAPOS_OK, capos_thread_create(NULL, give_back, NULL, &thread), "capos_thread_create");
    demo_expect(CAPOS_OK, capos_thread_join(thread, NULL), "joining");
    demo_expect(CAPOS_ERR_NOT_FOUND, capos_thread_join(thread, NULL), "joining twice");
    demo_expect(CAPOS_ERR_NOT_FOUND, capos_thread_interrupt(thread, NULL),
                "interrupting a thread that was joined");
    demo_expect(CAPOS_ERR_WOULD_BLOCK, capos_thread_join(capos_thread_self(), NULL), "joining oneself");
}

static void check_bad_arguments(cap_thread_spawner threads, cap_thread_control control)
{
    const struct capos_thread_attr tiny = {.stack_bytes = 100};
    struct cap_thread_spawner_spawn_results out;
    struct cap_thread_control_interrupt_results interrupted;
    capos_thread thread;
    uint64_t entry = (uintptr_t)&give_back, stack = (uintptr_t)&out & ~UINT64_C(15);
    demo_expect(CAPOS_ERR_TOO_LARGE, capos_thread_create(&tiny, give_back, NULL, &thread),
                "a stack of 100 bytes");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_thread_spawner_spawn(threads, entry, stack + 8, 0, 0, &out),
                          "an unaligned stack");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_thread_spawner_spawn(threads, entry, UINT64_C(1) << 63, 0, 0, &out),
                          "a stack outside user space");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_thread_spawner_spawn(threads, UINT64_C(1) << 47, stack, 0, 0, &out),
                          "an entry outside user space");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_thread_control_set_fs_base(control, UINT64_C(1) << 47),
                          "an FS base outside user space");
    demo_expect(CAPOS_ERR_WRONG_INTERFACE,
                cap_thread_control_interrupt(control, (cap_thread_handle){.id = threads.id}, &interrupted),
                "interrupting what is no thread");
}

/* ---- Interrupting. */

struct interruptible {
    uint32_t waiting;
    int32_t wait_result;
    int32_t cancel_result;
};

static uint64_t wait_to_be_interrupted(void *argument)
{
    static struct cap_pending sleep;
    struct interruptible *self = argument;
    int32_t started = cap_timer_sleep_start(timer, &(struct cap_timer_sleep_params){UINT64_MAX / 2}, &sleep);
    (void)cap_submit();
    __atomic_store_n(&self->waiting, 1, __ATOMIC_RELEASE);
    self->wait_result = started < 0 ? started : cap_pending_wait(&sleep);
    self->cancel_result = cap_pending_cancel(&sleep);
    return 0;
}

static void check_interrupt(void)
{
    struct interruptible state = {0};
    capos_thread thread = 0;
    bool was_waiting = false;
    demo_expect(CAPOS_OK, capos_thread_create(NULL, wait_to_be_interrupted, &state, &thread),
                "a thread that waits");
    while (__atomic_load_n(&state.waiting, __ATOMIC_ACQUIRE) == 0)
        capos_thread_yield();
    (void)cap_timer_sleep(timer, 2000000);
    demo_expect(CAPOS_OK, capos_thread_interrupt(thread, &was_waiting), "interrupting it");
    demo_check(was_waiting, "it was waiting");
    demo_expect(CAPOS_OK, capos_thread_join(thread, NULL), "joining it");
    demo_expect(CAPOS_ERR_INTERRUPTED, state.wait_result, "what its wait returned");
    demo_expect(CAPOS_OK, state.cancel_result, "its call was still in flight");
}

/* ---- Ends of processes with threads. */

static uint64_t answer[ANSWER_WORDS];
static struct cap_buffer answer_buffer = {answer, sizeof answer};

static int32_t start_child(cap_process_spawner spawner, const char *part, uint32_t thread_budget,
                           bool threads, bool control, struct cap_process_spawner_spawn_results *out)
{
    const struct capnp_text args[] = {{"c-threads", 9}, {part, strlen(part)}};
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
        .binary_name = {"c-threads", 9},
        .args = CAPNP_LIST(args, 2),
        .grants = CAPNP_LIST(grants, threads ? 5 : 4),
        .has_budget = true,
        .budget = {.frames = 512, .cap_slots = 32, .threads = thread_budget},
        .control = control,
    };
    return cap_process_spawner_spawn(spawner, &params, out);
}

static int32_t run_child(cap_process_spawner spawner, const char *part, uint32_t thread_budget, bool threads,
                         struct cap_process_handle_wait_results *end)
{
    struct cap_process_spawner_spawn_results child;
    int32_t status = start_child(spawner, part, thread_budget, threads, false, &child);
    if (status < 0)
        return status;
    status = cap_process_handle_wait(child.handle, end, &answer_buffer);
    (void)cap_release(child.handle);
    return status;
}

static void check_child(cap_process_spawner spawner, const char *part, int64_t code, const char *what)
{
    struct cap_process_handle_wait_results end;
    int32_t status = run_child(spawner, part, 4, strcmp(part, "ungranted") != 0, &end);
    if (status < 0 || end.exit_code != code)
        demo_say("got %d, exit code %lld", (int)status, status < 0 ? 0LL : (long long)end.exit_code);
    demo_check(status >= 0 && end.exit_code == code && end.crashed == (code >= 128), what);
}

static void check_kill(cap_process_spawner spawner, uint64_t after_ns, const char *what)
{
    struct cap_process_spawner_spawn_results child;
    struct cap_process_control_kill_results killed = {0}, again = {0};
    struct cap_process_handle_wait_results end;
    int32_t status = start_child(spawner, "live", 4, true, true, &child);
    if (status >= 0 && after_ns != 0)
        status = cap_timer_sleep(timer, after_ns);
    if (status >= 0)
        status = cap_process_control_kill(child.control, 33, &killed);
    if (status >= 0)
        status = cap_process_control_kill(child.control, 44, &again);
    if (status >= 0)
        status = cap_process_handle_wait(child.handle, &end, &answer_buffer);
    demo_check(status >= 0 && killed.was_running && !again.was_running && end.exit_code == 33 && !end.crashed,
               what);
    (void)cap_release(child.handle);
    (void)cap_release(child.control);
}

/* A thread without thread-local storage, which may therefore call nothing; it runs until the process ends. */
static void run_until_the_end(void)
{
    for (;;)
        __builtin_ia32_pause();
}

static void check_handle(cap_process_spawner spawner, cap_thread_spawner threads)
{
    static _Alignas(16) char stack[4096];
    struct cap_thread_spawner_spawn_results spawned;
    struct cap_process_spawner_spawn_results child;
    struct cap_thread_handle_info_results info;
    demo_expect(CAPOS_OK,
                cap_thread_spawner_spawn(threads, (uintptr_t)&run_until_the_end,
                                         (uintptr_t)stack + sizeof stack, 0, 0, &spawned),
                "ThreadSpawner.spawn");
    const struct cap_spawn_grant grant = {.name = {"thread", 6},
                                          .which = CAP_SPAWN_GRANT_CAPABILITY,
                                          .capability = cap_thread_handle_as_any(spawned.handle)};
    const struct cap_process_spawner_spawn_params params = {.binary_name = {"c-threads", 9},
                                                            .grants = CAPNP_LIST(&grant, 1)};
    demo_expect(CAPOS_ERR_NOT_TRANSFERABLE, cap_process_spawner_spawn(spawner, &params, &child),
                "passing a ThreadHandle to another process");
    demo_check(cap_thread_handle_info(spawned.handle, &info) >= 0 && info.running && info.number > 1,
               "ThreadHandle.info");
}

static void check_self(cap_thread_control control)
{
    struct cap_thread_control_self_results self;
    demo_check(cap_thread_control_self(control, &self) >= 0 && self.number == 1 &&
                   self.ring_address == (uintptr_t)capos_ring(),
               "ThreadControl.self of the first thread");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child_main(argv[1]);
    demo_begin("c-threads");
    timer = capos_need_timer("timer");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    cap_thread_spawner threads = capos_need_thread_spawner("threads");
    cap_thread_control control = capos_need_thread_control("thread");
    check_self(control);
    check_team();
    demo_check(run_team(allocate), "eight threads allocate and free");
    demo_check(run_team(call_and_sleep), "eight threads sleep and read the clock, each through its own ring");
    check_many();
    check_detached();
    check_joins();
    check_bad_arguments(threads, control);
    check_interrupt();
    check_child(spawner, "exit", CHILD_SIBLING_CODE,
                "a thread's exit ends its process, whatever the others do");
    check_child(spawner, "crash", CRASH_PAGE_FAULT, "a thread's crash ends its process");
    check_child(spawner, "overflow", CRASH_PAGE_FAULT, "a thread's stack ends at a guard page");
    check_child(spawner, "leave", 0, "a process lives until its last thread has ended");
    check_child(spawner, "ungranted", CHILD_OK, "no thread without a ThreadSpawner");
    check_child(spawner, "budget", CHILD_OK, "no thread beyond the budget");
    check_kill(spawner, 0, "a process is killed that has not run yet");
    check_kill(spawner, 50000000, "a process is killed whose threads wait and compute; once is enough");
    check_handle(spawner, threads);
    return demo_end();
}
