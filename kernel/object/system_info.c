/*
 * SystemInfo: the machine's figures, for monitors, for `ps`, and for tests that look for leaks.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "core/call.h"
#include "core/process.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "mm/ledger.h"
#include "object/kernel_caps.h"
#include <base/string.h>
#include <capos/manifest.h>
#include <capos/system_server.h>

static uint32_t total_threads(void)
{
    uint32_t total = 0;
    uint64_t id = 1;
    struct process *process;
    while ((process = process_find_from(id)) != NULL) {
        total += process->thread_count;
        id = process->id + 1;
        object_put(&process->object);
    }
    return total;
}

static int32_t stats(void *self, struct cap_call *call, struct cap_system_info_stats_results *results)
{
    (void)self;
    (void)call;
    results->has_memory = true;
    results->memory = (struct cap_memory_stats){
        .frames_total = frame_total_count(),
        .frames_free = frame_free_count(),
        .heap_bytes = heap_used_bytes(),
    };
    results->processes = process_count();
    results->threads = total_threads();
    results->objects = object_live_count();
    results->cpus = arch_cpu_count();
    results->uptime_ns = clock_now_ns();
    return CAPOS_OK;
}

static int32_t counters(void *self, struct cap_call *call, struct cap_system_info_counters_results *results)
{
    struct cpu_counters now;
    (void)self;
    (void)call;
    arch_counters_read(&now);
    results->kernel_entries = now.kernel_entries;
    results->cr3_writes = now.cr3_writes;
    results->page_faults = now.page_faults;
    results->context_switches = now.context_switches;
    return CAPOS_OK;
}

/* A process' parts, referenced while it was seen to run: it may end at any moment. */
struct seen {
    struct ledger *ledger;
    struct aspace *aspace;
    uint32_t threads;
};

/* False: it has ended, or is about to. */
static bool look_at(struct process *process, struct seen *out)
{
    spinlock_acquire(&process->lock);
    bool runs = process->state == PROCESS_RUNNING && process->ledger != NULL && process->aspace != NULL;
    if (runs) {
        *out = (struct seen){process->ledger, process->aspace, process->thread_count};
        ledger_get(out->ledger);
        aspace_get(out->aspace);
    }
    spinlock_release(&process->lock);
    return runs;
}

static void look_away(const struct seen *seen)
{
    aspace_put(seen->aspace);
    ledger_put(seen->ledger);
}

/* Page tables, heap (threads, tables, records), the process itself, and each thread's ring. */
static uint64_t kernel_bytes(const struct seen *seen)
{
    struct aspace_stats space;
    aspace_stats(seen->aspace, &space);
    return space.table_frames * PAGE_SIZE + ledger_used(seen->ledger, LEDGER_HEAP_BYTES) +
           sizeof(struct process) + seen->threads * PAGE_SIZE;
}

static uint32_t used32(const struct seen *seen, enum ledger_resource resource)
{
    return (uint32_t)ledger_used(seen->ledger, resource);
}

/* The root's limits are beyond 32 bits. */
static uint32_t limit32(const struct seen *seen, enum ledger_resource resource)
{
    uint64_t limit = ledger_limit(seen->ledger, resource);
    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

static void encode_process(struct process *process, const struct seen *seen, struct cap_process_stats *out)
{
    *out = (struct cap_process_stats){
        .process_id = process->id,
        .threads = seen->threads,
        .cap_slots_used = used32(seen, LEDGER_CAP_SLOTS),
        .cap_slots_limit = limit32(seen, LEDGER_CAP_SLOTS),
        .frames_used = ledger_used(seen->ledger, LEDGER_FRAMES),
        .frames_limit = ledger_limit(seen->ledger, LEDGER_FRAMES),
        .cpu_ns = process_cpu_ns(process),
        .kernel_bytes = kernel_bytes(seen),
        .threads_used = used32(seen, LEDGER_THREADS),
        .threads_limit = limit32(seen, LEDGER_THREADS),
        .calls_used = used32(seen, LEDGER_CALLS),
        .calls_limit = limit32(seen, LEDGER_CALLS),
        .reserved_pages_used = ledger_used(seen->ledger, LEDGER_RESERVED_PAGES),
        .reserved_pages_limit = ledger_limit(seen->ledger, LEDGER_RESERVED_PAGES),
        .heap_bytes_used = ledger_used(seen->ledger, LEDGER_HEAP_BYTES),
        .heap_bytes_limit = ledger_limit(seen->ledger, LEDGER_HEAP_BYTES),
    };
}

/* The process with the smallest id from `id` on that can still be looked at; null: none. */
static struct process *find_seen(uint64_t id, struct seen *out)
{
    struct process *process;
    while ((process = process_find_from(id)) != NULL && !look_at(process, out)) {
        id = process->id + 1;
        object_put(&process->object);
    }
    return process;
}

static uint64_t next_id(uint64_t after)
{
    struct process *next = process_find_from(after + 1);
    if (next == NULL)
        return 0;
    uint64_t id = next->id;
    object_put(&next->object);
    return id;
}

static int32_t process_stats(void *self, struct cap_call *call,
                             const struct cap_system_info_process_params *params,
                             struct cap_system_info_process_results *results)
{
    static PERCPU char name_of_cpu[CAPOS_PROCESS_NAME_MAX + 1];
    char *name = *percpu_this(name_of_cpu);
    (void)self;
    struct seen seen;
    struct process *process = find_seen(params->process_id, &seen);
    if (process == NULL)
        return cap_call_fail(call, CAPOS_EXCEPTION_FAILED, "no process has that id or a greater one");
    results->has_stats = true;
    encode_process(process, &seen, &results->stats);
    look_away(&seen);
    memcpy(name, process->name, sizeof(process->name)); /* the name must outlive our reference */
    results->stats.name = (struct capnp_text){name, strlen(name)};
    results->next_process_id = next_id(process->id);
    object_put(&process->object);
    return CAPOS_OK;
}

static int32_t version(void *self, struct cap_call *call, struct cap_system_info_version_results *results)
{
    static const char kernel[] = "capOS in C 0.1";
    (void)self;
    (void)call;
    results->kernel = (struct capnp_text){kernel, sizeof(kernel) - 1};
    results->schema_version = CAP_CURRENT_SCHEMA_VERSION;
    return CAPOS_OK;
}

static const struct cap_system_info_server server = {
    .stats = stats,
    .counters = counters,
    .process = process_stats,
    .version = version,
};
KERNEL_DISPATCH(dispatch, cap_system_info_dispatch)

static const struct object_type system_info_type = {
    .name = "SystemInfo",
    .interface_id = CAP_SYSTEM_INFO_INTERFACE_ID,
    .dispatch = dispatch,
    .server = &server,
};
KERNEL_CAP(CAP_KERNEL_CAP_SYSTEM_INFO, system_info_type);
