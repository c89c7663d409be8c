/* Loading, destroying and looking at modules; the platform's allocator. See wasm.h and module.h. */
#include "module.h"

/* ---- allocation ------------------------------------------------------------------------------------------
 */

void *wasm_platform_alloc(const struct wasm_platform *platform, uint64_t count, uint64_t size_bytes)
{
    uint64_t total;
    if (__builtin_mul_overflow(count, size_bytes, &total) || total > PTRDIFF_MAX)
        return NULL;
    void *memory = platform->alloc(platform->context, total == 0 ? 1 : total);
    if (memory != NULL)
        __builtin_memset(memory, 0, total);
    return memory;
}

void wasm_platform_free(const struct wasm_platform *platform, void *memory, uint64_t count,
                        uint64_t size_bytes)
{
    uint64_t total = count * size_bytes;
    if (memory != NULL)
        platform->free(platform->context, memory, total == 0 ? 1 : total);
}

bool wasm_platform_grow(const struct wasm_platform *platform, void **array, uint32_t *capacity,
                        uint32_t needed, uint64_t size_bytes)
{
    if (needed <= *capacity)
        return true;
    uint64_t wanted = *capacity < 64 ? 64 : (uint64_t)*capacity * 2;
    if (wanted < needed)
        wanted = needed;
    if (wanted > UINT32_MAX)
        return false;
    void *larger = wasm_platform_alloc(platform, wanted, size_bytes);
    if (larger == NULL)
        return false;
    if (*array != NULL)
        __builtin_memcpy(larger, *array, *capacity * size_bytes);
    wasm_platform_free(platform, *array, *capacity, size_bytes);
    *array = larger;
    *capacity = (uint32_t)wanted;
    return true;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

void wasm_module_destroy(struct wasm_module *module)
{
    if (module == NULL)
        return;
    struct wasm_platform platform = module->platform;
    uint32_t own_funcs = module->func_count - module->func_import_count;
#define RELEASE(array, count) wasm_platform_free(&platform, module->array, (count), sizeof(module->array[0]))
    RELEASE(types, module->type_count);
    RELEASE(imports, module->import_count);
    RELEASE(func_types, module->func_count);
    RELEASE(tables, module->table_count);
    RELEASE(memories, module->memory_count);
    RELEASE(globals, module->global_count);
    RELEASE(codes, own_funcs);
    RELEASE(declared, (module->func_count + 7) / 8);
    RELEASE(exports, module->export_count);
    RELEASE(elems, module->elem_count);
    RELEASE(datas, module->data_count);
    RELEASE(sides, module->side_capacity);
    RELEASE(local_map, module->local_map_capacity);
#undef RELEASE
    wasm_platform_free(&platform, module, 1, sizeof(*module));
}

enum wasm_status wasm_module_load(const struct wasm_platform *platform, const uint8_t *bytes,
                                  size_t size_bytes, struct wasm_module **module, struct wasm_error *error)
{
    error->status = WASM_OK;
    error->section = NULL;
    error->rule[0] = 0;
    struct wasm_module *loaded = wasm_platform_alloc(platform, 1, sizeof(*loaded));
    if (loaded == NULL) {
        wasm_error_set(error, WASM_NO_MEMORY, "no memory for the module");
        return WASM_NO_MEMORY;
    }
    loaded->platform = *platform;
    loaded->bytes = bytes;
    loaded->size_bytes = size_bytes;
    if (!wasm_module_decode(loaded, error) || !wasm_module_validate(loaded, error)) {
        wasm_module_destroy(loaded);
        return error->status;
    }
    *module = loaded;
    return WASM_OK;
}

/* ---- looking at one --------------------------------------------------------------------------------------
 */

const char *wasm_type_name(uint8_t type)
{
    switch (type) {
    case WASM_I32:
        return "i32";
    case WASM_I64:
        return "i64";
    case WASM_F32:
        return "f32";
    case WASM_F64:
        return "f64";
    case WASM_V128:
        return "v128";
    case WASM_FUNCREF:
        return "funcref";
    case WASM_EXTERNREF:
        return "externref";
    default:
        return "?";
    }
}

bool wasm_name_equal(struct wasm_name name, const char *text)
{
    for (uint32_t i = 0; i < name.size_bytes; i++) {
        if (text[i] == 0 || text[i] != name.bytes[i])
            return false;
    }
    return text[name.size_bytes] == 0;
}

bool wasm_functype_equal(const struct wasm_functype *a, const struct wasm_functype *b)
{
    return a == b || (a->param_count == b->param_count && a->result_count == b->result_count &&
                      __builtin_memcmp(a->params, b->params, a->param_count) == 0 &&
                      __builtin_memcmp(a->results, b->results, a->result_count) == 0);
}

uint32_t wasm_module_import_count(const struct wasm_module *module)
{
    return module->import_count;
}

struct wasm_import wasm_module_import(const struct wasm_module *module, uint32_t index)
{
    const struct wasm_import_decl *decl = &module->imports[index];
    return (struct wasm_import){decl->module, decl->name, decl->type};
}

uint32_t wasm_module_export_count(const struct wasm_module *module)
{
    return module->export_count;
}

static struct wasm_extern_type export_type(const struct wasm_module *module,
                                           const struct wasm_export_decl *decl)
{
    struct wasm_extern_type type = {.kind = WASM_FUNC};
    switch (decl->kind) {
    case WASM_FUNC:
        type.func = module->func_types[decl->index];
        return type;
    case WASM_TABLE:
        return module->tables[decl->index];
    case WASM_MEMORY:
        return module->memories[decl->index];
    default:
        return module->globals[decl->index].type;
    }
}

struct wasm_export wasm_module_export(const struct wasm_module *module, uint32_t index)
{
    const struct wasm_export_decl *decl = &module->exports[index];
    return (struct wasm_export){decl->name, export_type(module, decl)};
}

/* ---- names of functions ----------------------------------------------------------------------------------
 */

enum { NAME_SUBSECTION_FUNCTIONS = 1 };

/* The name section is not validated: whatever is wrong in it only means that there are no names. */
static bool name_section_find(const struct wasm_module *module, uint32_t function_index,
                              struct wasm_name *name)
{
    struct wasm_error ignored = {.status = WASM_OK};
    struct wasm_reader reader = {module->bytes, module->name_section, module->name_section_end, "name",
                                 &ignored};
    uint8_t id;
    uint32_t size_bytes, count, index;
    while (reader.at < reader.end && wasm_read_byte(&reader, &id) && wasm_read_u32(&reader, &size_bytes) &&
           size_bytes <= (uint64_t)(reader.end - reader.at)) {
        if (id != NAME_SUBSECTION_FUNCTIONS) {
            reader.at += size_bytes;
            continue;
        }
        if (!wasm_read_u32(&reader, &count))
            return false;
        while (count-- > 0 && wasm_read_u32(&reader, &index) && wasm_read_name(&reader, name)) {
            if (index == function_index)
                return true;
        }
        return false;
    }
    return false;
}

static bool imported_function_name(const struct wasm_module *module, uint32_t function_index,
                                   struct wasm_name *name)
{
    uint32_t index = 0;
    for (uint32_t i = 0; i < module->import_count; i++) {
        if (module->imports[i].type.kind != WASM_FUNC)
            continue;
        if (index++ == function_index) {
            *name = module->imports[i].name;
            return true;
        }
    }
    return false;
}

struct wasm_name wasm_module_function_name(const struct wasm_module *module, uint32_t function_index)
{
    struct wasm_name name = {"", 0};
    if (module->name_section != NULL && name_section_find(module, function_index, &name))
        return name;
    for (uint32_t i = 0; i < module->export_count; i++) {
        if (module->exports[i].kind == WASM_FUNC && module->exports[i].index == function_index)
            return module->exports[i].name;
    }
    if (function_index < module->func_import_count && imported_function_name(module, function_index, &name))
        return name;
    return (struct wasm_name){"", 0};
}
