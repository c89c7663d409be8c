/*
 * A decoded module: immutable once loaded, shared by all its instances and by both execution tiers. Arrays
 * are exactly as long as their counts; names, types and code are pointers into the module's own bytes. Not
 * here: anything that changes at run time (instance.h).
 */
#pragma once
#include "reader.h"

enum { WASM_BLOCK_EMPTY = 0x40, WASM_FUNC_TYPE_TAG = 0x60 };

/*
 * One entry of the side table: what the interpreter has to know about a branch and cannot see at it. Entries
 * of a function lie in the order of their instructions in the code; instructions that can never run have
 * none. br, br_if        one entry br_table         one entry for each label, the default last if, else one
 * entry: where to go when the condition is false / when the first arm ends drop, select     in wide functions
 * only (see wasm_code.wide): keep is the slots of the operand Distances count from just behind the opcode
 * byte, and from this entry.
 */
struct wasm_side {
    int32_t code_delta;
    int32_t side_delta;
    uint16_t keep; /* slots on top of the stack that the branch carries */
    uint16_t drop; /* slots below them that it removes */
};

/* An own function of a module. */
struct wasm_code {
    const struct wasm_functype *type;
    const uint8_t *start;          /* of the instructions, behind the locals */
    const uint8_t *end;            /* behind the final `end` */
    const uint8_t *body;           /* of the body, before the locals' declarations */
    const struct wasm_side *sides; /* its first side entry */
    /* A function that has v128 locals, or drops or selects a v128, is wide: its locals are found through this
     * map (the slot of each, with WASM_LOCAL_WIDE), and drop and select have side entries. */
    const uint32_t *local_map;
    uint32_t param_slots;
    uint32_t result_slots;
    uint32_t local_slots;                 /* parameters included */
    uint32_t frame_slots;                 /* locals and the deepest operand stack */
    uint32_t side_first, local_map_first; /* during validation, while the arrays still move */
    bool wide;
};

#define WASM_LOCAL_WIDE 0x80000000u /* in a local map entry: the local is a v128 */

/* A constant expression: where its one instruction is, and the type it must give. */
struct wasm_constant {
    const uint8_t *at;
    uint8_t type;
};

struct wasm_global_decl {
    struct wasm_extern_type type;
    struct wasm_constant init;
};

struct wasm_export_decl {
    struct wasm_name name;
    enum wasm_kind kind;
    uint32_t index;
};

enum wasm_segment_mode { WASM_SEGMENT_ACTIVE, WASM_SEGMENT_PASSIVE, WASM_SEGMENT_DECLARED };

struct wasm_elem_decl {
    const uint8_t *at;
    enum wasm_segment_mode mode;
    uint8_t type;
    bool is_expressions; /* items are constant expressions, else function indexes */
    uint32_t table;
    struct wasm_constant offset;
    uint32_t count;
    const uint8_t *items;
};

struct wasm_data_decl {
    const uint8_t *at;
    enum wasm_segment_mode mode;
    uint32_t memory;
    struct wasm_constant offset;
    const uint8_t *bytes;
    uint32_t size_bytes;
};

struct wasm_import_decl {
    struct wasm_name module;
    struct wasm_name name;
    struct wasm_extern_type type;
};

struct wasm_module {
    struct wasm_platform platform;
    const uint8_t *bytes;
    size_t size_bytes;

    struct wasm_functype *types;
    uint32_t type_count;
    struct wasm_import_decl *imports;
    uint32_t import_count;

    /* Index spaces: imports first, then the module's own. */
    const struct wasm_functype **func_types;
    uint32_t func_count, func_import_count;
    struct wasm_extern_type *tables;
    uint32_t table_count, table_import_count;
    struct wasm_extern_type *memories;
    uint32_t memory_count, memory_import_count;
    struct wasm_global_decl *globals; /* init of imported ones is not set */
    uint32_t global_count, global_import_count;

    struct wasm_code *codes; /* func_count - func_import_count */
    uint8_t *declared;       /* one bit for each function that ref.func may name */
    struct wasm_export_decl *exports;
    uint32_t export_count;
    bool has_start;
    uint32_t start;
    const uint8_t *start_at;
    struct wasm_elem_decl *elems;
    uint32_t elem_count;
    struct wasm_data_decl *datas;
    uint32_t data_count;
    bool has_data_count;

    struct wasm_side *sides;
    uint32_t side_count, side_capacity;
    uint32_t *local_map; /* for wide functions: slot of each local */
    uint32_t local_map_count, local_map_capacity;

    const uint8_t *name_section; /* payload of the first custom section "name" behind its name; may be null */
    const uint8_t *name_section_end;
};

/* Decodes; nothing is validated but the encoding and what decoding itself needs. On failure the module holds
 * what was allocated so far, for wasm_module_destroy. (decode.c) */
bool wasm_module_decode(struct wasm_module *module, struct wasm_error *error);
/* Validates a decoded module and makes its side table. (validate.c) */
bool wasm_module_validate(struct wasm_module *module, struct wasm_error *error);
/* Validates one function body. (validate_code.c) */
struct wasm_validator;
struct wasm_validator *wasm_validator_create(struct wasm_module *module, struct wasm_error *error);
void wasm_validator_destroy(struct wasm_validator *validator);
bool wasm_validator_function(struct wasm_validator *validator, uint32_t function_index);

/* alloc and free of the module's platform, for count things of a size; null on overflow too. Zeroed. */
void *wasm_platform_alloc(const struct wasm_platform *platform, uint64_t count, uint64_t size_bytes);
void wasm_platform_free(const struct wasm_platform *platform, void *memory, uint64_t count,
                        uint64_t size_bytes);
/* Makes room for one more: capacity doubles. False if there is no memory; nothing changed then. */
bool wasm_platform_grow(const struct wasm_platform *platform, void **array, uint32_t *capacity,
                        uint32_t needed, uint64_t size_bytes);

static inline bool wasm_type_is_ref(uint8_t type)
{
    return type == WASM_FUNCREF || type == WASM_EXTERNREF;
}

static inline bool wasm_type_is_value(uint8_t type)
{
    return (type >= WASM_V128 && type <= WASM_I32) || wasm_type_is_ref(type);
}

static inline uint32_t wasm_type_slots(uint8_t type)
{
    return type == WASM_V128 ? 2 : 1;
}

bool wasm_functype_equal(const struct wasm_functype *a, const struct wasm_functype *b);
