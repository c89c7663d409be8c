/*
 * malloc and relatives: the process' heap (heap.h) behind a lock, over the VirtualMemory grant named
 * "memory".
 */
#include "heap.h"
#include "internal.h"
#include "lock.h"
#include <base/string.h>
#include <capos/memory.h>
#include <capos/print.h>

enum { PROT_READ_WRITE = 3 };

static struct heap heap;
static cap_virtual_memory memory_cap; /* id 0 until looked up, and when there is no grant */
static bool heap_ready;
static bool told_out_of_memory;
static struct lock heap_lock;

static void lock(void)
{
    lock_acquire(&heap_lock);
}

static void unlock(void)
{
    lock_release(&heap_lock);
}

void heap_fork_begin(void)
{
    lock();
}

void heap_fork_end(void)
{
    unlock();
}

static int32_t source_reserve(void *self, uint64_t size_bytes, uint64_t *address)
{
    struct cap_virtual_memory_reserve_results reserved;
    (void)self;
    int32_t status = cap_virtual_memory_reserve(memory_cap, 0, size_bytes, &reserved);
    if (status >= 0)
        *address = reserved.address;
    return status;
}

static int32_t source_commit(void *self, uint64_t address, uint64_t size_bytes)
{
    (void)self;
    return cap_virtual_memory_commit(memory_cap, address, size_bytes, PROT_READ_WRITE);
}

static int32_t source_decommit(void *self, uint64_t address, uint64_t size_bytes)
{
    (void)self;
    return cap_virtual_memory_decommit(memory_cap, address, size_bytes);
}

static int32_t source_release(void *self, uint64_t address, uint64_t size_bytes)
{
    (void)self;
    return cap_virtual_memory_unmap(memory_cap, address, size_bytes);
}

/* False: there is no memory grant. Called with the lock held. */
static bool heap_prepare(void)
{
    static const struct heap_source source = {source_reserve, source_commit, source_decommit, source_release,
                                              NULL};
    uint64_t interface_id;
    uint32_t cap_id;
    if (heap_ready)
        return true;
    if (capos_capset_get("memory", strlen("memory"), &cap_id, &interface_id) < 0 ||
        interface_id != CAP_VIRTUAL_MEMORY_INTERFACE_ID)
        return false;
    memory_cap.id = cap_id;
    /* Addresses are random, which is all the secret has to be. */
    heap_init(&heap, &source,
              (uintptr_t)&cap_id ^ (uintptr_t)capos_capset() << 20 ^ capos_process_id() << 52);
    heap_ready = true;
    return true;
}

static void tell_out_of_memory(size_t size_bytes, uint64_t in_use_bytes)
{
    char text[120];
    if (__atomic_exchange_n(&told_out_of_memory, true, __ATOMIC_RELAXED))
        return;
    capos_snprintf(text, sizeof text, "out of memory: %zu bytes wanted, %llu bytes in use%s", size_bytes,
                   (unsigned long long)in_use_bytes,
                   heap_ready ? "" : "; no VirtualMemory capability named \"memory\" was granted");
    emergency_line(text);
}

static void *allocate(size_t size_bytes, size_t alignment, bool zero)
{
    lock();
    void *memory = heap_prepare() ? heap_alloc(&heap, size_bytes, alignment, zero) : NULL;
    uint64_t in_use_bytes = heap.allocated_bytes;
    unlock();
    if (memory == NULL)
        tell_out_of_memory(size_bytes, in_use_bytes);
    return memory;
}

void *malloc(size_t size)
{
    return allocate(size, HEAP_ALIGN, false);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL; /* a mistake, not a shortage: the one message is kept for that */
    return allocate(bytes, HEAP_ALIGN, true);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        return NULL;
    return allocate(size, alignment < HEAP_ALIGN ? HEAP_ALIGN : alignment, false);
}

void free(void *memory)
{
    if (memory == NULL)
        return;
    lock();
    const char *wrong = heap_free(&heap, memory);
    unlock();
    if (wrong != NULL)
        capos_abort(wrong);
}

size_t capos_malloc_size(const void *memory)
{
    size_t size_bytes = 0;
    if (memory == NULL)
        return 0;
    lock();
    const char *wrong = heap_size(&heap, memory, &size_bytes);
    unlock();
    if (wrong != NULL)
        capos_abort(wrong);
    return size_bytes;
}

/* Resizes in place, or says how long the allocation is. */
static bool resize_in_place(void *memory, size_t size, size_t *old_size)
{
    lock();
    const char *wrong = heap_size(&heap, memory, old_size);
    bool resized = wrong == NULL && heap_resize(&heap, memory, size);
    unlock();
    if (wrong != NULL)
        capos_abort(wrong);
    return resized;
}

void *realloc(void *memory, size_t size)
{
    size_t old_size;
    if (memory == NULL)
        return malloc(size);
    if (size == 0) {
        free(memory);
        return NULL;
    }
    if (resize_in_place(memory, size, &old_size))
        return memory;
    void *moved = malloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, old_size < size ? old_size : size);
    free(memory);
    return moved;
}

void capos_heap_stats(struct capos_heap_stats *out)
{
    lock();
    out->allocated_bytes = heap.allocated_bytes;
    out->committed_bytes = heap.committed_bytes;
    out->reserved_bytes = heap.reserved_bytes;
    out->allocations = heap.allocations;
    unlock();
}
