#include "guest.h"
#include <capos/call.h>
#include <capos/capos.h>
#include <capos/clock.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <string.h>

enum { QUICK_COUNT = 32, PROFILE_WARM_UP = 16 };

struct guest guest;
static bool quick;
static const char *profile_key; /* null: measure */

void guest_value(const char *key, uint64_t value)
{
    (void)capos_printf(guest.console, "bench %s %llu - -\n", key, (unsigned long long)value);
}

void guest_require(int32_t result, const char *what)
{
    if (result >= 0)
        return;
    (void)capos_printf(guest.console, "bench-error %s: %s: %s\n", what, capos_error_name(result),
                       cap_why(result));
    capos_sys_exit(1);
}

static void sample(struct measure_counters *out)
{
    struct cap_system_info_counters_results counters;
    guest_require(cap_system_info_counters(guest.system, &counters), "SystemInfo.counters");
    out->kernel_entries = counters.kernel_entries;
    out->cr3_writes = counters.cr3_writes;
}

__attribute__((noinline)) void guest_profile_begin(void)
{
    __asm__ volatile("");
}

__attribute__((noinline)) void guest_profile_end(void)
{
    __asm__ volatile("");
}

static void profile_stretch(const struct measure_task *task, uint32_t count)
{
    if (task->begin != NULL)
        task->begin(task->context, count);
    guest_profile_begin();
    task->run(task->context, count);
    guest_profile_end();
    if (task->end != NULL)
        task->end(task->context, count);
}

static _Noreturn void profile(const struct measure_task *task, uint32_t count)
{
    for (int i = 0; i < PROFILE_WARM_UP; i++)
        profile_stretch(task, count);
    (void)capos_printf(guest.console, "bench-profile %u\n", count);
    for (;;)
        profile_stretch(task, count);
}

void guest_row(const struct measure_task *task, uint32_t profile_count)
{
    struct measure_result result;
    struct measure_task measured = *task;
    if (profile_key != NULL) {
        if (strcmp(profile_key, task->key) == 0)
            profile(task, profile_count);
        return;
    }
    if (quick && measured.count > QUICK_COUNT)
        measured.count = QUICK_COUNT;
    measure(&measured, sample, &result);
    (void)capos_printf(guest.console, "bench %s %llu %llu.%02llu %llu.%02llu\n", task->key,
                       (unsigned long long)result.ticks,
                       (unsigned long long)result.kernel_entries_hundredths / 100,
                       (unsigned long long)result.kernel_entries_hundredths % 100,
                       (unsigned long long)result.cr3_writes_hundredths / 100,
                       (unsigned long long)result.cr3_writes_hundredths % 100);
}

static void find_grants(void)
{
    guest.console = capos_need_console("console");
    guest.ipc = capos_need_ipc_factory("ipc");
    guest.null = capos_need_null_cap("null");
    guest.spawner = capos_need_process_spawner("spawner");
    guest.policy = capos_need_scheduling_policy("policy");
    guest.system = capos_need_system_info("system");
    guest.timer = capos_need_timer("timer");
    guest.memory = capos_need_virtual_memory("memory");
    guest.ring = capos_ring();
}

/* Of the table's first 16 slots, which the kernel finds faster, the rows' capabilities need the others. */
static void rows_counted(void)
{
    guest_require(cap_release(guest.policy), "release");
    rows_kernel();
    rows_memory();
    rows_rpc();
    rows_wait();
    rows_file();
    rows_process();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return rpc_serve(argc > 2 ? argv[2] : NULL);
    find_grants();
    uint64_t own_ns =
        capos_clock_ns(guest.timer); /* counts from the kernel's entry; the call also allows RDTSC */
    uint64_t booted = measure_tsc();
    quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    if (argc > 2 && strcmp(argv[1], "profile") == 0)
        profile_key = argv[2];
    if (argc > 2 && strcmp(argv[1], "scale") == 0) {
        rows_scale(strcmp(argv[2], "quick") == 0);
    } else {
        guest_value("boot_total_insn", booted);
        guest_value("boot_own_insn",
                    own_ns); /* one instruction takes one ns where instructions are counted */
        rows_counted();
    }
    if (profile_key != NULL)
        (void)capos_printf(guest.console, "bench-error profile: there is no row %s\n", profile_key);
    else
        (void)capos_printf(guest.console, "bench-done\n");
    return profile_key != NULL;
}
