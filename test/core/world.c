/* See world.h. */
#include "world.h"
#include "core/entropy.h"
#include "core/launch.h"
#include "core/panic.h"
#include "core/ring.h"
#include "core/sched.h"
#include "mm/aspace.h"
#include "mm/heap.h"
#include "object/memory_object.h"
#include "object/process_handle.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_RANGES = 16, RELAX_MAX = 1000000 };

struct memory_object {
    struct object object;
    const uint8_t *bytes;
    size_t size_bytes;
};

static struct {
    uint64_t now_ns;
    uint64_t heap_bytes;
    uint64_t objects;
    uint64_t random;
    bool entropy;
    uint32_t ready;
    uint32_t timer_changes;
    uint32_t relaxed;
    uint32_t release_class;
    bool (*on_release)(void);
    struct ledger ledger;
    struct {
        uintptr_t start, end;
        bool writable;
    } ranges[USER_RANGES];
    size_t range_count;
    struct process process;
    struct thread thread;
    struct thread *current;
    bool has_process;
    bool may_switch;
} world;

static _Alignas(4096) uint8_t ring_page[4096];

static const struct object_type test_process_type = {.name = "process"};
bool spinlock_several_cpus = true;

static void make_process(void)
{
    memset(ring_page, 0, sizeof(ring_page));
    world.process.object = (struct object){.type = &test_process_type, .references = 1};
    world.process.ledger = &world.ledger;
    captable_init(&world.process.captable, &world.ledger);
    list_init(&world.process.threads);
    list_init(&world.process.waiters);
    world.thread.process = &world.process;
    world.thread.state = THREAD_RUNNING;
    spinlock_init(&world.thread.lock, LOCK_PENDING);
    pending_init_thread(&world.thread);
    ring_init(&world.thread.ring, ring_page);
    ring_scratch_init();
    world.current = &world.thread;
    world.has_process = true;
}

void world_reset(void)
{
    memset(&world, 0, sizeof(world));
    world.entropy = true;
    for (int i = 0; i < LEDGER_RESOURCES; i++)
        world.ledger.limit[i] = UINT64_MAX / 2;
    make_process();
}

void world_check_empty(void)
{
    pending_discard_all(&world.thread);
    captable_fini(&world.process.captable);
    assert_int_equal(world.heap_bytes, 0);
    assert_int_equal(world.objects, 0);
    assert_int_equal(world.ledger.references, 0);
    assert_int_equal(world.process.object.references, 1);
    for (int i = 0; i < LEDGER_RESOURCES; i++)
        assert_int_equal(world.ledger.used[i], 0);
}

struct ledger *world_ledger(void)
{
    return &world.ledger;
}

struct process *world_process(void)
{
    return &world.process;
}

struct thread *world_thread(void)
{
    return &world.thread;
}

uint32_t world_ready_count(void)
{
    return world.ready;
}

uint32_t world_timer_changes(void)
{
    return world.timer_changes;
}

void world_set_time(uint64_t now_ns)
{
    world.now_ns = now_ns;
    timer_queue_run();
}

void world_set_entropy(bool available)
{
    world.entropy = available;
}

void world_add_user_memory(const void *memory, size_t size_bytes, bool writable)
{
    assert_true(world.range_count < USER_RANGES);
    world.ranges[world.range_count].start = (uintptr_t)memory;
    world.ranges[world.range_count].end = (uintptr_t)memory + size_bytes;
    world.ranges[world.range_count].writable = writable;
    world.range_count++;
}

static bool user_range(uaddr_t address, size_t size_bytes, bool write)
{
    for (size_t i = 0; i < world.range_count; i++) {
        if (address >= world.ranges[i].start && address <= world.ranges[i].end &&
            size_bytes <= world.ranges[i].end - address && (!write || world.ranges[i].writable))
            return true;
    }
    return false;
}

/* ---- The machine. */

uint32_t arch_cpu_number(void)
{
    return 0;
}

uint64_t arch_read_tsc(void)
{
    return world.now_ns;
}

bool arch_random_u64(uint64_t *out)
{
    if (!world.entropy)
        return false;
    world.random = world.random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    *out = world.random;
    return true;
}

/* There is one CPU, and whoever waits for another waits for ever. */
void arch_relax(void)
{
    if (++world.relaxed == RELAX_MAX)
        panic("waits for something that nobody does");
}

uint64_t clock_now_ns(void)
{
    return world.now_ns;
}

bool arch_user_copy_in(void *kernel, uaddr_t user, size_t size_bytes)
{
    if (!user_range(user, size_bytes, false))
        return false;
    memcpy(kernel, (const void *)(uintptr_t)user, size_bytes);
    return true;
}

bool arch_user_copy_out(uaddr_t user, const void *kernel, size_t size_bytes)
{
    if (!user_range(user, size_bytes, true))
        return false;
    memcpy((void *)(uintptr_t)user, kernel, size_bytes);
    return true;
}

bool arch_user_probe_write(uaddr_t user)
{
    return user_range(user, 1, true);
}

void spinlock_init(struct spinlock *lock, enum lock_class class_number)
{
    *lock = (struct spinlock)SPINLOCK_INIT(class_number);
}

void spinlock_acquire(struct spinlock *lock)
{
    assert_int_equal(lock->holder_cpu, 0);
    lock->holder_cpu = 1;
}

void world_on_release(uint32_t lock_class, bool (*run)(void))
{
    world.release_class = lock_class;
    world.on_release = run;
}

void spinlock_release(struct spinlock *lock)
{
    assert_int_equal(lock->holder_cpu, 1);
    lock->holder_cpu = 0;
    bool (*run)(void) = world.on_release;
    if (run == NULL || lock->class_number != world.release_class)
        return;
    world.on_release = NULL; /* not from within itself */
    if (!run())
        world.on_release = run;
}

void spinlock_assert_held(const struct spinlock *lock)
{
    assert_int_equal(lock->holder_cpu, 1);
}

void panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

/* ---- The scheduler. */

void world_set_current(struct thread *thread)
{
    world.current = thread;
}

struct thread *thread_current(void)
{
    return world.current;
}

void sched_make_ready(struct thread *thread)
{
    thread->state = THREAD_READY;
    world.ready++;
}

void arch_preemption_point(void)
{
}

bool sched_may_switch_to(const struct thread *thread)
{
    (void)thread;
    return world.may_switch;
}

void world_let_switch(bool may)
{
    world.may_switch = may;
}

bool sched_has_left_work(void)
{
    return false;
}

void sched_timer_changed(void)
{
    world.timer_changes++;
}

__attribute__((weak)) void thread_wake_locked(struct thread *thread, int64_t value, bool handoff)
{
    (void)handoff;
    spinlock_assert_held(&thread->lock);
    thread->context.frame.rax = (uint64_t)value;
    sched_make_ready(thread);
}

/* Nobody holds a process here. */
const struct object_type process_handle_type = {.name = "ProcessHandle"};

void launch_replacement_begin(struct thread *thread)
{
    (void)thread;
    panic("a program was replaced in a world without programs");
}

__attribute__((weak)) void thread_stop_current(void)
{
    panic("a thread was stopped in a world without ends");
}

/* ---- Memory. */

void *heap_alloc(size_t size_bytes)
{
    void *memory = unit_malloc(size_bytes);
    if (memory == NULL)
        return NULL;
    world.heap_bytes += size_bytes;
    return memset(memory, 0, size_bytes);
}

void heap_free(void *memory, size_t size_bytes)
{
    if (memory == NULL)
        return;
    world.heap_bytes -= size_bytes;
    unit_free(memory);
}

status_t ledger_charge(struct ledger *ledger, enum ledger_resource resource, uint64_t amount)
{
    if (ledger->used[resource] + amount > ledger->limit[resource])
        return resource == LEDGER_CAP_SLOTS ? CAPOS_ERR_NO_SLOTS : CAPOS_ERR_QUOTA;
    ledger->used[resource] += amount;
    return CAPOS_OK;
}

void ledger_refund(struct ledger *ledger, enum ledger_resource resource, uint64_t amount)
{
    assert_true(ledger->used[resource] >= amount);
    ledger->used[resource] -= amount;
}

void ledger_get(struct ledger *ledger)
{
    ledger->references++;
}

void ledger_put(struct ledger *ledger)
{
    assert_true(ledger->references > 0);
    ledger->references--;
}

/* What is weak here a test of the real thing brings: entropy.c, thread.c and its rings' memory. */
__attribute__((weak)) uint64_t entropy_random_u64(void)
{
    uint64_t value = 0;
    return arch_random_u64(&value) ? value : 1;
}

enum aspace_copied aspace_copy_from_current(struct aspace *to, uaddr_t to_address, uaddr_t from,
                                            size_t size_bytes)
{
    (void)to;
    if (!user_range(from, size_bytes, false))
        return ASPACE_COPY_CURRENT_BAD;
    return arch_user_copy_out(to_address, (const void *)(uintptr_t)from, size_bytes) ? ASPACE_COPIED
                                                                                     : ASPACE_COPY_OTHER_BAD;
}

enum aspace_copied aspace_copy_to_current(struct aspace *from, uaddr_t from_address, uaddr_t to,
                                          size_t size_bytes)
{
    (void)from;
    if (!user_range(from_address, size_bytes, false))
        return ASPACE_COPY_OTHER_BAD;
    return arch_user_copy_out(to, (const void *)(uintptr_t)from_address, size_bytes)
               ? ASPACE_COPIED
               : ASPACE_COPY_CURRENT_BAD;
}

status_t aspace_read(struct aspace *aspace, uaddr_t address, void *out, size_t size_bytes)
{
    (void)aspace;
    return arch_user_copy_in(out, address, size_bytes) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

status_t aspace_write(struct aspace *aspace, uaddr_t address, const void *bytes, size_t size_bytes)
{
    (void)aspace;
    return arch_user_copy_out(address, bytes, size_bytes) ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

/* All processes of these tests see the same memory, so one address space stands for any. */
struct aspace {
    struct aspace_front front;
};

struct aspace *world_aspace(void)
{
    static struct aspace aspace;
    if (aspace.front.generation == 0) {
        spinlock_init(&aspace.front.lock, LOCK_ASPACE);
        aspace.front.generation = 1;
    }
    return &aspace;
}

void *aspace_page_locked(struct aspace *aspace, uaddr_t address)
{
    (void)aspace;
    return user_range(address, 1, true) ? (void *)(uintptr_t)align_down(address, CAPOS_PAGE_SIZE) : NULL;
}

bool arch_user_try_copy_in(void *kernel, uaddr_t user, size_t size_bytes)
{
    return arch_user_copy_in(kernel, user, size_bytes);
}

/* No call of these tests maps memory. */
status_t mapping_token_create(struct ledger *ledger, struct object *owner, struct mapping_token **out)
{
    (void)ledger;
    (void)owner;
    (void)out;
    abort();
}

void mapping_token_put(struct mapping_token *token)
{
    (void)token;
    abort();
}

void mapping_token_revoke(struct mapping_token *token)
{
    (void)token;
    abort();
}

struct memory_object *world_memory(const void *bytes, size_t size_bytes)
{
    static struct memory_object memory;
    memory = (struct memory_object){.bytes = bytes, .size_bytes = size_bytes};
    return &memory;
}

status_t memory_object_read(struct memory_object *object, uint64_t offset, void *out, size_t size_bytes)
{
    if (offset > object->size_bytes || size_bytes > object->size_bytes - offset)
        return CAPOS_ERR_BAD_ADDRESS;
    memcpy(out, object->bytes + offset, size_bytes);
    return CAPOS_OK;
}

/* The one memory object, wherever it would be mapped: user memory that begins with its bytes. */
static struct memory_object *mapped_memory;

void world_map_memory(struct memory_object *memory)
{
    mapped_memory = memory;
}

__attribute__((weak)) struct object *memory_object_as_object(struct memory_object *object)
{
    return &object->object;
}

__attribute__((weak)) status_t memory_object_frame(struct memory_object *object, uint64_t page_index,
                                                   paddr_t *out)
{
    *out = (paddr_t){(uintptr_t)object->bytes + page_index * PAGE_SIZE};
    return page_index * PAGE_SIZE < object->size_bytes ? CAPOS_OK : CAPOS_ERR_BAD_ADDRESS;
}

void *direct_map(paddr_t address)
{
    return (void *)(uintptr_t)address.raw;
}

status_t aspace_object_at(struct aspace *aspace, uaddr_t address, struct memory_object **object,
                          uint64_t *offset_bytes)
{
    (void)aspace;
    if (mapped_memory == NULL || address - (uintptr_t)mapped_memory->bytes >= mapped_memory->size_bytes)
        return CAPOS_ERR_BAD_ADDRESS;
    *object = mapped_memory;
    object_get(&mapped_memory->object);
    *offset_bytes = address - (uintptr_t)mapped_memory->bytes;
    return CAPOS_OK;
}

/* ---- Objects. */

void object_init(struct object *object, const struct object_type *type)
{
    *object = (struct object){.type = type, .references = 1};
    world.objects++;
}

void object_destroy(struct object *object)
{
    world.objects--;
    object->type->destroy(object);
}

void object_retire(struct object *object)
{
    assert_int_equal(object->references, 1);
    object->references = 0;
    world.objects--;
}

uint64_t object_live_count(void)
{
    return (uint64_t)world.objects;
}

static void world_object_destroy(struct object *object)
{
    free(container_of(object, struct world_object, object));
}

struct world_object *world_object(uint64_t interface_id,
                                  int32_t (*dispatch)(const void *, void *, uint16_t, struct cap_call *))
{
    struct world_object *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    made->type = (struct object_type){
        .name = "test", .interface_id = interface_id, .dispatch = dispatch, .destroy = world_object_destroy};
    made->object = (struct object){.type = &made->type, .references = 1};
    world.objects++;
    return made;
}

/* ---- Parking, which has tests of its own. */
