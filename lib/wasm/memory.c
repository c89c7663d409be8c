/* Linear memories: address space reserved once for the most they may grow to, committed page by page, never
 * moved. */
#include "instance.h"

static uint64_t reserved_bytes(const struct wasm_memory *memory)
{
    uint64_t most = (uint64_t)memory->pages_max * WASM_PAGE_SIZE;
    return (most == 0 ? WASM_PAGE_SIZE : most) + memory->store->platform.guard_bytes;
}

enum wasm_status wasm_memory_create(struct wasm_store *store, struct wasm_bounds pages,
                                    struct wasm_memory **memory)
{
    const struct wasm_platform *platform = &store->platform;
    uint32_t most = pages.has_max && pages.max < store->config.memory_pages_max
                        ? pages.max
                        : store->config.memory_pages_max;
    if (pages.min > most || (pages.has_max && pages.min > pages.max))
        return WASM_LIMIT;
    struct wasm_memory *made = wasm_platform_alloc(platform, 1, sizeof(*made));
    if (made == NULL)
        return WASM_NO_MEMORY;
    made->type = pages;
    made->pages_max = most;
    made->store = store;
    made->base = platform->reserve(platform->context, reserved_bytes(made));
    uint64_t size_bytes = (uint64_t)pages.min * WASM_PAGE_SIZE;
    if (made->base == NULL)
        goto err_free;
    if (size_bytes != 0 && !platform->commit(platform->context, made->base, size_bytes))
        goto err_release;
    made->size_bytes = size_bytes;
    made->next = store->memories;
    store->memories = made;
    *memory = made;
    return WASM_OK;
err_release:
    platform->release(platform->context, made->base, reserved_bytes(made));
err_free:
    wasm_platform_free(platform, made, 1, sizeof(*made));
    return WASM_NO_MEMORY;
}

void wasm_memory_destroy(struct wasm_memory *memory)
{
    const struct wasm_platform *platform = &memory->store->platform;
    platform->release(platform->context, memory->base, reserved_bytes(memory));
    wasm_platform_free(platform, memory, 1, sizeof(*memory));
}

uint32_t wasm_memory_pages(const struct wasm_memory *memory)
{
    return (uint32_t)(memory->size_bytes / WASM_PAGE_SIZE);
}

bool wasm_memory_grow(struct wasm_memory *memory, uint32_t delta_pages, uint32_t *old_pages)
{
    const struct wasm_platform *platform = &memory->store->platform;
    uint32_t pages = wasm_memory_pages(memory);
    if (delta_pages > memory->pages_max - pages)
        return false;
    uint64_t delta_bytes = (uint64_t)delta_pages * WASM_PAGE_SIZE;
    if (delta_bytes != 0 &&
        !platform->commit(platform->context, memory->base + memory->size_bytes, delta_bytes))
        return false;
    memory->size_bytes += delta_bytes;
    *old_pages = pages;
    return true;
}

/* ---- for the host ----------------------------------------------------------------------------------------
 */

uint8_t *wasm_memory_span(struct wasm_memory *memory, uint32_t address, uint32_t size_bytes)
{
    if (memory == NULL || (uint64_t)address + size_bytes > memory->size_bytes)
        return NULL;
    return memory->base + address;
}

bool wasm_memory_read(struct wasm_memory *memory, uint32_t address, void *to, uint32_t size_bytes)
{
    const uint8_t *from = wasm_memory_span(memory, address, size_bytes);
    if (from == NULL)
        return false;
    __builtin_memcpy(to, from, size_bytes);
    return true;
}

bool wasm_memory_write(struct wasm_memory *memory, uint32_t address, const void *from, uint32_t size_bytes)
{
    uint8_t *to = wasm_memory_span(memory, address, size_bytes);
    if (to == NULL)
        return false;
    __builtin_memcpy(to, from, size_bytes);
    return true;
}

bool wasm_memory_read_u32(struct wasm_memory *memory, uint32_t address, uint32_t *value)
{
    return wasm_memory_read(memory, address, value, sizeof(*value));
}

bool wasm_memory_write_u32(struct wasm_memory *memory, uint32_t address, uint32_t value)
{
    return wasm_memory_write(memory, address, &value, sizeof(value));
}

bool wasm_memory_write_u64(struct wasm_memory *memory, uint32_t address, uint64_t value)
{
    return wasm_memory_write(memory, address, &value, sizeof(value));
}

/* ---- instructions ----------------------------------------------------------------------------------------
 */

enum wasm_trap_kind wasm_memory_init(struct wasm_instance *instance, uint32_t segment, uint32_t to,
                                     uint32_t from, uint32_t size_bytes)
{
    if ((uint64_t)from + size_bytes > instance->data_sizes[segment])
        return WASM_TRAP_MEMORY_OUT_OF_BOUNDS;
    if (!wasm_memory_write(instance->memory, to, instance->module->datas[segment].bytes + from, size_bytes))
        return WASM_TRAP_MEMORY_OUT_OF_BOUNDS;
    return WASM_TRAP_NONE;
}

enum wasm_trap_kind wasm_memory_copy(struct wasm_memory *memory, uint32_t to, uint32_t from,
                                     uint32_t size_bytes)
{
    uint8_t *target = wasm_memory_span(memory, to, size_bytes);
    const uint8_t *source = wasm_memory_span(memory, from, size_bytes);
    if (target == NULL || source == NULL)
        return WASM_TRAP_MEMORY_OUT_OF_BOUNDS;
    __builtin_memmove(target, source, size_bytes);
    return WASM_TRAP_NONE;
}

enum wasm_trap_kind wasm_memory_fill(struct wasm_memory *memory, uint32_t to, uint8_t value,
                                     uint32_t size_bytes)
{
    uint8_t *target = wasm_memory_span(memory, to, size_bytes);
    if (target == NULL)
        return WASM_TRAP_MEMORY_OUT_OF_BOUNDS;
    __builtin_memset(target, value, size_bytes);
    return WASM_TRAP_NONE;
}
