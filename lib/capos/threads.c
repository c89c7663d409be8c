/*
 * Threads (<capos/threads.h>): one mapping each, which holds all that user space keeps of it.
 *
 *   guard page | stack (grows down) | thread-local storage | TCB | struct block
 *
 * A block is in the registry from creation until somebody joins it (JOINABLE, JOINING) or it is detached;
 * then in the list of detached ones until it is seen to have ended; then, if it is of the usual size, in the
 * cache, where the next thread finds it. `registry.lock` is never held over a call.
 */
#include <capos/threads.h>
#include "internal.h"
#include "lock.h"
#include <base/string.h>
#include <capos/memory.h>
#include <capos/thread.h>

enum {
    PAGE = 4096,
    PROT_READ_WRITE = 3,
    BLOCK_ALIGN = 64,
    TCB_BYTES = 256,
    TCB_CANARY_WORD = 5, /* 0x28, where compilers look for it */
    BUCKETS = 64,
    CACHED_MAX = 8,
    REAPS = 2, /* detached threads looked at before a new one is made */
};

enum block_state { BLOCK_JOINABLE, BLOCK_JOINING };

struct block {
    struct block *next; /* of its bucket, of the detached, or of the cached */
    uint64_t base;      /* of the mapping */
    uint64_t bytes;
    uint64_t (*fn)(void *argument);
    void *argument;
    cap_thread_handle handle;
    capos_thread number;
    enum block_state state;
};

static struct {
    struct lock lock;
    struct block *buckets[BUCKETS];
    struct block *detached;
    struct block *cached;
    uint32_t cached_count;
} registry;

static uint32_t last_number = 1; /* atomic; the first thread's is 1 */
static _Thread_local capos_thread self_number;

struct grants {
    cap_thread_spawner spawner;
    cap_virtual_memory memory;
};

static int32_t get_grant(const char *name, uint64_t interface_id, uint32_t *out_cap_id)
{
    uint64_t granted;
    int32_t status = capos_capset_get(name, strlen(name), out_cap_id, &granted);
    if (status < 0)
        return status;
    return granted == interface_id ? CAPOS_OK : CAPOS_ERR_WRONG_INTERFACE;
}

static int32_t get_grants(struct grants *out)
{
    uint32_t control;
    int32_t status = get_grant("threads", CAP_THREAD_SPAWNER_INTERFACE_ID, &out->spawner.id);
    if (status == CAPOS_OK)
        status = get_grant("thread", CAP_THREAD_CONTROL_INTERFACE_ID, &control);
    if (status == CAPOS_OK)
        status = get_grant("memory", CAP_VIRTUAL_MEMORY_INTERFACE_ID, &out->memory.id);
    return status;
}

/* ---- Blocks. */

static uint64_t tls_align(void)
{
    uint64_t align = capos_capset()->tls_align;
    return align < BLOCK_ALIGN ? BLOCK_ALIGN : align;
}

/* How far below the thread pointer the program's thread-local storage begins (TLS variant II). */
static uint64_t tls_offset(void)
{
    const struct capos_capset_header *capset = capos_capset();
    uint64_t mask = capset->tls_align > 1 ? capset->tls_align - 1 : 0;
    return capset->tls_size_bytes + ((0 - capset->tls_image - capset->tls_size_bytes) & mask);
}

static uint64_t mapping_bytes(size_t stack_bytes)
{
    uint64_t above = tls_offset() + 2 * tls_align() + TCB_BYTES + sizeof(struct block) + BLOCK_ALIGN;
    return PAGE + ((stack_bytes + above + PAGE - 1) & ~(uint64_t)(PAGE - 1));
}

static struct block *take_cached(uint64_t bytes)
{
    lock_acquire(&registry.lock);
    struct block *block = registry.cached;
    bool fits = block != NULL && block->bytes == bytes;
    if (fits) {
        registry.cached = block->next;
        registry.cached_count--;
    }
    lock_release(&registry.lock);
    return fits ? block : NULL;
}

static int32_t map_block(cap_virtual_memory memory, uint64_t bytes, struct block **out)
{
    struct cap_virtual_memory_reserve_results reserved;
    int32_t status = cap_virtual_memory_reserve(memory, 0, bytes, &reserved);
    if (status < 0)
        return status;
    status = cap_virtual_memory_commit(memory, reserved.address + PAGE, bytes - PAGE, PROT_READ_WRITE);
    if (status < 0) {
        (void)cap_virtual_memory_unmap(memory, reserved.address, bytes);
        return status;
    }
    uint64_t end = reserved.address + bytes;
    struct block *block = (struct block *)(uintptr_t)((end - sizeof(*block)) & ~(uint64_t)(BLOCK_ALIGN - 1));
    block->base = reserved.address;
    block->bytes = bytes;
    *out = block;
    return CAPOS_OK;
}

static int32_t get_block(cap_virtual_memory memory, size_t stack_bytes, struct block **out)
{
    uint64_t bytes = mapping_bytes(stack_bytes);
    struct block *block = take_cached(bytes);
    if (block == NULL)
        return map_block(memory, bytes, out);
    *out = block;
    return CAPOS_OK;
}

/* Its thread has ended, or never was. */
static void put_block(struct block *block)
{
    uint32_t memory;
    lock_acquire(&registry.lock);
    bool keep =
        registry.cached_count < CACHED_MAX && block->bytes == mapping_bytes(CAPOS_THREAD_STACK_DEFAULT);
    if (keep) {
        block->next = registry.cached;
        registry.cached = block;
        registry.cached_count++;
    }
    lock_release(&registry.lock);
    if (!keep && get_grant("memory", CAP_VIRTUAL_MEMORY_INTERFACE_ID, &memory) == CAPOS_OK)
        (void)cap_virtual_memory_unmap((cap_virtual_memory){.id = memory}, block->base, block->bytes);
}

static uint64_t canary(void)
{
    uint64_t value;
    __asm__("movq %%fs:0x28, %0" : "=r"(value));
    return value;
}

/* Thread-local storage and control block as at the thread's start; returns the thread pointer. */
static uint64_t prepare_tls(const struct block *block)
{
    const struct capos_capset_header *capset = capos_capset();
    uint64_t pointer = ((uintptr_t)block - TCB_BYTES) & ~(tls_align() - 1);
    char *storage = (char *)(uintptr_t)(pointer - tls_offset());
    if (capset->tls_file_bytes != 0)
        memcpy(storage, (const void *)(uintptr_t)capset->tls_image, capset->tls_file_bytes);
    memset(storage + capset->tls_file_bytes, 0, capset->tls_size_bytes - capset->tls_file_bytes);
    uint64_t *control = (uint64_t *)(uintptr_t)pointer;
    memset(control, 0, TCB_BYTES);
    control[0] = pointer;
    control[TCB_CANARY_WORD] = canary();
    return pointer;
}

/* ---- The registry. */

static struct block **bucket_of(capos_thread number)
{
    return &registry.buckets[number % BUCKETS];
}

static void insert(struct block *block)
{
    lock_acquire(&registry.lock);
    struct block **bucket = bucket_of(block->number);
    block->next = *bucket;
    *bucket = block;
    lock_release(&registry.lock);
}

/* The link that points at a joinable thread; null: none. */
static struct block **find_locked(capos_thread number)
{
    for (struct block **link = bucket_of(number); *link != NULL; link = &(*link)->next) {
        if ((*link)->number == number)
            return (*link)->state == BLOCK_JOINABLE ? link : NULL;
    }
    return NULL;
}

static void remove_block(struct block *block)
{
    lock_acquire(&registry.lock);
    struct block **link = bucket_of(block->number);
    while (*link != block)
        link = &(*link)->next;
    *link = block->next;
    lock_release(&registry.lock);
}

static void push_detached(struct block *block)
{
    lock_acquire(&registry.lock);
    struct block **end = &registry.detached;
    while (*end != NULL)
        end = &(*end)->next;
    block->next = NULL;
    *end = block;
    lock_release(&registry.lock);
}

static struct block *pop_detached(void)
{
    lock_acquire(&registry.lock);
    struct block *block = registry.detached;
    if (block != NULL)
        registry.detached = block->next;
    lock_release(&registry.lock);
    return block;
}

static void reap_detached(void)
{
    for (int i = 0; i < REAPS; i++) {
        struct cap_thread_handle_info_results info;
        struct block *block = pop_detached();
        if (block == NULL)
            return;
        if (cap_thread_handle_info(block->handle, &info) < 0 || info.running) {
            push_detached(block);
            continue;
        }
        (void)cap_release(block->handle);
        put_block(block);
    }
}

void threads_fork_begin(void)
{
    lock_acquire(&registry.lock);
}

/* The copy has none of the other threads, and no handle of any. Their stacks stay: something may point there.
 */
void threads_fork_end(bool child)
{
    if (child) {
        memset(registry.buckets, 0, sizeof registry.buckets);
        registry.detached = NULL;
    }
    lock_release(&registry.lock);
}

/* ---- Running. */

/* Entered by the kernel with RDI = ring, RSI = block, an aligned stack and nothing on it. */
HIDDEN void thread_entry(void);
__asm__(".text\n"
        ".hidden thread_entry\n"
        ".globl thread_entry\n"
        ".type thread_entry, @function\n"
        "thread_entry:\n"
        "    xorl %ebp, %ebp\n" /* the outermost frame */
        "    call thread_run\n"
        "    ud2\n"
        ".size thread_entry, . - thread_entry\n");

HIDDEN _Noreturn void thread_run(struct capos_ring_header *ring, const struct block *block);
_Noreturn void thread_run(struct capos_ring_header *ring, const struct block *block)
{
    if (!ring_attach(ring))
        __builtin_trap();
    self_number = block->number;
    capos_thread_exit(block->fn(block->argument));
}

static int32_t spawn(cap_thread_spawner spawner, struct block *block)
{
    struct cap_thread_spawner_spawn_results spawned;
    uint64_t pointer = prepare_tls(block);
    uint64_t stack_top = (pointer - tls_offset()) & ~UINT64_C(15);
    int32_t status = cap_thread_spawner_spawn(spawner, (uintptr_t)&thread_entry, stack_top, (uintptr_t)block,
                                              pointer, &spawned);
    if (status >= 0)
        block->handle = spawned.handle;
    return status < 0 ? status : CAPOS_OK;
}

int32_t capos_thread_create(const struct capos_thread_attr *attr, uint64_t (*fn)(void *argument),
                            void *argument, capos_thread *out)
{
    static const struct capos_thread_attr defaults;
    struct grants grants;
    struct block *block;
    if (attr == NULL)
        attr = &defaults;
    size_t stack_bytes = attr->stack_bytes != 0 ? attr->stack_bytes : CAPOS_THREAD_STACK_DEFAULT;
    if (stack_bytes < CAPOS_THREAD_STACK_MIN || stack_bytes > CAPOS_USER_MAX)
        return CAPOS_ERR_TOO_LARGE;
    int32_t status = get_grants(&grants);
    if (status < 0)
        return status;
    reap_detached();
    status = get_block(grants.memory, stack_bytes, &block);
    if (status < 0)
        return status;
    block->fn = fn;
    block->argument = argument;
    block->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    block->state = BLOCK_JOINABLE;
    capos_thread number = block->number;
    status = spawn(grants.spawner, block);
    if (status < 0) {
        put_block(block);
        return status;
    }
    if (attr->detached)
        push_detached(block);
    else
        insert(block);
    *out = number;
    return CAPOS_OK;
}

capos_thread capos_thread_self(void)
{
    return self_number != 0 ? self_number : 1;
}

int32_t capos_thread_join(capos_thread thread, uint64_t *value)
{
    struct cap_thread_handle_join_results joined;
    if (thread == capos_thread_self())
        return CAPOS_ERR_WOULD_BLOCK;
    lock_acquire(&registry.lock);
    struct block **link = find_locked(thread);
    struct block *block = link == NULL ? NULL : *link;
    if (block != NULL)
        block->state = BLOCK_JOINING;
    lock_release(&registry.lock);
    if (block == NULL)
        return CAPOS_ERR_NOT_FOUND;
    int32_t status = cap_thread_handle_join(block->handle, &joined);
    if (status < 0) { /* still running for all we know: it can be joined again */
        lock_acquire(&registry.lock);
        block->state = BLOCK_JOINABLE;
        lock_release(&registry.lock);
        return status;
    }
    remove_block(block);
    (void)cap_release(block->handle);
    put_block(block);
    if (value != NULL)
        *value = joined.value;
    return CAPOS_OK;
}

int32_t capos_thread_detach(capos_thread thread)
{
    lock_acquire(&registry.lock);
    struct block **link = find_locked(thread);
    struct block *block = link == NULL ? NULL : *link;
    if (block != NULL)
        *link = block->next;
    lock_release(&registry.lock);
    if (block == NULL)
        return CAPOS_ERR_NOT_FOUND;
    push_detached(block);
    return CAPOS_OK;
}

void capos_thread_exit(uint64_t value)
{
    uint32_t control;
    if (get_grant("thread", CAP_THREAD_CONTROL_INTERFACE_ID, &control) < 0)
        capos_abort("capos_thread_exit without a ThreadControl capability named \"thread\"");
    (void)cap_thread_control_exit((cap_thread_control){.id = control}, value);
    __builtin_trap();
}

int32_t capos_thread_interrupt(capos_thread thread, bool *was_waiting)
{
    struct cap_thread_control_interrupt_results results;
    uint32_t control;
    int32_t status = get_grant("thread", CAP_THREAD_CONTROL_INTERFACE_ID, &control);
    if (status < 0)
        return status;
    lock_acquire(&registry.lock);
    struct block **link = find_locked(thread);
    /* A copy of the id: joined meanwhile it is stale, which the kernel says. */
    cap_thread_handle handle = link == NULL ? (cap_thread_handle){0} : (*link)->handle;
    lock_release(&registry.lock);
    if (handle.id == 0)
        return CAPOS_ERR_NOT_FOUND;
    status = cap_thread_control_interrupt((cap_thread_control){.id = control}, handle, &results);
    if (status == CAPOS_ERR_STALE_CAP)
        return CAPOS_ERR_NOT_FOUND;
    if (status >= 0 && was_waiting != NULL)
        *was_waiting = results.was_waiting;
    return status < 0 ? status : CAPOS_OK;
}

void capos_thread_yield(void)
{
    uint32_t control;
    if (get_grant("thread", CAP_THREAD_CONTROL_INTERFACE_ID, &control) == CAPOS_OK)
        (void)cap_thread_control_yield((cap_thread_control){.id = control});
}
