/*
 * Stores, and making instances: imports are matched, everything that can fail is allocated, then the module's
 * segments are written and its start function runs.
 */
#include "instance.h"
#include "opcode.h"

/* ---- stores ----------------------------------------------------------------------------------------------
 */

static uint32_t or_default(uint32_t value, uint32_t otherwise, uint32_t most)
{
    return value == 0 ? otherwise : value < most ? value : most;
}

/* Not through wasm_platform_alloc: zeroing would touch every page of a stack that is mostly never used. */
static void *alloc_stack(struct wasm_store *store, uint64_t size_bytes)
{
    return store->platform.alloc(store->platform.context, size_bytes);
}

static uint64_t frames_bytes(const struct wasm_store *store)
{
    return ((uint64_t)store->config.call_depth_max + 1) * sizeof(*store->frames);
}

enum wasm_status wasm_store_create(const struct wasm_platform *platform, const struct wasm_config *config,
                                   struct wasm_store **store)
{
    static const struct wasm_config defaults;
    struct wasm_store *made = wasm_platform_alloc(platform, 1, sizeof(*made));
    if (made == NULL)
        return WASM_NO_MEMORY;
    if (config == NULL)
        config = &defaults;
    made->platform = *platform;
    made->config = (struct wasm_config){
        or_default(config->stack_bytes, WASM_STACK_BYTES_DEFAULT, UINT32_MAX) & ~7u,
        or_default(config->call_depth_max, WASM_CALL_DEPTH_DEFAULT, UINT32_MAX - 1),
        or_default(config->memory_pages_max, WASM_PAGES_MAX, WASM_PAGES_MAX),
        or_default(config->table_entries_max, WASM_TABLE_ENTRIES_MAX, UINT32_MAX - 1),
    };
    made->fuel = WASM_FUEL_UNLIMITED;
    made->stack = alloc_stack(made, made->config.stack_bytes);
    made->frames = alloc_stack(made, frames_bytes(made));
    if (made->stack == NULL || made->frames == NULL) {
        wasm_store_destroy(made);
        return WASM_NO_MEMORY;
    }
    made->stack_end = made->stack + made->config.stack_bytes / sizeof(*made->stack);
    /* The interpreter starts a call by taking one slot below the arguments into a register: let there be one.
     */
    made->stack_top = made->stack + 1;
    made->frames_end = made->frames + made->config.call_depth_max;
    made->frame_top = made->frames;
    *store = made;
    return WASM_OK;
}

static void instance_destroy(struct wasm_instance *instance)
{
    const struct wasm_platform *platform = &instance->store->platform;
    const struct wasm_module *module = instance->module;
    for (uint32_t i = 0; instance->elems != NULL && i < module->elem_count; i++)
        wasm_elem_drop(instance, i);
#define RELEASE(array, count) \
    wasm_platform_free(platform, instance->array, (count), sizeof(instance->array[0]))
    RELEASE(funcs, module->func_count);
    RELEASE(own_funcs, module->func_count - module->func_import_count);
    RELEASE(tables, module->table_count);
    RELEASE(globals, module->global_count);
    RELEASE(elems, module->elem_count);
    RELEASE(data_sizes, module->data_count);
#undef RELEASE
    wasm_platform_free(platform, instance, 1, sizeof(*instance));
}

#define DESTROY_LIST(store, list, type, destroy) \
    while ((store)->list != NULL) {              \
        type *object = (store)->list;            \
        (store)->list = object->next;            \
        destroy;                                 \
    }

void wasm_store_destroy(struct wasm_store *store)
{
    if (store == NULL)
        return;
    struct wasm_platform platform = store->platform;
    DESTROY_LIST(store, instances, struct wasm_instance, instance_destroy(object))
    DESTROY_LIST(store, host_funcs, struct wasm_func, wasm_host_func_destroy(store, object))
    DESTROY_LIST(store, memories, struct wasm_memory, wasm_memory_destroy(object))
    DESTROY_LIST(store, tables, struct wasm_table, wasm_table_destroy(object))
    DESTROY_LIST(store, globals, struct wasm_global,
                 wasm_platform_free(&platform, object, 1, sizeof(*object)))
    if (store->stack != NULL)
        platform.free(platform.context, store->stack, store->config.stack_bytes);
    if (store->frames != NULL)
        platform.free(platform.context, store->frames, frames_bytes(store));
    wasm_platform_free(&platform, store, 1, sizeof(*store));
}

/* ---- globals ---------------------------------------------------------------------------------------------
 */

enum wasm_status wasm_global_create(struct wasm_store *store, uint8_t type, bool is_mutable,
                                    union wasm_value value, struct wasm_global **global)
{
    if (!wasm_type_is_value(type))
        return WASM_MISUSE;
    struct wasm_global *made = wasm_platform_alloc(&store->platform, 1, sizeof(*made));
    if (made == NULL)
        return WASM_NO_MEMORY;
    wasm_value_push(made->slots, type, &value);
    made->type = type;
    made->is_mutable = is_mutable;
    made->next = store->globals;
    store->globals = made;
    *global = made;
    return WASM_OK;
}

union wasm_value wasm_global_get(const struct wasm_global *global)
{
    union wasm_value value;
    wasm_value_load(global->slots, global->type, &value);
    return value;
}

enum wasm_status wasm_global_set(struct wasm_global *global, union wasm_value value)
{
    if (!global->is_mutable)
        return WASM_MISUSE;
    wasm_value_push(global->slots, global->type, &value);
    return WASM_OK;
}

uint8_t wasm_global_type(const struct wasm_global *global)
{
    return global->type;
}

/* ---- imports ---------------------------------------------------------------------------------------------
 */

struct wasm_extern_type wasm_extern_type(const struct wasm_extern *object)
{
    struct wasm_extern_type type = {.kind = object->kind};
    switch (object->kind) {
    case WASM_FUNC:
        type.func = object->as.func->type;
        break;
    case WASM_TABLE:
        type.type = object->as.table->element;
        type.bounds = object->as.table->type;
        type.bounds.min = object->as.table->count;
        break;
    case WASM_MEMORY:
        type.bounds = object->as.memory->type;
        type.bounds.min = wasm_memory_pages(object->as.memory);
        break;
    default:
        type.type = object->as.global->type;
        type.is_mutable = object->as.global->is_mutable;
    }
    return type;
}

static bool bounds_match(const struct wasm_bounds *given, const struct wasm_bounds *wanted)
{
    return given->min >= wanted->min && (!wanted->has_max || (given->has_max && given->max <= wanted->max));
}

static bool types_match(const struct wasm_extern_type *given, const struct wasm_extern_type *wanted)
{
    if (given->kind != wanted->kind)
        return false;
    switch (wanted->kind) {
    case WASM_FUNC:
        return wasm_functype_equal(given->func, wanted->func);
    case WASM_TABLE:
        return given->type == wanted->type && bounds_match(&given->bounds, &wanted->bounds);
    case WASM_MEMORY:
        return bounds_match(&given->bounds, &wanted->bounds);
    default:
        return given->type == wanted->type && given->is_mutable == wanted->is_mutable;
    }
}

struct index_counts {
    uint32_t funcs, tables, globals;
};

static void import_store(struct wasm_instance *instance, const struct wasm_extern *found,
                         struct index_counts *next)
{
    switch (found->kind) {
    case WASM_FUNC:
        instance->funcs[next->funcs++] = found->as.func;
        break;
    case WASM_TABLE:
        instance->tables[next->tables++] = found->as.table;
        break;
    case WASM_MEMORY:
        instance->memory = found->as.memory;
        break;
    default:
        instance->globals[next->globals++] = found->as.global;
    }
}

static bool resolve_imports(struct wasm_instance *instance, wasm_resolve_fn resolve, void *context,
                            struct wasm_error *error)
{
    const struct wasm_module *module = instance->module;
    struct index_counts next = {0, 0, 0};
    for (uint32_t i = 0; i < module->import_count; i++) {
        struct wasm_import import = wasm_module_import(module, i);
        struct wasm_extern found;
        if (resolve == NULL || !resolve(context, &import, &found)) {
            wasm_error_set(error, WASM_UNLINKABLE, "unknown import \"%n\" \"%n\"", &import.module,
                           &import.name);
            return false;
        }
        struct wasm_extern_type given = wasm_extern_type(&found);
        if (!types_match(&given, &import.type)) {
            wasm_error_set(error, WASM_UNLINKABLE, "incompatible import type: \"%n\" \"%n\"", &import.module,
                           &import.name);
            return false;
        }
        import_store(instance, &found, &next);
    }
    return true;
}

/* ---- allocation ------------------------------------------------------------------------------------------
 */

static bool instance_arrays(struct wasm_instance *instance)
{
    const struct wasm_platform *platform = &instance->store->platform;
    const struct wasm_module *module = instance->module;
#define MAKE(array, count) \
    (instance->array = wasm_platform_alloc(platform, (count), sizeof(instance->array[0])))
    return MAKE(funcs, module->func_count) != NULL &&
           MAKE(own_funcs, module->func_count - module->func_import_count) != NULL &&
           MAKE(tables, module->table_count) != NULL && MAKE(globals, module->global_count) != NULL &&
           MAKE(elems, module->elem_count) != NULL && MAKE(data_sizes, module->data_count) != NULL;
#undef MAKE
}

static void make_funcs(struct wasm_instance *instance)
{
    const struct wasm_module *module = instance->module;
    for (uint32_t i = module->func_import_count; i < module->func_count; i++) {
        struct wasm_func *func = &instance->own_funcs[i - module->func_import_count];
        func->type = module->func_types[i];
        func->code = &module->codes[i - module->func_import_count];
        func->instance = instance;
        func->index = i;
        instance->funcs[i] = func;
    }
}

static bool make_failed(struct wasm_error *error, enum wasm_status status, const char *what)
{
    wasm_error_set(error, status,
                   status == WASM_LIMIT ? "%s larger than the configured limit" : "no memory for a %s", what);
    return false;
}

static bool make_tables_and_memory(struct wasm_instance *instance, struct wasm_error *error)
{
    const struct wasm_module *module = instance->module;
    for (uint32_t i = module->table_import_count; i < module->table_count; i++) {
        enum wasm_status status = wasm_table_create(instance->store, module->tables[i].type,
                                                    module->tables[i].bounds, &instance->tables[i]);
        if (status != WASM_OK)
            return make_failed(error, status, "table");
    }
    if (module->memory_count > module->memory_import_count) {
        enum wasm_status status =
            wasm_memory_create(instance->store, module->memories[0].bounds, &instance->memory);
        if (status != WASM_OK)
            return make_failed(error, status, "memory");
    }
    return true;
}

/* The value of a constant expression; returns the byte behind it. */
static const uint8_t *evaluate(const struct wasm_instance *instance, const uint8_t *at,
                               union wasm_value *value)
{
    const struct wasm_module *module = instance->module;
    struct wasm_error ignored = {.status = WASM_OK};
    struct wasm_reader reader = {module->bytes, at, module->bytes + module->size_bytes, "", &ignored};
    struct wasm_instruction now = {.code = 0};
    uint32_t index = 0;
    int32_t narrow = 0;
    int64_t wide = 0;
    const uint8_t *bytes = at;
    *value = (union wasm_value){.slots = {0, 0}};
    wasm_instruction_read(&reader, &now);
    switch (now.opcode->immediate) {
    case WASM_IMM_GLOBAL:
        wasm_read_u32(&reader, &index);
        *value = wasm_global_get(instance->globals[index]);
        break;
    case WASM_IMM_FUNC:
        wasm_read_u32(&reader, &index);
        value->ref = wasm_ref_of(instance->funcs[index]);
        break;
    case WASM_IMM_I32:
        wasm_read_s32(&reader, &narrow);
        value->i32 = (uint32_t)narrow;
        break;
    case WASM_IMM_I64:
        wasm_read_s64(&reader, &wide);
        value->i64 = (uint64_t)wide;
        break;
    case WASM_IMM_REFTYPE: /* null is zero */
        reader.at++;
        break;
    default: { /* f32, f64, v128: the bytes themselves */
        uint32_t size_bytes = now.opcode->immediate == WASM_IMM_F32   ? 4
                              : now.opcode->immediate == WASM_IMM_F64 ? 8
                                                                      : 16;
        wasm_read_bytes(&reader, size_bytes, &bytes);
        __builtin_memcpy(value->v128, bytes, size_bytes);
    }
    }
    return reader.at + 1; /* behind `end` */
}

static bool make_globals(struct wasm_instance *instance, struct wasm_error *error)
{
    const struct wasm_module *module = instance->module;
    for (uint32_t i = module->global_import_count; i < module->global_count; i++) {
        const struct wasm_global_decl *decl = &module->globals[i];
        union wasm_value value;
        evaluate(instance, decl->init.at, &value);
        enum wasm_status status = wasm_global_create(instance->store, decl->type.type, decl->type.is_mutable,
                                                     value, &instance->globals[i]);
        if (status != WASM_OK)
            return make_failed(error, status, "global");
    }
    return true;
}

static void evaluate_items(const struct wasm_instance *instance, const struct wasm_elem_decl *decl,
                           uint64_t *refs)
{
    const struct wasm_module *module = instance->module;
    struct wasm_error ignored = {.status = WASM_OK};
    struct wasm_reader reader = {module->bytes, decl->items, module->bytes + module->size_bytes, "",
                                 &ignored};
    for (uint32_t i = 0; i < decl->count; i++) {
        uint32_t index = 0;
        if (decl->is_expressions) {
            union wasm_value value;
            reader.at = evaluate(instance, reader.at, &value);
            refs[i] = value.ref;
        } else {
            wasm_read_u32(&reader, &index);
            refs[i] = wasm_ref_of(instance->funcs[index]);
        }
    }
}

static bool make_segments(struct wasm_instance *instance, struct wasm_error *error)
{
    const struct wasm_module *module = instance->module;
    for (uint32_t i = 0; i < module->elem_count; i++) {
        const struct wasm_elem_decl *decl = &module->elems[i];
        struct wasm_elem *elem = &instance->elems[i];
        elem->refs = wasm_platform_alloc(&instance->store->platform, decl->count, sizeof(*elem->refs));
        if (elem->refs == NULL)
            return make_failed(error, WASM_NO_MEMORY, "segment");
        elem->count = decl->count;
        evaluate_items(instance, decl, elem->refs);
    }
    for (uint32_t i = 0; i < module->data_count; i++)
        instance->data_sizes[i] = module->datas[i].size_bytes;
    return true;
}

/* ---- instantiation ---------------------------------------------------------------------------------------
 */

/* Writes the active segments; like table.init and memory.init at the start of the start function. */
static enum wasm_trap_kind write_segments(struct wasm_instance *instance)
{
    const struct wasm_module *module = instance->module;
    union wasm_value offset;
    enum wasm_trap_kind trap = WASM_TRAP_NONE;
    for (uint32_t i = 0; i < module->elem_count && trap == WASM_TRAP_NONE; i++) {
        const struct wasm_elem_decl *elem = &module->elems[i];
        if (elem->mode == WASM_SEGMENT_ACTIVE) {
            evaluate(instance, elem->offset.at, &offset);
            trap = wasm_table_init(instance, i, instance->tables[elem->table], offset.i32, 0, elem->count);
        }
        if (elem->mode != WASM_SEGMENT_PASSIVE && trap == WASM_TRAP_NONE)
            wasm_elem_drop(instance, i);
    }
    for (uint32_t i = 0; i < module->data_count && trap == WASM_TRAP_NONE; i++) {
        const struct wasm_data_decl *data = &module->datas[i];
        if (data->mode != WASM_SEGMENT_ACTIVE)
            continue;
        evaluate(instance, data->offset.at, &offset);
        trap = wasm_memory_init(instance, i, offset.i32, 0, data->size_bytes);
        instance->data_sizes[i] = 0;
    }
    return trap;
}

static enum wasm_status instance_prepare(struct wasm_instance *instance, wasm_resolve_fn resolve,
                                         void *context, struct wasm_error *error)
{
    if (!instance_arrays(instance)) {
        make_failed(error, WASM_NO_MEMORY, "instance");
        return error->status;
    }
    make_funcs(instance);
    if (!resolve_imports(instance, resolve, context, error) || !make_tables_and_memory(instance, error) ||
        !make_globals(instance, error) || !make_segments(instance, error))
        return error->status;
    return WASM_OK;
}

static enum wasm_status instance_start(struct wasm_instance *instance, struct wasm_trap *trap)
{
    enum wasm_trap_kind kind = write_segments(instance);
    if (kind != WASM_TRAP_NONE) {
        *trap = (struct wasm_trap){.kind = kind};
        return WASM_TRAPPED;
    }
    if (!instance->module->has_start)
        return WASM_OK;
    return wasm_call(instance->store, instance->funcs[instance->module->start], NULL, 0, NULL, 0, trap);
}

enum wasm_status wasm_instantiate(struct wasm_store *store, const struct wasm_module *module,
                                  wasm_resolve_fn resolve, void *context, struct wasm_instance **instance,
                                  struct wasm_trap *trap, struct wasm_error *error)
{
    struct wasm_instance *made = wasm_platform_alloc(&store->platform, 1, sizeof(*made));
    if (made == NULL) {
        make_failed(error, WASM_NO_MEMORY, "instance");
        return WASM_NO_MEMORY;
    }
    made->module = module;
    made->store = store;
    enum wasm_status status = instance_prepare(made, resolve, context, error);
    if (status != WASM_OK) {
        instance_destroy(made);
        return status;
    }
    /* From here on its functions can be in tables of others: it stays, even if it traps. */
    made->next = store->instances;
    store->instances = made;
    status = instance_start(made, trap);
    if (status == WASM_OK)
        *instance = made;
    return status;
}

/* ---- looking at one --------------------------------------------------------------------------------------
 */

static struct wasm_extern extern_at(const struct wasm_instance *instance, enum wasm_kind kind, uint32_t index)
{
    struct wasm_extern object = {.kind = kind};
    switch (kind) {
    case WASM_FUNC:
        object.as.func = instance->funcs[index];
        break;
    case WASM_TABLE:
        object.as.table = instance->tables[index];
        break;
    case WASM_MEMORY:
        object.as.memory = instance->memory;
        break;
    default:
        object.as.global = instance->globals[index];
    }
    return object;
}

bool wasm_instance_export(const struct wasm_instance *instance, const char *name, size_t size_bytes,
                          struct wasm_extern *found)
{
    const struct wasm_module *module = instance->module;
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct wasm_export_decl *export = &module->exports[i];
        if (export->name.size_bytes == size_bytes &&
            __builtin_memcmp(export->name.bytes, name, size_bytes) == 0) {
            *found = extern_at(instance, export->kind, export->index);
            return true;
        }
    }
    return false;
}

const struct wasm_module *wasm_instance_module(const struct wasm_instance *instance)
{
    return instance->module;
}

struct wasm_memory *wasm_instance_memory(const struct wasm_instance *instance, uint32_t index)
{
    return index == 0 ? instance->memory : NULL;
}

struct wasm_global *wasm_instance_global(const struct wasm_instance *instance, uint32_t index)
{
    return index < instance->module->global_count ? instance->globals[index] : NULL;
}
