/*
 * What libcapos does around main: relocation, constructors, thread-local storage; and how a program ends when
 * it makes a mistake or lacks something. The endings happen in children, which get the console and, where
 * they need it, memory.
 */
#include "check.h"
#include <string.h>

enum { ANSWER_WORDS = 512, INVALID_INSTRUCTION = 6 };

/* ---- Before main
 * ----------------------------------------------------------------------------------------------- */

static const char *const table[] = {"zero", "one", "two"}; /* pointers that only relocation makes right */
static const char *const *relocated = &table[1];
static _Thread_local int tls_number = 41;
static _Thread_local const char *tls_pointer = "thread-local";
static _Thread_local _Alignas(64) char tls_aligned[64];
static int constructed;

__attribute__((constructor(101))) static void first(void)
{
    constructed = constructed * 10 + 1;
}

__attribute__((constructor(102))) static void second(void)
{
    constructed = constructed * 10 + 2;
}

__attribute__((destructor)) static void last(void)
{
    if (demo_console.id != CAPNP_CAP_NONE)
        demo_say("after main");
}

static void check_start(void)
{
    demo_check(strcmp(relocated[0], "one") == 0 && strcmp(table[2], "two") == 0,
               "pointers in data are relocated");
    demo_check(constructed == 12, "constructors ran, in their order");
    demo_check(tls_number == 41 && strcmp(tls_pointer, "thread-local") == 0,
               "thread-local variables have their values");
    tls_number++;
    demo_check(tls_number == 42 && (uintptr_t)tls_aligned % 64 == 0 && tls_aligned[63] == 0,
               "and their alignment");
    demo_check(capos_process_id() == 2, "the first service is process 2");
    volatile char deep[100000];
    deep[0] = deep[sizeof deep - 1] = 1;
    const struct capos_capset_header *capset = capos_capset();
    demo_check((uintptr_t)deep >= capset->stack_low && (uintptr_t)(deep + sizeof deep) <= capset->stack_high,
               "100000 bytes of stack lie where the CapSet says");
}

/* ---- Endings
 * --------------------------------------------------------------------------------------------------- */

static int child_no_memory(void)
{
    void *volatile memory = malloc(100);
    void *volatile more = malloc(200); /* the console hears of it once */
    return memory == NULL && more == NULL && capos_malloc_size(NULL) == 0 ? 5 : 1;
}

static int child_not_granted(void)
{
    capos_need_timer("timer");
    return 1;
}

static int child_wrong_interface(void)
{
    capos_need_timer("console");
    return 1;
}

static int child_double_free(void)
{
    void *volatile memory = malloc(100);
    free(memory);
    free(memory);
    return 1;
}

static int child_foreign_free(void)
{
    int local;
    void *volatile memory = &local;
    free(memory);
    return 1;
}

static int child_overflow(void)
{
    char *volatile memory = malloc(100);
    memory[100] = 1;
    free(memory);
    return 1;
}

static int child_large_code(void)
{
    capos_sys_exit(INT64_C(1234567890123));
}

struct ending {
    const char *name;
    int (*run)(void);
    int64_t exit_code;
    bool memory; /* to be granted */
    bool crashes;
};

static const struct ending endings[] = {
    {"no-memory", child_no_memory, 5, false, false},
    {"not-granted", child_not_granted, CAPOS_EXIT_NOT_GRANTED, true, false},
    {"wrong-interface", child_wrong_interface, CAPOS_EXIT_NOT_GRANTED, true, false},
    {"double-free", child_double_free, 128 + INVALID_INSTRUCTION, true, true},
    {"foreign-free", child_foreign_free, 128 + INVALID_INSTRUCTION, true, true},
    {"overflow", child_overflow, 128 + INVALID_INSTRUCTION, true, true},
    {"large-code", child_large_code, INT64_C(1234567890123), false, false},
};

static int32_t spawn(cap_process_spawner spawner, const struct ending *ending, cap_process_handle *out)
{
    struct cap_spawn_grant grants[2] = {
        {.name = capnp_text_of("console"), .which = CAP_SPAWN_GRANT_CAPABILITY},
        {.name = capnp_text_of("memory"), .which = CAP_SPAWN_GRANT_OWN}};
    const struct capnp_text args[] = {capnp_text_of("c-runtime"), capnp_text_of(ending->name)};
    struct cap_process_spawner_spawn_results started = {0};
    struct cap_process_spawner_spawn_params params = {
        .name = capnp_text_of(ending->name),
        .binary_name = capnp_text_of("c-runtime"),
        .grants = CAPNP_LIST(grants, ending->memory ? 2 : 1),
        .args = CAPNP_LIST(args, 2),
    };
    grants[0].capability = cap_console_as_any(demo_console);
    grants[1].own = CAP_OWN_OBJECT_VIRTUAL_MEMORY;
    int32_t status = cap_process_spawner_spawn(spawner, &params, &started);
    *out = started.handle;
    return status;
}

static void check_ending(cap_process_spawner spawner, const struct ending *ending)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_process_handle_wait_results ended = {0};
    cap_process_handle child;
    int32_t status = spawn(spawner, ending, &child);
    if (status >= 0)
        status = cap_process_handle_wait(child, &ended, &buffer);
    if (status < 0) {
        demo_expect(CAPOS_OK, status, ending->name);
        return;
    }
    bool right = ended.exit_code == ending->exit_code && ended.crashed == ending->crashes;
    demo_failures += right ? 0 : 1;
    demo_say("%s %s: exit code %lld", right ? "ok" : "FAIL", ending->name, (long long)ended.exit_code);
    (void)cap_release(child);
}

static int run_child(const char *name)
{
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (strcmp(endings[i].name, name) == 0)
            return endings[i].run();
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_child(argv[1]);
    demo_begin("c-runtime");
    cap_process_spawner spawner = capos_need_process_spawner("spawner");
    check_start();
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        check_ending(spawner, &endings[i]);
    return demo_end();
}
