/*
 * Decoding: the bytes of a module to a struct wasm_module. Checks the encoding and the limits, and nothing
 * that needs more than the section at hand: indexes, types and code are the validator's. One pass, no
 * recursion. A count is believed only up to the bytes that are left, so that a few bytes cannot ask for
 * gigabytes.
 */
#include "module.h"
#include "opcode.h"

enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_COUNT
};

static const char *const section_names[SECTION_COUNT] = {
    "custom", "type",  "import",  "function", "table", "memory",    "global",
    "export", "start", "element", "code",     "data",  "data count"};

/* Where a section must stand: data count lies between element and code. */
static const uint8_t section_order[SECTION_COUNT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10};

struct decoder {
    struct wasm_reader reader;
    struct wasm_module *module;
    uint32_t own_func_count; /* of the function section, to compare with the code section */
    uint32_t code_count;
};

/* ---- small things ----------------------------------------------------------------------------------------
 */

/* A vector's length: within the limit, and every element takes at least one byte. */
static bool read_count(struct wasm_reader *reader, uint32_t limit, const char *what, uint32_t *count)
{
    const uint8_t *at = reader->at;
    uint32_t value;
    if (!wasm_read_u32(reader, &value))
        return false;
    if (value > (uint64_t)(reader->end - reader->at))
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "unexpected end: %u %s in %u bytes", value,
                                   what, (uint32_t)(reader->end - reader->at));
    if (value > limit)
        return wasm_reader_fail_at(reader, WASM_LIMIT, at, "too many %s: %u, at most %u", what, value, limit);
    *count = value;
    return true;
}

static bool allocate(struct decoder *decoder, uint64_t count, uint64_t size_bytes, void *array)
{
    void *memory = wasm_platform_alloc(&decoder->module->platform, count, size_bytes);
    if (memory == NULL)
        return wasm_reader_fail(&decoder->reader, WASM_NO_MEMORY, "no memory for the module");
    __builtin_memcpy(array, &memory, sizeof(memory)); /* array is a T ** of whichever T */
    return true;
}

static bool read_value_type(struct wasm_reader *reader, uint8_t *type)
{
    const uint8_t *at = reader->at;
    if (!wasm_read_byte(reader, type))
        return false;
    if (!wasm_type_is_value(*type))
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed value type %u", *type);
    return true;
}

static bool read_ref_type(struct wasm_reader *reader, uint8_t *type)
{
    const uint8_t *at = reader->at;
    if (!wasm_read_byte(reader, type))
        return false;
    if (!wasm_type_is_ref(*type))
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed reference type %u", *type);
    return true;
}

/* Rules about a single limits pair are checked here, where its offset is at hand. */
static bool read_bounds(struct wasm_reader *reader, uint32_t limit, struct wasm_bounds *bounds)
{
    const uint8_t *at = reader->at;
    uint8_t flags;
    if (!wasm_read_byte(reader, &flags))
        return false;
    if (flags > 1)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed limits flags %u", flags);
    bounds->has_max = flags == 1;
    bounds->max = UINT32_MAX;
    if (!wasm_read_u32(reader, &bounds->min) || (flags == 1 && !wasm_read_u32(reader, &bounds->max)))
        return false;
    if (bounds->min > limit || (flags == 1 && bounds->max > limit))
        return wasm_reader_fail_at(reader, WASM_INVALID, at,
                                   "memory size must be at most 65536 pages (4GiB)");
    if (bounds->min > bounds->max)
        return wasm_reader_fail_at(reader, WASM_INVALID, at,
                                   "size minimum must not be greater than maximum: %u and %u", bounds->min,
                                   bounds->max);
    return true;
}

static bool read_table_type(struct wasm_reader *reader, struct wasm_extern_type *type)
{
    *type = (struct wasm_extern_type){.kind = WASM_TABLE};
    return read_ref_type(reader, &type->type) && read_bounds(reader, UINT32_MAX, &type->bounds);
}

static bool read_memory_type(struct wasm_reader *reader, struct wasm_extern_type *type)
{
    *type = (struct wasm_extern_type){.kind = WASM_MEMORY};
    return read_bounds(reader, WASM_PAGES_MAX, &type->bounds);
}

static bool read_global_type(struct wasm_reader *reader, struct wasm_extern_type *type)
{
    uint8_t mutability;
    *type = (struct wasm_extern_type){.kind = WASM_GLOBAL};
    if (!read_value_type(reader, &type->type) || !wasm_read_byte(reader, &mutability))
        return false;
    if (mutability > 1)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, reader->at - 1, "malformed mutability %u",
                                   mutability);
    type->is_mutable = mutability == 1;
    return true;
}

/* A constant expression's extent: instructions up to the `end` that closes it. What they are is the
 * validator's. */
static bool read_constant(struct wasm_reader *reader, uint8_t type, struct wasm_constant *constant)
{
    uint32_t depth = 0;
    *constant = (struct wasm_constant){reader->at, type};
    for (;;) {
        struct wasm_instruction instruction;
        if (!wasm_instruction_read(reader, &instruction) || !wasm_immediates_skip(reader, &instruction))
            return false;
        if (instruction.opcode->immediate == WASM_IMM_BLOCK)
            depth++;
        if (instruction.prefix == 0 && instruction.code == 0x0b && depth-- == 0)
            return true;
    }
}

/* ---- sections, in the order of their ids
 * ------------------------------------------------------------------- */

static bool decode_custom(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_name name;
    if (!wasm_read_name(reader, &name))
        return false;
    if (decoder->module->name_section == NULL && wasm_name_equal(name, "name")) {
        decoder->module->name_section = reader->at;
        decoder->module->name_section_end = reader->end;
    }
    reader->at = reader->end;
    return true;
}

static bool read_type_list(struct wasm_reader *reader, uint32_t limit, const char *what,
                           const uint8_t **types, uint16_t *count, uint16_t *slots)
{
    uint32_t length;
    uint32_t total_slots = 0;
    if (!read_count(reader, limit, what, &length))
        return false;
    *types = reader->at;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t type;
        if (!read_value_type(reader, &type))
            return false;
        total_slots += wasm_type_slots(type);
    }
    *count = (uint16_t)length;
    *slots = (uint16_t)total_slots;
    return true;
}

static bool decode_types(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count;
    if (!read_count(reader, WASM_TYPES_MAX, "types", &count) ||
        !allocate(decoder, count, sizeof(*module->types), &module->types))
        return false;
    module->type_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct wasm_functype *type = &module->types[i];
        uint8_t tag;
        if (!wasm_read_byte(reader, &tag))
            return false;
        if (tag != WASM_FUNC_TYPE_TAG)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, reader->at - 1,
                                       "type %u is not a function type", i);
        if (!read_type_list(reader, WASM_PARAMS_MAX, "parameters", &type->params, &type->param_count,
                            &type->param_slots) ||
            !read_type_list(reader, WASM_RESULTS_MAX, "results", &type->results, &type->result_count,
                            &type->result_slots))
            return false;
    }
    return true;
}

/* Function imports need their type at once, since func_types is built from them: the index is checked here.
 */
static bool read_func_type_index(struct decoder *decoder, const struct wasm_functype **type)
{
    const uint8_t *at = decoder->reader.at;
    uint32_t index;
    if (!wasm_read_u32(&decoder->reader, &index))
        return false;
    if (index >= decoder->module->type_count)
        return wasm_reader_fail_at(&decoder->reader, WASM_INVALID, at, "unknown type %u", index);
    *type = &decoder->module->types[index];
    return true;
}

static bool read_import(struct decoder *decoder, struct wasm_import_decl *import)
{
    struct wasm_reader *reader = &decoder->reader;
    uint8_t kind;
    if (!wasm_read_name(reader, &import->module) || !wasm_read_name(reader, &import->name) ||
        !wasm_read_byte(reader, &kind))
        return false;
    switch (kind) {
    case WASM_FUNC:
        import->type = (struct wasm_extern_type){.kind = WASM_FUNC};
        decoder->module->func_import_count++;
        return read_func_type_index(decoder, &import->type.func);
    case WASM_TABLE:
        decoder->module->table_import_count++;
        return read_table_type(reader, &import->type);
    case WASM_MEMORY:
        decoder->module->memory_import_count++;
        return read_memory_type(reader, &import->type);
    case WASM_GLOBAL:
        decoder->module->global_import_count++;
        return read_global_type(reader, &import->type);
    default:
        return wasm_reader_fail_at(reader, WASM_MALFORMED, reader->at - 1, "malformed import kind %u", kind);
    }
}

static bool decode_imports(struct decoder *decoder)
{
    struct wasm_module *module = decoder->module;
    uint32_t count;
    if (!read_count(&decoder->reader, WASM_IMPORTS_MAX, "imports", &count) ||
        !allocate(decoder, count, sizeof(*module->imports), &module->imports))
        return false;
    module->import_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_import(decoder, &module->imports[i]))
            return false;
    }
    return true;
}

/* Makes an index space of own_count entries behind the imported ones. */
static bool decode_functions(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count = 0;
    if (reader->at != reader->end &&
        !read_count(reader, WASM_FUNCTIONS_MAX - module->func_import_count, "functions", &count))
        return false;
    uint32_t total = module->func_import_count + count;
    if (!allocate(decoder, total, sizeof(*module->func_types), &module->func_types))
        return false;
    module->func_count = total;
    if (!allocate(decoder, (total + 7) / 8, 1, &module->declared) ||
        !allocate(decoder, count, sizeof(*module->codes), &module->codes))
        return false;
    decoder->own_func_count = count;
    for (uint32_t i = 0, next = 0; i < module->import_count; i++) {
        if (module->imports[i].type.kind == WASM_FUNC)
            module->func_types[next++] = module->imports[i].type.func;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!read_func_type_index(decoder, &module->func_types[module->func_import_count + i]))
            return false;
        module->codes[i].type = module->func_types[module->func_import_count + i];
    }
    return true;
}

static void copy_imported_types(const struct wasm_module *module, enum wasm_kind kind,
                                struct wasm_extern_type *types, size_t stride_bytes)
{
    for (uint32_t i = 0; i < module->import_count; i++) {
        if (module->imports[i].type.kind == kind) {
            *types = module->imports[i].type;
            types = (struct wasm_extern_type *)(void *)((uint8_t *)types + stride_bytes);
        }
    }
}

static bool decode_tables(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count = 0;
    if (module->table_import_count > WASM_TABLES_MAX)
        return wasm_reader_fail(reader, WASM_LIMIT, "too many tables: at most %u", (uint32_t)WASM_TABLES_MAX);
    if (reader->at != reader->end &&
        !read_count(reader, WASM_TABLES_MAX - module->table_import_count, "tables", &count))
        return false;
    uint32_t total = module->table_import_count + count;
    if (!allocate(decoder, total, sizeof(*module->tables), &module->tables))
        return false;
    module->table_count = total;
    copy_imported_types(module, WASM_TABLE, module->tables, sizeof(*module->tables));
    for (uint32_t i = module->table_import_count; i < total; i++) {
        if (!read_table_type(reader, &module->tables[i]))
            return false;
    }
    return true;
}

static bool decode_memories(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count = 0;
    if (reader->at != reader->end && !read_count(reader, UINT32_MAX, "memories", &count))
        return false;
    uint64_t total = (uint64_t)module->memory_import_count + count;
    if (total > WASM_MEMORIES_MAX)
        return wasm_reader_fail(reader, WASM_INVALID, "multiple memories are not allowed: %u",
                                (uint32_t)total);
    if (!allocate(decoder, total, sizeof(*module->memories), &module->memories))
        return false;
    module->memory_count = (uint32_t)total;
    copy_imported_types(module, WASM_MEMORY, module->memories, sizeof(*module->memories));
    for (uint32_t i = module->memory_import_count; i < total; i++) {
        if (!read_memory_type(reader, &module->memories[i]))
            return false;
    }
    return true;
}

static bool decode_globals(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count = 0;
    if (reader->at != reader->end &&
        !read_count(reader, WASM_GLOBALS_MAX - module->global_import_count, "globals", &count))
        return false;
    uint32_t total = module->global_import_count + count;
    if (!allocate(decoder, total, sizeof(*module->globals), &module->globals))
        return false;
    module->global_count = total;
    if (total > 0)
        copy_imported_types(module, WASM_GLOBAL, &module->globals[0].type, sizeof(*module->globals));
    for (uint32_t i = module->global_import_count; i < total; i++) {
        struct wasm_global_decl *global = &module->globals[i];
        if (!read_global_type(reader, &global->type) ||
            !read_constant(reader, global->type.type, &global->init))
            return false;
    }
    return true;
}

static bool decode_exports(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    uint32_t count;
    if (!read_count(reader, WASM_EXPORTS_MAX, "exports", &count) ||
        !allocate(decoder, count, sizeof(*module->exports), &module->exports))
        return false;
    module->export_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct wasm_export_decl *export = &module->exports[i];
        uint8_t kind;
        if (!wasm_read_name(reader, &export->name) || !wasm_read_byte(reader, &kind))
            return false;
        if (kind > WASM_GLOBAL)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, reader->at - 1, "malformed export kind %u",
                                       kind);
        export->kind = (enum wasm_kind)kind;
        if (!wasm_read_u32(reader, &export->index))
            return false;
    }
    return true;
}

static bool decode_start(struct decoder *decoder)
{
    decoder->module->has_start = true;
    decoder->module->start_at = decoder->reader.at;
    return wasm_read_u32(&decoder->reader, &decoder->module->start);
}

static bool read_elem_items(struct wasm_reader *reader, struct wasm_elem_decl *elem)
{
    if (!read_count(reader, WASM_ELEM_ITEMS_MAX, "element items", &elem->count))
        return false;
    elem->items = reader->at;
    for (uint32_t i = 0; i < elem->count; i++) {
        struct wasm_constant ignored;
        uint32_t index;
        if (elem->is_expressions ? !read_constant(reader, elem->type, &ignored)
                                 : !wasm_read_u32(reader, &index))
            return false;
    }
    return true;
}

/* The segment's flags: bit 0 not active; bit 1 declared, or with an explicit table; bit 2 expressions. */
static bool read_elem(struct wasm_reader *reader, struct wasm_elem_decl *elem)
{
    const uint8_t *at = reader->at;
    uint32_t flags;
    if (!wasm_read_u32(reader, &flags))
        return false;
    if (flags > 7)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed element segment flags %u", flags);
    elem->at = at;
    elem->is_expressions = (flags & 4) != 0;
    elem->type = WASM_FUNCREF;
    elem->mode = (flags & 1) == 0   ? WASM_SEGMENT_ACTIVE
                 : (flags & 2) == 0 ? WASM_SEGMENT_PASSIVE
                                    : WASM_SEGMENT_DECLARED;
    if (elem->mode == WASM_SEGMENT_ACTIVE) {
        if ((flags & 2) != 0 && !wasm_read_u32(reader, &elem->table))
            return false;
        if (!read_constant(reader, WASM_I32, &elem->offset))
            return false;
    }
    if ((flags & 3) != 0) {
        if (elem->is_expressions) {
            if (!read_ref_type(reader, &elem->type))
                return false;
        } else {
            uint8_t kind;
            if (!wasm_read_byte(reader, &kind))
                return false;
            if (kind != 0)
                return wasm_reader_fail_at(reader, WASM_MALFORMED, reader->at - 1,
                                           "malformed element kind %u", kind);
        }
    }
    return read_elem_items(reader, elem);
}

static bool decode_elems(struct decoder *decoder)
{
    struct wasm_module *module = decoder->module;
    uint32_t count;
    if (!read_count(&decoder->reader, WASM_ELEM_SEGMENTS_MAX, "element segments", &count) ||
        !allocate(decoder, count, sizeof(*module->elems), &module->elems))
        return false;
    module->elem_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_elem(&decoder->reader, &module->elems[i]))
            return false;
    }
    return true;
}

static bool decode_codes(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(reader, WASM_FUNCTIONS_MAX, "function bodies", &count))
        return false;
    if (count != decoder->own_func_count)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at,
                                   "function and code section have inconsistent lengths: %u and %u",
                                   decoder->own_func_count, count);
    decoder->code_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct wasm_code *code = &decoder->module->codes[i];
        uint32_t size_bytes;
        at = reader->at;
        if (!wasm_read_u32(reader, &size_bytes) || !wasm_read_bytes(reader, size_bytes, &code->body))
            return false;
        if (size_bytes > WASM_BODY_SIZE_MAX)
            return wasm_reader_fail_at(reader, WASM_LIMIT, at,
                                       "function body too large: %u bytes, at most %u", size_bytes,
                                       (uint32_t)WASM_BODY_SIZE_MAX);
        code->end = reader->at;
    }
    return true;
}

static bool decode_datas(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    struct wasm_module *module = decoder->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(reader, WASM_DATA_SEGMENTS_MAX, "data segments", &count))
        return false;
    if (module->has_data_count && count != module->data_count)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at,
                                   "data count and data section have inconsistent lengths: %u and %u",
                                   module->data_count, count);
    module->data_count = count;
    if (!allocate(decoder, count, sizeof(*module->datas), &module->datas))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct wasm_data_decl *data = &module->datas[i];
        uint32_t flags;
        at = reader->at;
        data->at = at;
        if (!wasm_read_u32(reader, &flags))
            return false;
        if (flags > 2)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed data segment flags %u", flags);
        data->mode = flags == 1 ? WASM_SEGMENT_PASSIVE : WASM_SEGMENT_ACTIVE;
        if (flags == 2 && !wasm_read_u32(reader, &data->memory))
            return false;
        if (data->mode == WASM_SEGMENT_ACTIVE && !read_constant(reader, WASM_I32, &data->offset))
            return false;
        if (!wasm_read_u32(reader, &data->size_bytes) ||
            !wasm_read_bytes(reader, data->size_bytes, &data->bytes))
            return false;
    }
    return true;
}

static bool decode_data_count(struct decoder *decoder)
{
    decoder->module->has_data_count = true;
    return wasm_read_u32(&decoder->reader, &decoder->module->data_count);
}

typedef bool (*section_decoder)(struct decoder *decoder);
static const section_decoder section_decoders[SECTION_COUNT] = {
    decode_custom,   decode_types,   decode_imports,   decode_functions, decode_tables,
    decode_memories, decode_globals, decode_exports,   decode_start,     decode_elems,
    decode_codes,    decode_datas,   decode_data_count};

/* ---- the whole -------------------------------------------------------------------------------------------
 */

/* Sections that make an index space out of the imports too, and are decoded as empty when they are absent. */
static bool makes_index_space(uint32_t id)
{
    return id == SECTION_FUNCTION || id == SECTION_TABLE || id == SECTION_MEMORY || id == SECTION_GLOBAL;
}

/* Decodes the absent index-space sections whose place is before `order`. */
static bool decode_absent(struct decoder *decoder, uint32_t *done, uint32_t order)
{
    struct wasm_reader outer = decoder->reader;
    for (; *done < order; ++*done) {
        uint32_t id = *done; /* up to SECTION_ELEMENT the order is the id */
        if (!makes_index_space(id))
            continue;
        decoder->reader.end = decoder->reader.at;
        decoder->reader.section = section_names[id];
        if (!section_decoders[id](decoder))
            return false;
        decoder->reader = outer;
    }
    return true;
}

static bool decode_section(struct decoder *decoder, uint32_t *done)
{
    struct wasm_reader *reader = &decoder->reader;
    const uint8_t *module_end = reader->end;
    const uint8_t *at = reader->at;
    uint8_t id;
    uint32_t size_bytes;
    if (!wasm_read_byte(reader, &id))
        return false;
    if (id >= SECTION_COUNT)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "malformed section id %u", id);
    reader->section = section_names[id];
    if (!wasm_read_u32(reader, &size_bytes))
        return false;
    if (size_bytes > (uint64_t)(module_end - reader->at))
        return wasm_reader_fail_at(reader, WASM_MALFORMED, at, "unexpected end: section of %u bytes, %u left",
                                   size_bytes, (uint32_t)(module_end - reader->at));
    if (id != SECTION_CUSTOM) {
        if (section_order[id] < *done)
            return wasm_reader_fail_at(reader, WASM_MALFORMED, at,
                                       "unexpected content after last section (out of order or twice)");
        if (!decode_absent(decoder, done, section_order[id]))
            return false;
        reader->section = section_names[id];
        *done = section_order[id] + 1u;
    }
    reader->end = reader->at + size_bytes;
    if (makes_index_space(id) && size_bytes == 0)
        return wasm_reader_fail(reader, WASM_MALFORMED, "unexpected end of section or function");
    if (!section_decoders[id](decoder))
        return false;
    if (reader->at != reader->end)
        return wasm_reader_fail(reader, WASM_MALFORMED, "section size mismatch: %u bytes left over",
                                (uint32_t)(reader->end - reader->at));
    reader->end = module_end;
    reader->section = "module";
    return true;
}

static bool decode_header(struct wasm_reader *reader)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'};
    static const uint8_t version[4] = {1, 0, 0, 0};
    const uint8_t *bytes;
    if (reader->end - reader->start > WASM_MODULE_SIZE_MAX)
        return wasm_reader_fail(reader, WASM_LIMIT, "module too large: at most %u bytes",
                                (uint32_t)WASM_MODULE_SIZE_MAX);
    if (!wasm_read_bytes(reader, sizeof(magic), &bytes))
        return false;
    if (__builtin_memcmp(bytes, magic, sizeof(magic)) != 0)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, bytes, "magic header not detected");
    if (!wasm_read_bytes(reader, sizeof(version), &bytes))
        return false;
    if (__builtin_memcmp(bytes, version, sizeof(version)) != 0)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, bytes, "unknown binary version");
    return true;
}

/* What only the end of the module shows. */
static bool decode_finish(struct decoder *decoder)
{
    struct wasm_reader *reader = &decoder->reader;
    if (decoder->code_count != decoder->own_func_count)
        return wasm_reader_fail(reader, WASM_MALFORMED,
                                "function and code section have inconsistent lengths: %u and 0",
                                decoder->own_func_count);
    if (decoder->module->datas == NULL && decoder->module->data_count != 0)
        return wasm_reader_fail(reader, WASM_MALFORMED,
                                "data count and data section have inconsistent lengths: %u and 0",
                                decoder->module->data_count);
    return true;
}

bool wasm_module_decode(struct wasm_module *module, struct wasm_error *error)
{
    struct decoder decoder = {
        .reader = {module->bytes, module->bytes, module->bytes + module->size_bytes, "module", error},
        .module = module,
    };
    uint32_t done = 0; /* sections ordered below this one are decoded */
    if (!decode_header(&decoder.reader))
        return false;
    while (decoder.reader.at < decoder.reader.end) {
        if (!decode_section(&decoder, &done))
            return false;
    }
    return decode_absent(&decoder, &done, SECTION_COUNT) && decode_finish(&decoder);
}
