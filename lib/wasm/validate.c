/*
 * Validation of a module apart from its function bodies: index spaces, constant expressions, exports,
 * segments. Function bodies are validate_code.c's. What decoding could check by itself it has checked.
 */
#include "module.h"
#include "opcode.h"

enum {
    OP_END = 0x0b,
    OP_GLOBAL_GET = 0x23,
    OP_I32_CONST = 0x41,
    OP_F64_CONST = 0x44,
    OP_REF_NULL = 0xd0,
    OP_REF_FUNC = 0xd2,
    OP_V128_CONST = 12,
};

struct checker {
    struct wasm_module *module;
    struct wasm_reader reader;
};

static void declare(struct wasm_module *module, uint32_t function)
{
    module->declared[function / 8] |= (uint8_t)(1u << (function % 8));
}

/* ---- constant expressions ---------------------------------------------------------------------------------
 */

static bool constant_global(struct checker *checker, const uint8_t *at, uint8_t *type)
{
    uint32_t index;
    if (!wasm_read_u32(&checker->reader, &index))
        return false;
    if (index >= checker->module->global_import_count)
        return wasm_reader_fail_at(&checker->reader, WASM_INVALID, at,
                                   "unknown global %u (only imported ones here)", index);
    if (checker->module->globals[index].type.is_mutable)
        return wasm_reader_fail_at(&checker->reader, WASM_INVALID, at,
                                   "constant expression required: global %u is mutable", index);
    *type = checker->module->globals[index].type.type;
    return true;
}

static bool constant_function(struct checker *checker, const uint8_t *at, uint8_t *type)
{
    uint32_t index;
    if (!wasm_read_u32(&checker->reader, &index))
        return false;
    if (index >= checker->module->func_count)
        return wasm_reader_fail_at(&checker->reader, WASM_INVALID, at, "unknown function %u", index);
    declare(checker->module, index);
    *type = WASM_FUNCREF;
    return true;
}

static bool constant_instruction(struct checker *checker, const struct wasm_instruction *now, uint8_t *type)
{
    bool plain = now->prefix == 0;
    if (plain && now->code == OP_GLOBAL_GET)
        return constant_global(checker, now->at, type);
    if (plain && now->code == OP_REF_FUNC)
        return constant_function(checker, now->at, type);
    if (plain && now->code == OP_REF_NULL) {
        if (!wasm_read_byte(&checker->reader, type))
            return false;
        return wasm_type_is_ref(*type) || wasm_reader_fail_at(&checker->reader, WASM_MALFORMED, now->at,
                                                              "malformed reference type %u", *type);
    }
    if ((plain && now->code >= OP_I32_CONST && now->code <= OP_F64_CONST) ||
        (now->prefix == WASM_PREFIX_SIMD && now->code == OP_V128_CONST)) {
        *type = wasm_type_of_letter(now->opcode->result);
        return wasm_immediates_skip(&checker->reader, now);
    }
    return wasm_reader_fail_at(&checker->reader, WASM_INVALID, now->at,
                               "constant expression required, found %s", now->opcode->name);
}

/* Every constant instruction pushes one value and none pops, so a valid expression is exactly one and `end`.
 */
static bool check_constant(struct checker *checker, const struct wasm_constant *constant)
{
    struct wasm_reader *reader = &checker->reader;
    uint32_t count = 0;
    uint8_t type = 0;
    reader->at = constant->at;
    for (;;) {
        struct wasm_instruction now;
        if (!wasm_instruction_read(reader, &now))
            return false;
        if (now.prefix == 0 && now.code == OP_END)
            break;
        if (!constant_instruction(checker, &now, &type))
            return false;
        count++;
    }
    if (count != 1)
        return wasm_reader_fail_at(reader, WASM_INVALID, constant->at,
                                   "type mismatch: a constant expression must leave one value, not %u",
                                   count);
    if (type != constant->type)
        return wasm_reader_fail_at(reader, WASM_INVALID, constant->at,
                                   "type mismatch: constant expression of type %s, expected %s",
                                   wasm_type_name(type), wasm_type_name(constant->type));
    return true;
}

/* ---- sections --------------------------------------------------------------------------------------------
 */

static bool check_globals(struct checker *checker)
{
    checker->reader.section = "global";
    for (uint32_t i = checker->module->global_import_count; i < checker->module->global_count; i++) {
        if (!check_constant(checker, &checker->module->globals[i].init))
            return false;
    }
    return true;
}

static uint32_t space_size(const struct wasm_module *module, enum wasm_kind kind)
{
    switch (kind) {
    case WASM_FUNC:
        return module->func_count;
    case WASM_TABLE:
        return module->table_count;
    case WASM_MEMORY:
        return module->memory_count;
    default:
        return module->global_count;
    }
}

static int name_compare(struct wasm_name a, struct wasm_name b)
{
    uint32_t shorter = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    int order = __builtin_memcmp(a.bytes, b.bytes, shorter);
    return order != 0 ? order : (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

static void heap_sift(struct wasm_name *names, uint32_t root, uint32_t count)
{
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && name_compare(names[child], names[child + 1]) < 0)
            child++;
        if (name_compare(names[root], names[child]) >= 0)
            return;
        struct wasm_name swapped = names[root];
        names[root] = names[child];
        names[child] = swapped;
    }
}

/* Heap sort: n log n whatever the names are, and no recursion. */
static void sort_names(struct wasm_name *names, uint32_t count)
{
    for (uint32_t root = count / 2; root-- > 0;)
        heap_sift(names, root, count);
    while (count > 1) {
        struct wasm_name largest = names[0];
        names[0] = names[--count];
        names[count] = largest;
        heap_sift(names, 0, count);
    }
}

static bool check_export_names(struct checker *checker)
{
    struct wasm_module *module = checker->module;
    struct wasm_name *names = wasm_platform_alloc(&module->platform, module->export_count, sizeof(*names));
    bool unique = true;
    if (names == NULL)
        return wasm_reader_fail(&checker->reader, WASM_NO_MEMORY, "no memory for validation");
    for (uint32_t i = 0; i < module->export_count; i++)
        names[i] = module->exports[i].name;
    sort_names(names, module->export_count);
    for (uint32_t i = 1; i < module->export_count && unique; i++) {
        if (name_compare(names[i - 1], names[i]) == 0)
            unique = wasm_reader_fail_at(&checker->reader, WASM_INVALID, (const uint8_t *)names[i].bytes,
                                         "duplicate export name \"%n\"", &names[i]);
    }
    wasm_platform_free(&module->platform, names, module->export_count, sizeof(*names));
    return unique;
}

static bool check_exports(struct checker *checker)
{
    static const char *const kind_names[] = {"function", "table", "memory", "global"};
    struct wasm_module *module = checker->module;
    checker->reader.section = "export";
    for (uint32_t i = 0; i < module->export_count; i++) {
        const struct wasm_export_decl *export = &module->exports[i];
        if (export->index >= space_size(module, export->kind))
            return wasm_reader_fail_at(&checker->reader, WASM_INVALID, (const uint8_t *)export->name.bytes,
                                       "unknown %s %u in export \"%n\"", kind_names[export->kind],
                                       export->index, &export->name);
        if (export->kind == WASM_FUNC)
            declare(module, export->index);
    }
    return check_export_names(checker);
}

static bool check_start(struct checker *checker)
{
    const struct wasm_module *module = checker->module;
    checker->reader.section = "start";
    if (!module->has_start)
        return true;
    if (module->start >= module->func_count)
        return wasm_reader_fail_at(&checker->reader, WASM_INVALID, module->start_at, "unknown function %u",
                                   module->start);
    const struct wasm_functype *type = module->func_types[module->start];
    if (type->param_count != 0 || type->result_count != 0)
        return wasm_reader_fail_at(&checker->reader, WASM_INVALID, module->start_at,
                                   "start function must take and return nothing");
    return true;
}

static bool check_elem_items(struct checker *checker, const struct wasm_elem_decl *elem)
{
    struct wasm_reader *reader = &checker->reader;
    reader->at = elem->items;
    for (uint32_t i = 0; i < elem->count; i++) {
        const uint8_t *at = reader->at;
        uint32_t index;
        if (elem->is_expressions) {
            if (!check_constant(checker, &(struct wasm_constant){at, elem->type}))
                return false;
            continue;
        }
        if (!wasm_read_u32(reader, &index))
            return false;
        if (index >= checker->module->func_count)
            return wasm_reader_fail_at(reader, WASM_INVALID, at, "unknown function %u", index);
        declare(checker->module, index);
    }
    return true;
}

static bool check_elems(struct checker *checker)
{
    const struct wasm_module *module = checker->module;
    checker->reader.section = "element";
    for (uint32_t i = 0; i < module->elem_count; i++) {
        const struct wasm_elem_decl *elem = &module->elems[i];
        if (elem->mode == WASM_SEGMENT_ACTIVE) {
            if (elem->table >= module->table_count)
                return wasm_reader_fail_at(&checker->reader, WASM_INVALID, elem->at, "unknown table %u",
                                           elem->table);
            if (module->tables[elem->table].type != elem->type)
                return wasm_reader_fail_at(&checker->reader, WASM_INVALID, elem->at,
                                           "type mismatch: segment of %s for a table of %s",
                                           wasm_type_name(elem->type),
                                           wasm_type_name(module->tables[elem->table].type));
            if (!check_constant(checker, &elem->offset))
                return false;
        }
        if (!check_elem_items(checker, elem))
            return false;
    }
    return true;
}

static bool check_datas(struct checker *checker)
{
    const struct wasm_module *module = checker->module;
    checker->reader.section = "data";
    for (uint32_t i = 0; i < module->data_count; i++) {
        const struct wasm_data_decl *data = &module->datas[i];
        if (data->mode != WASM_SEGMENT_ACTIVE)
            continue;
        if (data->memory >= module->memory_count)
            return wasm_reader_fail_at(&checker->reader, WASM_INVALID, data->at, "unknown memory %u",
                                       data->memory);
        if (!check_constant(checker, &data->offset))
            return false;
    }
    return true;
}

static bool check_codes(struct wasm_module *module, struct wasm_error *error)
{
    struct wasm_validator *validator = wasm_validator_create(module, error);
    bool valid = true;
    if (validator == NULL)
        return false;
    for (uint32_t i = module->func_import_count; i < module->func_count && valid; i++)
        valid = wasm_validator_function(validator, i);
    wasm_validator_destroy(validator);
    for (uint32_t i = 0; valid && i < module->func_count - module->func_import_count; i++) {
        struct wasm_code *code = &module->codes[i];
        code->sides = module->sides == NULL ? NULL : module->sides + code->side_first;
        code->local_map = module->local_map == NULL ? NULL : module->local_map + code->local_map_first;
    }
    return valid;
}

bool wasm_module_validate(struct wasm_module *module, struct wasm_error *error)
{
    struct checker checker = {
        module, {module->bytes, module->bytes, module->bytes + module->size_bytes, "module", error}};
    return check_globals(&checker) && check_exports(&checker) && check_start(&checker) &&
           check_elems(&checker) && check_datas(&checker) && check_codes(module, error);
}
