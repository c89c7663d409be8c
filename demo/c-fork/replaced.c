#include "replaced.h"
#include "child.h"
#include <capos/fork.h>
#include <capos/memory.h>
#include <capos/threads.h>

enum { REPLACED_OK = 21, ID_DIGITS = 21, FRAMES = 900, ROUNDS = 20 };

#define TEXT(literal) ((struct capnp_text){literal, sizeof(literal) - 1})

static cap_process_spawner spawner;
static volatile int *shared;

/* ---- The new program. */

static bool is_number(const char *text, uint64_t number)
{
    char digits[ID_DIGITS];
    (void)capos_snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    return strcmp(text, digits) == 0;
}

/* Arguments: "c-fork", "replaced", the process' id, the old spawner's id. Grants: console, memory. */
int replaced_main(int argc, char **argv)
{
    cap_process_spawner none;
    cap_virtual_memory memory;
    uint32_t old_spawner = 0;
    if (argc != 4 || !is_number(argv[2], capos_process_id()))
        return 1;
    for (const char *digit = argv[3]; *digit != 0; digit++)
        old_spawner = old_spawner * 10 + (uint32_t)(*digit - '0');
    if (capos_capset()->entry_count != 2 || capos_get_process_spawner("spawner", &none) >= 0)
        return 2;
    struct cap_process_spawner_create_pipe_results pipe;
    if (cap_process_spawner_create_pipe((cap_process_spawner){.id = old_spawner}, 0, &pipe) !=
        CAPOS_ERR_STALE_CAP)
        return 3;
    void *block = malloc(100);
    if (capos_get_virtual_memory("memory", &memory) < 0 || block == NULL)
        return 4;
    demo_begin("c-fork");
    demo_check(true, "the new program runs, with what it was granted and nothing else");
    return REPLACED_OK;
}

static int32_t replace(const char *binary, uint8_t console_mode)
{
    char id[ID_DIGITS], old[ID_DIGITS];
    (void)capos_snprintf(id, sizeof id, "%llu", (unsigned long long)capos_process_id());
    (void)capos_snprintf(old, sizeof old, "%u", spawner.id);
    const struct capnp_text args[] = {TEXT("c-fork"), TEXT("replaced"), {id, strlen(id)}, {old, strlen(old)}};
    const struct cap_spawn_grant grants[] = {
        {.name = TEXT("console"), .capability = {.id = demo_console.id, .mode = console_mode}},
        {.name = TEXT("memory"), .which = CAP_SPAWN_GRANT_OWN, .own = CAP_OWN_OBJECT_VIRTUAL_MEMORY},
    };
    const struct cap_process_spawner_replace_self_params params = {
        .binary_name = {binary, strlen(binary)},
        .args = CAPNP_LIST(args, 4),
        .grants = CAPNP_LIST(grants, 2),
    };
    return cap_process_spawner_replace_self_call(spawner, &params);
}

/* ---- Who replaces himself. */

static volatile bool never;

/* Runs on, in the kernel and out of it, until the program is replaced. */
static uint64_t bystander(void *argument)
{
    (void)argument;
    while (!never) {
        shared[3]++;
        capos_thread_yield();
    }
    return 0;
}

static int become_other(bool with_threads)
{
    capos_thread threads[2];
    for (int i = 0; i < 2 && with_threads; i++) {
        if (capos_thread_create(NULL, bystander, NULL, &threads[i]) < 0)
            return 11;
    }
    (void)replace("c-fork", CAPOS_XFER_MOVE);
    return 12; /* it does not come back */
}

/* Two threads replace the program at once: one of them does. */
static uint64_t rival(void *argument)
{
    (void)argument;
    (void)replace("c-fork", CAPOS_XFER_COPY);
    return 0;
}

static int become_other_twice(void)
{
    capos_thread thread;
    if (capos_thread_create(NULL, rival, NULL, &thread) < 0)
        return 11;
    (void)replace("c-fork", CAPOS_XFER_COPY);
    return 12;
}

static int64_t run_copy(int how)
{
    const struct cap_budget budget = {.frames = FRAMES};
    cap_process_handle child;
    int64_t forked = capos_fork(spawner, &budget, &child);
    if (forked == 0)
        capos_sys_exit(how == 2 ? become_other_twice() : become_other(how == 1));
    return forked < 0 ? forked : demo_wait_exit(child); /* who waits for it waits for the new program */
}

static void check_refused(void)
{
    int *heap = malloc(sizeof *heap);
    *heap = 5;
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, replace("c-nothing", CAPOS_XFER_MOVE),
                          "replaceSelf by a program that is not there");
    char much[4096];
    memset(much, 'x', sizeof much);
    const struct capnp_text args[] = {{much, sizeof much}};
    const struct cap_spawn_grant twice[] = {
        {.name = TEXT("a"), .capability = {.id = demo_console.id, .mode = CAPOS_XFER_MOVE}},
        {.name = TEXT("b"),
         .which = CAP_SPAWN_GRANT_OWN,
         .own = CAP_OWN_OBJECT_PARK_SPACE,
         .interface_id = 1},
    };
    struct cap_process_spawner_replace_self_params params = {
        .binary_name = TEXT("c-fork"), .args = CAPNP_LIST(args, 1), .grants = CAPNP_LIST(twice, 2)};
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT,
                          cap_process_spawner_replace_self_call(spawner, &params),
                          "replaceSelf with a grant of another interface than it says");
    demo_check(*heap == 5, "memory and the moved capability are as before");
    free(heap);
}

void replaced_check(cap_process_spawner from, cap_console console, volatile int *memory)
{
    spawner = from;
    demo_console = console;
    demo_name = "c-fork";
    shared = memory;
    check_refused();
    demo_check(run_copy(0) == REPLACED_OK, "replaceSelf keeps the id and who waits");
    demo_check(run_copy(1) == REPLACED_OK, "of a process with three threads");
    unsigned good = 0;
    for (int i = 0; i < ROUNDS; i++)
        good += run_copy(2) == REPLACED_OK;
    demo_check(good == ROUNDS, "two threads that replace the program at once");
}
