/*
 * Crashes: each kind in a process of its own, started here through a ProcessSpawner. Each must end that
 * process and no other, with a record that says what happened; and all of them together must leave nothing
 * behind in the kernel.
 */
#include "check.h"
#include "crash.h"
#include <string.h>

enum {
    ANSWER_WORDS = 512,
    STACK_FAULT = 12,
    GENERAL_PROTECTION = 13,
    PAGE_FAULT = 14,
    SETTLE_TRIES_MAX = 100000
};

static cap_process_spawner spawner;

static int32_t spawn(const char *kind, cap_process_handle *out)
{
    const struct capnp_text args[] = {capnp_text_of("c-crash"), capnp_text_of(kind)};
    struct cap_process_spawner_spawn_results started = {0};
    struct cap_process_spawner_spawn_params params = {
        .name = capnp_text_of(kind),
        .binary_name = capnp_text_of("c-crash"),
        .args = CAPNP_LIST(args, 2),
    };
    int32_t status = cap_process_spawner_spawn(spawner, &params, &started);
    *out = started.handle;
    return status;
}

/* A stack access at a non-canonical address is a stack fault on hardware and a general protection fault under
 * TCG. */
static bool vector_is_right(const struct crash_kind *kind, uint8_t vector)
{
    return vector == kind->vector || (kind->vector == STACK_FAULT && vector == GENERAL_PROTECTION);
}

static bool record_is_right(const struct crash_kind *kind,
                            const struct cap_process_handle_wait_results *ended)
{
    const struct cap_crash_record *crash = &ended->crash;
    uint64_t innermost = 0;
    bool right = ended->crashed && ended->has_crash && ended->exit_code == 128 + crash->vector &&
                 vector_is_right(kind, crash->vector) && crash->reason.len > 0 &&
                 crash->registers.count == 16 && crash->backtrace.count > 0;
    right = right && capnp_list_get_u64(&crash->backtrace, 0, &innermost) >= 0 &&
            innermost == crash->instruction_pointer;
    if (kind->vector == PAGE_FAULT) {
        right = right && crash->error_code == kind->error_code;
        right = right && (kind->fault_address == ANY_ADDRESS || crash->fault_address == kind->fault_address);
    }
    return right;
}

static void check_kind(const struct crash_kind *kind)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_process_handle_wait_results ended = {0};
    cap_process_handle child;
    int32_t status = spawn(kind->name, &child);
    if (status >= 0)
        status = cap_process_handle_wait(child, &ended, &buffer);
    if (status < 0) {
        demo_expect(CAPOS_OK, status, kind->name);
        return;
    }
    bool right = record_is_right(kind, &ended);
    demo_failures += right ? 0 : 1;
    demo_say("%s %s: exit code %lld, vector %u, error %llx, \"%.*s\"", right ? "ok" : "FAIL", kind->name,
             (long long)ended.exit_code, ended.crash.vector, (unsigned long long)ended.crash.error_code,
             (int)ended.crash.reason.len, ended.crash.reason.bytes);
    (void)cap_release(child);
}

struct usage {
    uint64_t frames;
    uint64_t objects;
    uint64_t heap_bytes;
};

static struct usage kernel_usage(cap_system_info info)
{
    static uint64_t answer[ANSWER_WORDS];
    struct cap_buffer buffer = {answer, sizeof answer};
    struct cap_system_info_stats_results stats = {0};
    if (cap_system_info_stats(info, &stats, &buffer) < 0)
        demo_check(false, "SystemInfo.stats");
    return (struct usage){stats.memory.frames_free, stats.objects, stats.memory.heap_bytes};
}

static bool used_no_more(const struct usage *now, const struct usage *before)
{
    return now->frames >= before->frames && now->objects <= before->objects &&
           now->heap_bytes <= before->heap_bytes;
}

/* With several processors the one that a process ended on may still be giving back the last of its kernel
 * objects when who waited for it runs again: so `before` may hold a little too much, too. */
static struct usage settled_usage(cap_system_info info, const struct usage *before)
{
    struct usage usage = kernel_usage(info);
    for (int tries = 0; tries < SETTLE_TRIES_MAX && !used_no_more(&usage, before); tries++)
        usage = kernel_usage(info);
    return usage;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return crash_as(argv[1]);
    demo_begin("c-crash");
    spawner = capos_need_process_spawner("spawner");
    cap_system_info info = capos_need_system_info("info");
    check_kind(&crash_kinds[0]); /* whatever the kernel keeps from a first time, it has now */
    struct usage before = kernel_usage(info);
    for (size_t i = 0; i < crash_kind_count; i++)
        check_kind(&crash_kinds[i]);
    struct usage after = settled_usage(info, &before);
    demo_check(after.frames >= before.frames, "every frame came back");
    demo_check(after.objects <= before.objects, "every object is gone");
    demo_check(after.heap_bytes <= before.heap_bytes, "the kernel's heap is as it was");
    return demo_end();
}
