/*
 * What a new process' memory looks like. One "home", placed at random, keeps the small things and (for a
 * position-independent program) the image close together, so that a tiny process needs few page tables:
 *
 *   guard | stack (grows on touch) | TLS and TCB | ring | CapSet | gap | image | gap | heap
 *
 * The home's place and the gaps are random. Any failure abandons the whole process: nothing here is undone
 * step by step.
 */
#include "core/launch.h"
#include "arch/arch.h"
#include "arch/percpu.h"
#include "core/capset.h"
#include "core/entropy.h"
#include "core/process.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "object/kernel_caps.h"
#include "object/memory_object.h"
#include <base/string.h>

enum {
    HOME_TRIES = 8,
    HOME_OFFSET_PAGES_LOG2 = 7,
    GAP_PAGES_LOG2 = 6,
    TCB_BYTES = 256,
    TCB_CANARY_OFFSET = 0x28
};
#define HOME_LOWEST  UINT64_C(0x0000000100000000)
#define HOME_HIGHEST UINT64_C(0x00007f0000000000)

/* In a reserved slot of the process' table. */
struct held_capability {
    uint32_t id;
    struct capability capability; /* referenced */
};

struct loading {
    const struct launch *launch;
    struct process *process;
    struct aspace *aspace; /* the new one; until process_set_program it is ours */
    struct elf elf;
    struct capset_layout capset;
    uaddr_t stack_low, stack_high;
    uaddr_t thread_pointer;
    uaddr_t ring;
    uaddr_t capset_address;
    uaddr_t image; /* where elf.low goes */
    uint64_t base; /* added to file addresses */
    struct held_capability held[LAUNCH_GRANTS_MAX];
    size_t held_count;
};

static uint64_t tls_align(const struct elf *elf)
{
    return elf->tls_align < 64 ? 64 : elf->tls_align;
}

/* The distance of the TLS block's start below the thread pointer, which linkers compute the same way: the
 * block's end is as near as its alignment allows (ELF Handling For Thread-Local Storage, section 3, variant
 * II). */
static uint64_t tls_offset(const struct elf *elf)
{
    if (elf->tls_memory_bytes == 0)
        return 0;
    return elf->tls_memory_bytes + (-(elf->tls_address + elf->tls_memory_bytes) & (elf->tls_align - 1));
}

static uint64_t tls_region_bytes(const struct elf *elf)
{
    return align_up(align_up(tls_offset(elf), tls_align(elf)) + TCB_BYTES, PAGE_SIZE);
}

/* Sets all addresses for a home; returns the end of what must be free there. */
static uaddr_t plan_home(struct loading *loading, uaddr_t home, uint64_t gap_pages)
{
    const struct elf *elf = &loading->elf;
    loading->stack_low = home + PAGE_SIZE;
    loading->stack_high = loading->stack_low + LAUNCH_STACK_BYTES;
    loading->thread_pointer = loading->stack_high + align_up(tls_offset(elf), tls_align(elf));
    loading->ring = loading->stack_high + tls_region_bytes(elf);
    loading->capset_address = loading->ring + PAGE_SIZE;
    uaddr_t end = loading->capset_address + align_up(loading->capset.total_bytes, PAGE_SIZE);
    if (!elf->position_independent) {
        loading->image = elf->low;
        loading->base = 0;
        return end;
    }
    loading->image = align_up(end + gap_pages * PAGE_SIZE, elf->align) + elf->low % elf->align;
    loading->base = loading->image - elf->low;
    return loading->image + (elf->high - elf->low);
}

static bool overlaps_fixed_image(const struct loading *loading, uaddr_t home, uaddr_t end)
{
    const struct elf *elf = &loading->elf;
    return !elf->position_independent && home < elf->high && elf->low < end;
}

/* The next `bits` of *random. */
static uint64_t take_bits(uint64_t *random, unsigned bits)
{
    uint64_t taken = *random & ((UINT64_C(1) << bits) - 1);
    *random >>= bits;
    return taken;
}

/* The offset and the gaps are small enough that a small program's home still lies in one page table. */
static status_t choose_home(struct loading *loading)
{
    const uint64_t span = (HOME_HIGHEST - HOME_LOWEST) / LARGE_PAGE_SIZE;
    for (int i = 0; i < HOME_TRIES; i++) {
        uint64_t random = entropy_random_u64();
        uint64_t offset_pages = take_bits(&random, HOME_OFFSET_PAGES_LOG2);
        uint64_t image_gap_pages = take_bits(&random, GAP_PAGES_LOG2);
        uint64_t heap_gap_pages = take_bits(&random, GAP_PAGES_LOG2);
        uaddr_t home = HOME_LOWEST + random % span * LARGE_PAGE_SIZE + offset_pages * PAGE_SIZE;
        uaddr_t end = plan_home(loading, home, image_gap_pages);
        if (end <= home || end > CAPOS_USER_MAX || overlaps_fixed_image(loading, home, end))
            continue;
        aspace_choose_near(loading->aspace, end + heap_gap_pages * PAGE_SIZE);
        return CAPOS_OK;
    }
    return CAPOS_ERR_NO_MEMORY;
}

/* Bytes of the program file into the process' memory. */
static status_t copy_from_image(struct loading *loading, uaddr_t to, uint64_t offset, uint64_t size_bytes)
{
    static PERCPU uint8_t bounce[CAPOS_PAGE_SIZE];
    uint8_t *buffer = *percpu_this(bounce);
    for (uint64_t done = 0; done < size_bytes;) {
        uint64_t left = size_bytes - done;
        size_t now = (size_t)(left < PAGE_SIZE ? left : PAGE_SIZE);
        status_t status = image_read(&loading->launch->image, offset + done, buffer, now);
        if (status == CAPOS_OK)
            status = aspace_write(loading->aspace, to + done, buffer, now);
        if (status < 0)
            return status;
        done += now;
    }
    return CAPOS_OK;
}

static status_t load_segment(struct loading *loading, const struct elf_segment *segment)
{
    struct aspace *aspace = loading->aspace;
    uaddr_t address = loading->base + segment->address;
    uaddr_t low = align_down(address, PAGE_SIZE);
    uint64_t bytes = align_up(address + segment->memory_bytes, PAGE_SIZE) - low;
    uaddr_t mapped;
    status_t status = aspace_map(aspace, low, bytes, PROT_READ | PROT_WRITE, &mapped);
    if (status == CAPOS_OK)
        status = copy_from_image(loading, address, segment->file_offset, segment->file_bytes);
    if (status == CAPOS_OK && segment->prot != (PROT_READ | PROT_WRITE))
        status = aspace_protect(aspace, low, bytes, segment->prot);
    return status;
}

static status_t load_image(struct loading *loading)
{
    for (size_t i = 0; i < loading->elf.segment_count; i++) {
        status_t status = load_segment(loading, &loading->elf.segments[i]);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

static uint64_t tls_file_offset(const struct elf *elf)
{
    for (size_t i = 0; i < elf->segment_count; i++) {
        const struct elf_segment *segment = &elf->segments[i];
        if (elf->tls_address >= segment->address &&
            elf->tls_address - segment->address <= segment->file_bytes)
            return segment->file_offset + (elf->tls_address - segment->address);
    }
    return 0;
}

/* The first thread's TLS block and control block (System V ABI, TLS variant II). */
static status_t load_tls(struct loading *loading)
{
    const struct elf *elf = &loading->elf;
    struct aspace *aspace = loading->aspace;
    uaddr_t tp = loading->thread_pointer;
    uaddr_t mapped;
    status_t status =
        aspace_map(aspace, loading->stack_high, tls_region_bytes(elf), PROT_READ | PROT_WRITE, &mapped);
    if (status == CAPOS_OK && elf->tls_file_bytes != 0)
        status = copy_from_image(loading, tp - tls_offset(elf), tls_file_offset(elf), elf->tls_file_bytes);
    if (status == CAPOS_OK)
        status = aspace_write(aspace, tp, &tp, sizeof(tp));
    uint64_t canary =
        entropy_random_u64() & ~UINT64_C(0xff); /* a zero byte stops string overruns from copying it */
    if (status == CAPOS_OK)
        status = aspace_write(aspace, tp + TCB_CANARY_OFFSET, &canary, sizeof(canary));
    return status;
}

static status_t map_stack(struct loading *loading)
{
    uaddr_t mapped;
    return aspace_map_growable(loading->aspace, loading->stack_low, LAUNCH_STACK_BYTES,
                               PROT_READ | PROT_WRITE, &mapped);
}

static status_t own_capability(struct process *process, const struct own_object *own, struct capability *out)
{
    struct object *object;
    status_t status = own->create(process, &object);
    if (status == CAPOS_OK)
        *out = (struct capability){object, object->type};
    return status;
}

static status_t hold_capability(struct loading *loading, const struct launch_grant *grant)
{
    struct captable *table = &loading->process->captable;
    struct capability capability = grant->capability;
    uint32_t id;
    status_t status = captable_reserve(table, &id);
    if (status < 0)
        return status;
    if (grant->own == NULL)
        object_get(capability.object);
    else
        status = own_capability(loading->process, grant->own, &capability);
    if (status < 0) {
        captable_cancel(table, id);
        return status;
    }
    loading->held[loading->held_count++] = (struct held_capability){id, capability};
    bool expected = grant->interface_id == 0 || grant->interface_id == capability.type->interface_id;
    return expected ? CAPOS_OK : CAPOS_ERR_WRONG_INTERFACE;
}

static status_t hold_capabilities(struct loading *loading)
{
    for (size_t i = 0; i < loading->launch->grant_count; i++) {
        status_t status = hold_capability(loading, &loading->launch->grants[i]);
        if (status < 0)
            return status;
    }
    return CAPOS_OK;
}

static void publish_capabilities(struct loading *loading, enum cap_origin origin)
{
    for (size_t i = 0; i < loading->held_count; i++)
        captable_publish(&loading->process->captable, loading->held[i].id, loading->held[i].capability,
                         origin);
    loading->held_count = 0;
}

static void drop_capabilities(struct loading *loading)
{
    for (size_t i = 0; i < loading->held_count; i++) {
        captable_cancel(&loading->process->captable, loading->held[i].id);
        object_put(loading->held[i].capability.object);
    }
    loading->held_count = 0;
}

static status_t write_capset(struct loading *loading)
{
    struct capos_capset_header header = {
        .stack_low = loading->stack_low,
        .stack_high = loading->stack_high,
        .image_base = loading->base,
        .tls_image = loading->elf.tls_memory_bytes == 0 ? 0 : loading->base + loading->elf.tls_address,
        .tls_file_bytes = loading->elf.tls_file_bytes,
        .tls_size_bytes = loading->elf.tls_memory_bytes,
        .tls_align = loading->elf.tls_align,
    };
    uint64_t bytes = loading->capset.total_bytes;
    uint32_t cap_ids[LAUNCH_GRANTS_MAX];
    uint64_t interface_ids[LAUNCH_GRANTS_MAX];
    uaddr_t mapped;
    for (size_t i = 0; i < loading->held_count; i++) {
        cap_ids[i] = loading->held[i].id;
        interface_ids[i] = loading->held[i].capability.type->interface_id;
    }
    status_t status =
        aspace_map(loading->aspace, loading->capset_address, bytes, PROT_READ | PROT_WRITE, &mapped);
    if (status == CAPOS_OK)
        status = capset_write(loading->aspace, loading->capset_address, loading->launch, &loading->capset,
                              &header, cap_ids, interface_ids);
    if (status == CAPOS_OK)
        status = aspace_protect(loading->aspace, loading->capset_address, bytes, PROT_READ);
    return status;
}

static status_t plan(const struct launch *launch, struct loading *loading, const char **why)
{
    loading->launch = launch;
    loading->held_count = 0;
    loading->aspace = NULL;
    status_t status = elf_parse(&launch->image, &loading->elf, why);
    return status < 0 ? status : capset_plan(launch, &loading->capset, why);
}

static void unload(struct loading *loading)
{
    drop_capabilities(loading);
    if (loading->aspace != NULL)
        aspace_release(loading->aspace);
    loading->aspace = NULL;
}

/* The new address space and the capabilities, for loading->process, which does not notice. unload is due,
 * also after a failure. */
static status_t load(struct loading *loading)
{
    status_t (*const steps[])(struct loading *) = {choose_home, map_stack,         load_tls,
                                                   load_image,  hold_capabilities, write_capset};
    status_t status = aspace_create(loading->process->ledger, &loading->aspace);
    for (size_t i = 0; i < array_count(steps) && status == CAPOS_OK; i++)
        status = steps[i](loading);
    return status;
}

/* The process takes over what was loaded. */
static void settle(struct loading *loading, const struct image *image, struct capnp_text name)
{
    const struct process_program program = {
        .aspace = loading->aspace,
        .image = *image,
        .image_base = loading->base,
        .capset_address = loading->capset_address,
        .name = name.bytes,
        .name_len = name.len,
    };
    process_set_program(loading->process, &program);
    loading->aspace = NULL;
}

static void init_context(const struct loading *loading, struct thread *thread)
{
    arch_context_init(&thread->context, loading->base + loading->elf.entry, loading->stack_high,
                      thread->ring_address, loading->process->id, loading->capset_address,
                      loading->thread_pointer);
}

/* ---- A new process. */

status_t launch_process(const struct launch *launch, struct process **out, const char **why)
{
    struct loading loading;
    struct thread *first;
    status_t status = plan(launch, &loading, why);
    if (status == CAPOS_OK)
        status = process_create(launch->name.bytes, launch->name.len, launch->parent, launch->limits,
                                &loading.process);
    if (status < 0)
        return status;
    status = load(&loading);
    if (status == CAPOS_OK) {
        settle(&loading, &launch->image, launch->name);
        status = thread_create(loading.process, loading.ring, &first);
    }
    if (status < 0) {
        unload(&loading);
        process_abandon(loading.process);
        return status;
    }
    publish_capabilities(&loading, launch->by == LAUNCH_BY_KERNEL ? CAP_FROM_KERNEL : CAP_FROM_SPAWN);
    init_context(&loading, first);
    process_start(loading.process, first, launch->paused);
    *out = loading.process;
    return CAPOS_OK;
}

/* ---- A new program in the calling process. Prepared within the call, carried out when the ring has brought
 * the call to its end: both on the same CPU, without anything of user space in between. */

struct replacement {
    struct loading loading;
    struct ring_memory ring;
    struct image image; /* referenced */
    char name[CAPOS_PROCESS_NAME_MAX];
    size_t name_len;
};
static PERCPU struct replacement replacement_here;

static status_t prepare(struct replacement *replacement, const struct launch *launch, const char **why)
{
    struct loading *loading = &replacement->loading;
    status_t status = plan(launch, loading, why);
    if (status == CAPOS_OK)
        status = load(loading);
    if (status == CAPOS_OK)
        status =
            ring_memory_map(loading->process->ledger, loading->aspace, loading->ring, &replacement->ring);
    if (status < 0)
        return status;
    status = process_stop_others(loading->process); /* the last that can fail: then this one dies as well */
    if (status < 0)
        object_put(memory_object_as_object(replacement->ring.object));
    return status;
}

status_t launch_replacement(const struct launch *launch, struct thread *thread, const char **why)
{
    struct replacement *replacement = percpu_this(replacement_here);
    replacement->loading.process = thread->process;
    status_t status = prepare(replacement, launch, why);
    if (status < 0) {
        unload(&replacement->loading);
        return status;
    }
    replacement->image = launch->image;
    object_get(memory_object_as_object(launch->image.memory));
    memcpy(replacement->name, launch->name.bytes, launch->name.len);
    replacement->name_len = launch->name.len;
    thread->replacing = true;
    return CAPOS_OK;
}

void launch_replacement_begin(struct thread *thread)
{
    struct replacement *replacement = percpu_this(replacement_here);
    struct loading *loading = &replacement->loading;
    struct process *process = thread->process;
    struct aspace *aspace = loading->aspace;
    thread->replacing = false;
    pending_discard_all(thread);
    thread_free_spares(process);
    captable_clear(&process->captable);
    publish_capabilities(loading, CAP_FROM_SPAWN);
    settle(loading, &replacement->image, (struct capnp_text){replacement->name, replacement->name_len});
    object_put(memory_object_as_object(replacement->image.memory));
    thread_replace_ring(thread, &replacement->ring);
    thread->interrupted = false;
    init_context(loading, thread);
    thread->context.tsc_allowed = false;
    arch_context_switch(NULL, &thread->context, aspace_page_table(aspace), aspace_resident_cpus(aspace));
    sched_resume();
}
