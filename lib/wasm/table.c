/* Tables of references, and globals seen from the host. */
#include "instance.h"

static uint32_t table_limit(const struct wasm_table *table)
{
    uint32_t limit = table->store->config.table_entries_max;
    return table->type.has_max && table->type.max < limit ? table->type.max : limit;
}

enum wasm_status wasm_table_create(struct wasm_store *store, uint8_t type, struct wasm_bounds entries,
                                   struct wasm_table **table)
{
    if (!wasm_type_is_ref(type))
        return WASM_MISUSE;
    struct wasm_table *made = wasm_platform_alloc(&store->platform, 1, sizeof(*made));
    if (made == NULL)
        return WASM_NO_MEMORY;
    made->type = entries;
    made->element = type;
    made->store = store;
    enum wasm_status status = entries.min > table_limit(made) ? WASM_LIMIT : WASM_NO_MEMORY;
    if (status == WASM_LIMIT ||
        (made->refs = wasm_platform_alloc(&store->platform, entries.min, 8)) == NULL) {
        wasm_platform_free(&store->platform, made, 1, sizeof(*made));
        return status;
    }
    made->count = made->capacity = entries.min;
    made->next = store->tables;
    store->tables = made;
    *table = made;
    return WASM_OK;
}

void wasm_table_destroy(struct wasm_table *table)
{
    struct wasm_platform platform = table->store->platform;
    wasm_platform_free(&platform, table->refs, table->capacity, sizeof(*table->refs));
    wasm_platform_free(&platform, table, 1, sizeof(*table));
}

uint32_t wasm_table_size(const struct wasm_table *table)
{
    return table->count;
}

bool wasm_table_get(const struct wasm_table *table, uint32_t index, uint64_t *ref)
{
    if (index >= table->count)
        return false;
    *ref = table->refs[index];
    return true;
}

bool wasm_table_set(struct wasm_table *table, uint32_t index, uint64_t ref)
{
    if (index >= table->count)
        return false;
    table->refs[index] = ref;
    return true;
}

/* ---- instructions ----------------------------------------------------------------------------------------
 */

static bool in_table(const struct wasm_table *table, uint32_t first, uint32_t count)
{
    return (uint64_t)first + count <= table->count;
}

enum wasm_trap_kind wasm_table_init(struct wasm_instance *instance, uint32_t segment,
                                    struct wasm_table *table, uint32_t to, uint32_t from, uint32_t count)
{
    const struct wasm_elem *elem = &instance->elems[segment];
    if ((uint64_t)from + count > elem->count || !in_table(table, to, count))
        return WASM_TRAP_TABLE_OUT_OF_BOUNDS;
    for (uint32_t i = 0; i < count; i++)
        table->refs[to + i] = elem->refs[from + i];
    return WASM_TRAP_NONE;
}

enum wasm_trap_kind wasm_table_copy(struct wasm_table *to_table, struct wasm_table *from_table, uint32_t to,
                                    uint32_t from, uint32_t count)
{
    if (!in_table(to_table, to, count) || !in_table(from_table, from, count))
        return WASM_TRAP_TABLE_OUT_OF_BOUNDS;
    __builtin_memmove(to_table->refs + to, from_table->refs + from, (size_t)count * sizeof(*to_table->refs));
    return WASM_TRAP_NONE;
}

enum wasm_trap_kind wasm_table_fill(struct wasm_table *table, uint32_t to, uint64_t ref, uint32_t count)
{
    if (!in_table(table, to, count))
        return WASM_TRAP_TABLE_OUT_OF_BOUNDS;
    for (uint32_t i = 0; i < count; i++)
        table->refs[to + i] = ref;
    return WASM_TRAP_NONE;
}

uint32_t wasm_table_grow(struct wasm_table *table, uint64_t ref, uint32_t count)
{
    uint32_t old = table->count;
    if (count > table_limit(table) - old)
        return UINT32_MAX;
    if (!wasm_platform_grow(&table->store->platform, (void **)&table->refs, &table->capacity, old + count,
                            sizeof(*table->refs)))
        return UINT32_MAX;
    table->count = old + count;
    for (uint32_t i = old; i < table->count; i++)
        table->refs[i] = ref;
    return old;
}

void wasm_elem_drop(struct wasm_instance *instance, uint32_t segment)
{
    struct wasm_elem *elem = &instance->elems[segment];
    wasm_platform_free(&instance->store->platform, elem->refs, elem->count, sizeof(*elem->refs));
    elem->refs = NULL;
    elem->count = 0;
}
