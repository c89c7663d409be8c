/*
 * Validation of function bodies, and the side table that comes out of it.
 *
 * The algorithm of the specification's appendix: one forward pass with a stack of operand types and a stack
 * of open blocks, both ours and growing, so that nesting costs memory and no C stack. Beside the types it
 * counts 8-byte slots (a v128 has two), because that is what the interpreter's stack is made of.
 *
 * Side entries are written for instructions that can be reached, in code order. A branch to a loop knows its
 * target at once; branches forward are chained through their own entries (side_delta holds the next one)
 * until the block's `end` says where they go. The outermost label is the final `end` itself, which is what
 * returns.
 */
#include "module.h"
#include "opcode.h"

enum {
    TYPE_UNKNOWN = 0, /* an operand of unreachable code */
    CHAIN_END = -1,
    OP_BLOCK = 0x02,
    OP_LOOP = 0x03,
    OP_IF = 0x04,
    OP_ELSE = 0x05,
    OP_END = 0x0b,
    OP_SELECT_TYPED = 0x1c,
};

struct type_list {
    const uint8_t *types;
    uint32_t count;
};

struct block {
    struct type_list start; /* parameters */
    struct type_list end;   /* results */
    uint32_t height;        /* operands below the block's own */
    uint32_t slots;         /* their slots */
    const uint8_t *loop_at; /* loop: where its body starts */
    uint32_t loop_side;     /* loop: the first side entry of its body */
    int32_t chain;          /* forward branches to patch */
    int32_t if_side;        /* if: its entry, until there is an else; CHAIN_END if none */
    uint8_t opcode;
    bool unreachable;
};

struct wasm_validator {
    struct wasm_module *module;
    struct wasm_reader reader;
    struct wasm_instruction now;

    uint8_t *operands;
    uint32_t operand_count, operand_capacity;
    uint32_t slots, slots_max;
    struct block *blocks;
    uint32_t block_count, block_capacity;

    uint8_t locals[WASM_LOCALS_MAX];
    uint32_t local_count;
    bool wide;         /* the function is being validated as a wide one */
    bool must_be_wide; /* it turned out that it has to be: validate it again */
};

#define FAIL(v, ...) wasm_reader_fail_at(&(v)->reader, WASM_INVALID, (v)->now.at, __VA_ARGS__)

/* ---- operands --------------------------------------------------------------------------------------------
 */

static struct block *innermost(struct wasm_validator *v)
{
    return &v->blocks[v->block_count - 1];
}

static bool no_memory(struct wasm_validator *v)
{
    return wasm_reader_fail(&v->reader, WASM_NO_MEMORY, "no memory for validation");
}

static bool push(struct wasm_validator *v, uint8_t type)
{
    if (v->operand_count == v->operand_capacity &&
        !wasm_platform_grow(&v->module->platform, (void **)&v->operands, &v->operand_capacity,
                            v->operand_count + 1, 1))
        return no_memory(v);
    v->operands[v->operand_count++] = type;
    v->slots += wasm_type_slots(type);
    if (v->slots > v->slots_max)
        v->slots_max = v->slots;
    return true;
}

static bool pop_any(struct wasm_validator *v, uint8_t *type)
{
    if (v->operand_count == innermost(v)->height) {
        *type = TYPE_UNKNOWN;
        if (innermost(v)->unreachable)
            return true;
        return FAIL(v, "type mismatch: %s needs an operand and the stack is empty", v->now.opcode->name);
    }
    *type = v->operands[--v->operand_count];
    v->slots -= wasm_type_slots(*type);
    return true;
}

static bool mismatch(struct wasm_validator *v, uint8_t expected, uint8_t found)
{
    return FAIL(v, "type mismatch: %s expects %s, found %s", v->now.opcode->name, wasm_type_name(expected),
                wasm_type_name(found));
}

static bool pop(struct wasm_validator *v, uint8_t expected)
{
    uint8_t type = TYPE_UNKNOWN;
    if (!pop_any(v, &type))
        return false;
    if (type != expected && type != TYPE_UNKNOWN && expected != TYPE_UNKNOWN)
        return mismatch(v, expected, type);
    return true;
}

static bool push_list(struct wasm_validator *v, struct type_list list)
{
    for (uint32_t i = 0; i < list.count; i++) {
        if (!push(v, list.types[i]))
            return false;
    }
    return true;
}

static bool pop_list(struct wasm_validator *v, struct type_list list)
{
    for (uint32_t i = list.count; i > 0; i--) {
        if (!pop(v, list.types[i - 1]))
            return false;
    }
    return true;
}

/* The operands on top are these; nothing is popped. */
static bool peek_list(struct wasm_validator *v, struct type_list list)
{
    uint32_t available = v->operand_count - innermost(v)->height;
    for (uint32_t i = 0; i < list.count; i++) {
        uint8_t expected = list.types[list.count - 1 - i];
        if (i >= available)
            return innermost(v)->unreachable || FAIL(v, "type mismatch: %s needs %u operands, found %u",
                                                     v->now.opcode->name, list.count, available);
        uint8_t found = v->operands[v->operand_count - 1 - i];
        if (found != expected && found != TYPE_UNKNOWN)
            return mismatch(v, expected, found);
    }
    return true;
}

static uint32_t list_slots(struct type_list list)
{
    uint32_t slots = 0;
    for (uint32_t i = 0; i < list.count; i++)
        slots += wasm_type_slots(list.types[i]);
    return slots;
}

static struct type_list params_of(const struct wasm_functype *type)
{
    return (struct type_list){type->params, type->param_count};
}

static struct type_list results_of(const struct wasm_functype *type)
{
    return (struct type_list){type->results, type->result_count};
}

static struct type_list list_of_one(uint8_t type)
{
    static const uint8_t types[] = {WASM_I32,  WASM_I64,     WASM_F32,      WASM_F64,
                                    WASM_V128, WASM_FUNCREF, WASM_EXTERNREF};
    uint32_t i = 0;
    while (types[i] != type)
        i++;
    return (struct type_list){&types[i], 1};
}

/* ---- side entries ----------------------------------------------------------------------------------------
 */

/* A new entry for the instruction at hand; its code_delta holds the instruction's place until it is patched.
 */
static bool side_new(struct wasm_validator *v, int32_t *index)
{
    struct wasm_module *module = v->module;
    if (module->side_count == WASM_BRANCH_ENTRIES_MAX)
        return wasm_reader_fail(&v->reader, WASM_LIMIT, "too many branches in the module: at most %u",
                                (uint32_t)WASM_BRANCH_ENTRIES_MAX);
    if (!wasm_platform_grow(&module->platform, (void **)&module->sides, &module->side_capacity,
                            module->side_count + 1, sizeof(*module->sides)))
        return no_memory(v);
    *index = (int32_t)module->side_count++;
    module->sides[*index] = (struct wasm_side){.code_delta = (int32_t)(v->now.at + 1 - module->bytes)};
    return true;
}

/* Points an entry at code `target`, whose next entry is side_target. */
static void side_patch(struct wasm_validator *v, int32_t index, const uint8_t *target, uint32_t side_target)
{
    struct wasm_side *side = &v->module->sides[index];
    side->code_delta = (int32_t)(target - v->module->bytes) - side->code_delta;
    side->side_delta = (int32_t)side_target - index;
}

static void side_patch_chain(struct wasm_validator *v, struct block *block, const uint8_t *target)
{
    for (int32_t index = block->chain; index != CHAIN_END;) {
        int32_t next = v->module->sides[index].side_delta;
        side_patch(v, index, target, v->module->side_count);
        index = next;
    }
    block->chain = CHAIN_END;
}

static void chain_add(struct wasm_validator *v, struct block *block, int32_t index)
{
    v->module->sides[index].side_delta = block->chain;
    block->chain = index;
}

static struct type_list label_types(const struct block *block)
{
    return block->opcode == OP_LOOP ? block->start : block->end;
}

/* The entry of a branch to a block, with the label's operands on top of the stack. */
static bool side_branch(struct wasm_validator *v, struct block *target)
{
    int32_t index;
    if (innermost(v)->unreachable)
        return true;
    if (!side_new(v, &index))
        return false;
    struct wasm_side *side = &v->module->sides[index];
    if (target != &v->blocks[0]) { /* returning takes its results from the top wherever that is */
        uint32_t keep = list_slots(label_types(target));
        side->keep = (uint16_t)keep;
        side->drop = (uint16_t)(v->slots - keep - target->slots);
    }
    if (target->opcode == OP_LOOP)
        side_patch(v, index, target->loop_at, target->loop_side);
    else
        chain_add(v, target, index);
    return true;
}

/* In a wide function drop and select say how many slots their operand has. */
static bool side_width(struct wasm_validator *v, uint8_t type)
{
    int32_t index;
    if (innermost(v)->unreachable)
        return true;
    if (type == WASM_V128 && !v->wide)
        v->must_be_wide = true;
    if (!v->wide)
        return true;
    if (!side_new(v, &index))
        return false;
    v->module->sides[index] = (struct wasm_side){.keep = (uint16_t)wasm_type_slots(type)};
    return true;
}

/* ---- indexes ---------------------------------------------------------------------------------------------
 */

static bool read_index(struct wasm_validator *v, uint32_t count, const char *what, uint32_t *index)
{
    const uint8_t *at = v->reader.at;
    if (!wasm_read_u32(&v->reader, index))
        return false;
    if (*index >= count)
        return wasm_reader_fail_at(&v->reader, WASM_INVALID, at, "unknown %s %u", what, *index);
    return true;
}

static bool read_table(struct wasm_validator *v, uint32_t *index)
{
    return read_index(v, v->module->table_count, "table", index);
}

static bool read_label(struct wasm_validator *v, struct block **block)
{
    uint32_t depth;
    if (!read_index(v, v->block_count, "label", &depth))
        return false;
    *block = &v->blocks[v->block_count - 1 - depth];
    return true;
}

/* The zero byte that stands for memory 0, and that there is one. */
static bool read_memory(struct wasm_validator *v)
{
    uint8_t byte;
    if (!wasm_read_byte(&v->reader, &byte))
        return false;
    if (byte != 0)
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->reader.at - 1, "zero byte expected");
    return v->module->memory_count > 0 || FAIL(v, "unknown memory 0");
}

static bool read_data(struct wasm_validator *v)
{
    uint32_t index;
    if (!v->module->has_data_count)
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->now.at, "data count section required");
    return read_index(v, v->module->data_count, "data segment", &index);
}

static bool read_memarg(struct wasm_validator *v)
{
    uint32_t align, offset;
    if (!wasm_read_u32(&v->reader, &align) || !wasm_read_u32(&v->reader, &offset))
        return false;
    if (v->module->memory_count == 0)
        return FAIL(v, "unknown memory 0");
    if (align > v->now.opcode->extra)
        return FAIL(v, "alignment must not be larger than natural: 2^%u, natural is 2^%u", align,
                    (uint32_t)v->now.opcode->extra);
    return true;
}

static bool read_lane(struct wasm_validator *v, uint32_t lanes)
{
    uint8_t lane;
    if (!wasm_read_byte(&v->reader, &lane))
        return false;
    return lane < lanes || FAIL(v, "invalid lane index %u", lane);
}

static bool read_shuffle(struct wasm_validator *v)
{
    for (unsigned i = 0; i < 16; i++) {
        if (!read_lane(v, 32))
            return false;
    }
    return true;
}

/* ---- blocks ----------------------------------------------------------------------------------------------
 */

static bool read_block_type(struct wasm_validator *v, struct block *block)
{
    const uint8_t *at = v->reader.at;
    int64_t index;
    if (at < v->reader.end && *at == WASM_BLOCK_EMPTY) {
        v->reader.at++;
        return true;
    }
    if (at < v->reader.end && wasm_type_is_value(*at)) {
        block->end = list_of_one(*v->reader.at++);
        return true;
    }
    if (!wasm_read_s33(&v->reader, &index))
        return false;
    if (index < 0)
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, at, "malformed block type");
    if (index >= v->module->type_count)
        return wasm_reader_fail_at(&v->reader, WASM_INVALID, at, "unknown type %u", (uint32_t)index);
    block->start = params_of(&v->module->types[index]);
    block->end = results_of(&v->module->types[index]);
    return true;
}

static bool block_push(struct wasm_validator *v, struct block *block)
{
    if (v->block_count == WASM_NESTING_MAX)
        return wasm_reader_fail_at(&v->reader, WASM_LIMIT, v->now.at, "blocks nested too deeply: at most %u",
                                   (uint32_t)WASM_NESTING_MAX);
    if (!wasm_platform_grow(&v->module->platform, (void **)&v->blocks, &v->block_capacity, v->block_count + 1,
                            sizeof(*v->blocks)))
        return no_memory(v);
    block->height = v->operand_count;
    block->slots = v->slots;
    block->chain = CHAIN_END;
    v->blocks[v->block_count++] = *block;
    return push_list(v, block->start);
}

static bool enter_block(struct wasm_validator *v)
{
    struct block block = {.opcode = (uint8_t)v->now.code, .if_side = CHAIN_END};
    bool dead = innermost(v)->unreachable;
    if (!read_block_type(v, &block))
        return false;
    if (block.opcode == OP_IF) {
        if (!pop(v, WASM_I32))
            return false;
        if (!dead && !side_new(v, &block.if_side))
            return false;
    }
    if (!pop_list(v, block.start))
        return false;
    block.loop_at = v->reader.at;
    block.loop_side = v->module->side_count;
    return block_push(v, &block);
}

static void set_unreachable(struct wasm_validator *v)
{
    struct block *block = innermost(v);
    v->operand_count = block->height;
    v->slots = block->slots;
    block->unreachable = true;
}

/* The block's results, and nothing else, are on the stack. */
static bool check_block_end(struct wasm_validator *v)
{
    if (!pop_list(v, innermost(v)->end))
        return false;
    uint32_t left = v->operand_count - innermost(v)->height;
    return left == 0 || FAIL(v, "type mismatch: %u values left on the stack at the end of a block", left);
}

static bool check_else(struct wasm_validator *v)
{
    struct block *block = innermost(v);
    int32_t index;
    if (block->opcode != OP_IF)
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->now.at, "else without if");
    if (!check_block_end(v))
        return false;
    if (!block->unreachable) {
        if (!side_new(v, &index))
            return false;
        chain_add(v, block, index);
    }
    if (block->if_side != CHAIN_END)
        side_patch(v, block->if_side, v->reader.at, v->module->side_count);
    block->if_side = CHAIN_END;
    block->opcode = OP_ELSE;
    v->slots = block->slots;
    block->unreachable = false;
    return push_list(v, block->start);
}

static bool lists_equal(struct type_list a, struct type_list b)
{
    return a.count == b.count && (a.count == 0 || __builtin_memcmp(a.types, b.types, a.count) == 0);
}

static bool check_end(struct wasm_validator *v)
{
    struct block *block = innermost(v);
    if (!check_block_end(v))
        return false;
    if (block->opcode == OP_IF && !lists_equal(block->start, block->end))
        return FAIL(v, "type mismatch: an if without else must leave what it takes");
    bool last = v->block_count == 1;
    const uint8_t *target = last ? v->now.at : v->reader.at;
    side_patch_chain(v, block, target);
    if (block->if_side != CHAIN_END)
        side_patch(v, block->if_side, target, v->module->side_count);
    struct type_list results = block->end;
    v->slots = block->slots;
    v->block_count--;
    if (last)
        return v->reader.at == v->reader.end ||
               wasm_reader_fail(&v->reader, WASM_MALFORMED, "bytes after the end of the function");
    return push_list(v, results);
}

/* ---- branches and calls ----------------------------------------------------------------------------------
 */

static bool check_br(struct wasm_validator *v)
{
    struct block *target;
    if (!read_label(v, &target) || !peek_list(v, label_types(target)) || !side_branch(v, target))
        return false;
    set_unreachable(v);
    return true;
}

static bool check_br_if(struct wasm_validator *v)
{
    struct block *target;
    if (!pop(v, WASM_I32) || !read_label(v, &target) || !peek_list(v, label_types(target)) ||
        !side_branch(v, target))
        return false;
    return pop_list(v, label_types(target)) && push_list(v, label_types(target));
}

static bool check_br_table(struct wasm_validator *v)
{
    const uint8_t *at = v->reader.at;
    uint32_t count;
    uint32_t arity = UINT32_MAX;
    if (!pop(v, WASM_I32) || !wasm_read_u32(&v->reader, &count))
        return false;
    if (count >= (uint64_t)(v->reader.end - v->reader.at))
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, at, "unexpected end: %u branch labels", count);
    for (uint32_t i = 0; i <= count; i++) {
        struct block *target;
        if (!read_label(v, &target))
            return false;
        struct type_list types = label_types(target);
        if (arity != UINT32_MAX && types.count != arity)
            return FAIL(v, "type mismatch: br_table labels take %u and %u operands", arity, types.count);
        arity = types.count;
        if (!peek_list(v, types) || !side_branch(v, target))
            return false;
    }
    set_unreachable(v);
    return true;
}

static bool check_return(struct wasm_validator *v)
{
    if (!peek_list(v, v->blocks[0].end))
        return false;
    set_unreachable(v);
    return true;
}

static bool check_call_type(struct wasm_validator *v, const struct wasm_functype *type)
{
    return pop_list(v, params_of(type)) && push_list(v, results_of(type));
}

static bool check_call(struct wasm_validator *v)
{
    uint32_t index;
    return read_index(v, v->module->func_count, "function", &index) &&
           check_call_type(v, v->module->func_types[index]);
}

static bool check_call_indirect(struct wasm_validator *v)
{
    uint32_t type, table;
    if (!read_index(v, v->module->type_count, "type", &type) || !read_table(v, &table))
        return false;
    if (v->module->tables[table].type != WASM_FUNCREF)
        return FAIL(v, "type mismatch: call_indirect needs a table of funcref");
    return pop(v, WASM_I32) && check_call_type(v, &v->module->types[type]);
}

/* ---- parametric, variable, table and reference instructions ----------------------------------------------
 */

static bool check_drop(struct wasm_validator *v)
{
    uint8_t type = TYPE_UNKNOWN;
    return pop_any(v, &type) && side_width(v, type);
}

static bool check_select(struct wasm_validator *v)
{
    uint8_t first = TYPE_UNKNOWN, second = TYPE_UNKNOWN;
    if (!pop(v, WASM_I32) || !pop_any(v, &second) || !pop_any(v, &first))
        return false;
    if (wasm_type_is_ref(first) || wasm_type_is_ref(second))
        return FAIL(v, "type mismatch: select without a type cannot take references");
    if (first != second && first != TYPE_UNKNOWN && second != TYPE_UNKNOWN)
        return mismatch(v, first, second);
    uint8_t type = first == TYPE_UNKNOWN ? second : first;
    return side_width(v, type) && push(v, type);
}

static bool check_select_typed(struct wasm_validator *v)
{
    uint32_t count;
    uint8_t type;
    if (!wasm_read_u32(&v->reader, &count))
        return false;
    if (count != 1)
        return FAIL(v, "invalid result arity: select with %u types", count);
    if (!wasm_read_byte(&v->reader, &type))
        return false;
    if (!wasm_type_is_value(type))
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->reader.at - 1, "malformed value type %u",
                                   type);
    return pop(v, WASM_I32) && pop(v, type) && pop(v, type) && side_width(v, type) && push(v, type);
}

static bool check_local(struct wasm_validator *v, uint32_t code)
{
    uint32_t index;
    if (!read_index(v, v->local_count, "local", &index))
        return false;
    uint8_t type = v->locals[index];
    return (code == 0x20 || pop(v, type)) && (code == 0x21 || push(v, type));
}

static bool check_global(struct wasm_validator *v, uint32_t code)
{
    uint32_t index;
    if (!read_index(v, v->module->global_count, "global", &index))
        return false;
    const struct wasm_extern_type *type = &v->module->globals[index].type;
    if (code == 0x23)
        return push(v, type->type);
    if (!type->is_mutable)
        return FAIL(v, "global is immutable: %u", index);
    return pop(v, type->type);
}

static bool check_ref_null(struct wasm_validator *v)
{
    uint8_t type;
    if (!wasm_read_byte(&v->reader, &type))
        return false;
    if (!wasm_type_is_ref(type))
        return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->reader.at - 1,
                                   "malformed reference type %u", type);
    return push(v, type);
}

static bool check_ref_is_null(struct wasm_validator *v)
{
    uint8_t type = TYPE_UNKNOWN;
    if (!pop_any(v, &type))
        return false;
    if (type != TYPE_UNKNOWN && !wasm_type_is_ref(type))
        return FAIL(v, "type mismatch: ref.is_null expects a reference, found %s", wasm_type_name(type));
    return push(v, WASM_I32);
}

static bool check_ref_func(struct wasm_validator *v)
{
    uint32_t index;
    if (!read_index(v, v->module->func_count, "function", &index))
        return false;
    if ((v->module->declared[index / 8] & (1u << (index % 8))) == 0)
        return FAIL(v, "undeclared function reference %u", index);
    return push(v, WASM_FUNCREF);
}

/* table.get, table.set, and the 0xfc instructions on tables. */
static bool check_table_access(struct wasm_validator *v, bool is_get)
{
    uint32_t table;
    if (!read_table(v, &table))
        return false;
    uint8_t type = v->module->tables[table].type;
    return is_get ? pop(v, WASM_I32) && push(v, type) : pop(v, type) && pop(v, WASM_I32);
}

static bool pop_three_i32(struct wasm_validator *v)
{
    return pop(v, WASM_I32) && pop(v, WASM_I32) && pop(v, WASM_I32);
}

static bool check_table_copy(struct wasm_validator *v)
{
    uint32_t to, from;
    if (!read_table(v, &to) || !read_table(v, &from))
        return false;
    if (v->module->tables[to].type != v->module->tables[from].type)
        return mismatch(v, v->module->tables[to].type, v->module->tables[from].type);
    return pop_three_i32(v);
}

static bool check_table_misc(struct wasm_validator *v, uint32_t code)
{
    uint32_t table;
    if (code == 14)
        return check_table_copy(v);
    if (!read_table(v, &table))
        return false;
    uint8_t type = v->module->tables[table].type;
    switch (code) {
    case 15: /* table.grow */
        return pop(v, WASM_I32) && pop(v, type) && push(v, WASM_I32);
    case 16: /* table.size */
        return push(v, WASM_I32);
    default: /* table.fill */
        return pop(v, WASM_I32) && pop(v, type) && pop(v, WASM_I32);
    }
}

static bool read_elem_table(struct wasm_validator *v)
{
    uint32_t elem, table;
    if (!read_index(v, v->module->elem_count, "elem segment", &elem) || !read_table(v, &table))
        return false;
    if (v->module->elems[elem].type != v->module->tables[table].type)
        return mismatch(v, v->module->tables[table].type, v->module->elems[elem].type);
    return true;
}

/* ---- instructions whose types are in the table
 * ------------------------------------------------------------- */

static bool read_immediates(struct wasm_validator *v)
{
    uint32_t index;
    switch (v->now.opcode->immediate) {
    case WASM_IMM_NONE:
        return true;
    case WASM_IMM_MEMARG:
        return read_memarg(v);
    case WASM_IMM_MEMARG_LANE:
        return read_memarg(v) && read_lane(v, 16u >> v->now.opcode->extra);
    case WASM_IMM_LANE:
        return read_lane(v, v->now.opcode->extra);
    case WASM_IMM_SHUFFLE:
        return read_shuffle(v);
    case WASM_IMM_MEMORY:
        return read_memory(v);
    case WASM_IMM_MEMORY_MEMORY:
        return read_memory(v) && read_memory(v);
    case WASM_IMM_DATA_MEMORY:
        return read_data(v) && read_memory(v);
    case WASM_IMM_DATA:
        return read_data(v);
    case WASM_IMM_ELEM:
        return read_index(v, v->module->elem_count, "elem segment", &index);
    case WASM_IMM_ELEM_TABLE:
        return read_elem_table(v);
    default:
        return wasm_immediates_skip(&v->reader, &v->now);
    }
}

static bool check_plain(struct wasm_validator *v)
{
    const struct wasm_opcode *opcode = v->now.opcode;
    if (!read_immediates(v))
        return false;
    unsigned count = 0;
    while (opcode->operands[count] != 0)
        count++;
    while (count > 0) {
        if (!pop(v, wasm_type_of_letter(opcode->operands[--count])))
            return false;
    }
    return opcode->result == '0' || push(v, wasm_type_of_letter(opcode->result));
}

static bool check_control(struct wasm_validator *v, uint32_t code)
{
    switch (code) {
    case 0x00: /* unreachable */
        set_unreachable(v);
        return true;
    case 0x01: /* nop */
        return true;
    case OP_BLOCK:
    case OP_LOOP:
    case OP_IF:
        return enter_block(v);
    case OP_ELSE:
        return check_else(v);
    case OP_END:
        return check_end(v);
    case 0x0c:
        return check_br(v);
    case 0x0d:
        return check_br_if(v);
    case 0x0e:
        return check_br_table(v);
    case 0x0f:
        return check_return(v);
    case 0x10:
        return check_call(v);
    default:
        return check_call_indirect(v);
    }
}

static bool check_special(struct wasm_validator *v)
{
    uint32_t code = v->now.code;
    if (v->now.prefix != 0)
        return check_table_misc(v, code);
    if (code <= 0x11)
        return check_control(v, code);
    switch (code) {
    case 0x1a:
        return check_drop(v);
    case 0x1b:
        return check_select(v);
    case OP_SELECT_TYPED:
        return check_select_typed(v);
    case 0x20:
    case 0x21:
    case 0x22:
        return check_local(v, code);
    case 0x23:
    case 0x24:
        return check_global(v, code);
    case 0x25:
    case 0x26:
        return check_table_access(v, code == 0x25);
    case 0xd0:
        return check_ref_null(v);
    case 0xd1:
        return check_ref_is_null(v);
    default:
        return check_ref_func(v);
    }
}

/* ---- a function ------------------------------------------------------------------------------------------
 */

/* Beyond the limit they are only counted: whether there are too many for any module is seen first. */
static void add_locals(struct wasm_validator *v, uint32_t count, uint8_t type)
{
    if (count > WASM_LOCALS_MAX - v->local_count)
        return;
    __builtin_memset(v->locals + v->local_count, type, count);
    v->local_count += count;
    if (type == WASM_V128 && count > 0)
        v->wide = true;
}

static bool read_locals(struct wasm_validator *v, const struct wasm_functype *type)
{
    uint32_t groups;
    v->local_count = 0;
    for (uint32_t i = 0; i < type->param_count; i++)
        add_locals(v, 1, type->params[i]);
    if (!wasm_read_u32(&v->reader, &groups))
        return false;
    uint64_t total = type->param_count;
    while (groups-- > 0) {
        const uint8_t *at = v->reader.at;
        uint32_t count;
        uint8_t local_type;
        if (!wasm_read_u32(&v->reader, &count) || !wasm_read_byte(&v->reader, &local_type))
            return false;
        total += count;
        if (total > UINT32_MAX)
            return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, at, "too many locals");
        if (!wasm_type_is_value(local_type))
            return wasm_reader_fail_at(&v->reader, WASM_MALFORMED, v->reader.at - 1,
                                       "malformed value type %u", local_type);
        add_locals(v, count, local_type);
    }
    if (total > WASM_LOCALS_MAX)
        return wasm_reader_fail(&v->reader, WASM_LIMIT, "too many locals: at most %u",
                                (uint32_t)WASM_LOCALS_MAX);
    return true;
}

/* Gives each local its slots and, in a wide function, writes the map. */
static bool place_locals(struct wasm_validator *v, struct wasm_code *code)
{
    struct wasm_module *module = v->module;
    uint32_t slots = 0;
    code->local_map_first = module->local_map_count;
    if (v->wide &&
        !wasm_platform_grow(&module->platform, (void **)&module->local_map, &module->local_map_capacity,
                            module->local_map_count + v->local_count, sizeof(*module->local_map)))
        return no_memory(v);
    for (uint32_t i = 0; i < v->local_count; i++) {
        bool is_wide = v->locals[i] == WASM_V128;
        if (v->wide)
            module->local_map[module->local_map_count++] = slots | (is_wide ? WASM_LOCAL_WIDE : 0);
        slots += is_wide ? 2 : 1;
    }
    code->local_slots = slots;
    code->param_slots = code->type->param_slots;
    code->result_slots = code->type->result_slots;
    return true;
}

static bool check_body(struct wasm_validator *v, struct wasm_code *code)
{
    struct block outermost = {.end = results_of(code->type), .opcode = OP_BLOCK, .if_side = CHAIN_END};
    v->operand_count = 0;
    v->slots = 0;
    v->slots_max = 0;
    v->block_count = 0;
    if (!block_push(v, &outermost))
        return false;
    while (v->block_count > 0) {
        if (!wasm_instruction_read(&v->reader, &v->now))
            return false;
        if (v->now.opcode->operands[0] == '*' ? !check_special(v) : !check_plain(v))
            return false;
    }
    return true;
}

static bool check_function(struct wasm_validator *v, struct wasm_code *code)
{
    v->reader.at = code->body;
    v->reader.end = code->end;
    v->now.at = code->body;
    code->side_first = v->module->side_count;
    if (!read_locals(v, code->type) || !place_locals(v, code))
        return false;
    code->start = v->reader.at;
    code->wide = v->wide;
    if (!check_body(v, code))
        return false;
    /* One slot between locals and operands belongs to the interpreter (exec.c). */
    code->frame_slots = code->local_slots + 1 + v->slots_max;
    if (code->frame_slots > WASM_FRAME_SLOTS_MAX)
        return wasm_reader_fail_at(&v->reader, WASM_LIMIT, code->body,
                                   "function needs %u stack slots, at most %u", code->frame_slots,
                                   (uint32_t)WASM_FRAME_SLOTS_MAX);
    return true;
}

/* A function that breaks a rule can be no function at all further on, and then that is what is wrong with it:
 * its bytes are read to their end, rules aside. */
static void prefer_malformed(struct wasm_validator *v, const struct wasm_code *code)
{
    struct wasm_error error = {.status = WASM_OK};
    struct wasm_reader reader = {v->module->bytes, code->start, code->end, "code", &error};
    struct wasm_instruction now = {.at = code->start};
    uint32_t depth = 1;
    bool readable = true;
    while (readable && depth > 0) {
        readable = wasm_instruction_read(&reader, &now) && wasm_immediates_skip(&reader, &now);
        if (readable && now.opcode->immediate == WASM_IMM_BLOCK)
            depth++;
        else if (readable && now.prefix == 0 && now.code == OP_END)
            depth--;
    }
    if (error.status == WASM_MALFORMED)
        *v->reader.error = error;
}

/* Once, and once more if it turned out to be a wide function. */
static bool check_narrow_then_wide(struct wasm_validator *v, struct wasm_code *code)
{
    v->wide = false;
    v->must_be_wide = false;
    if (!check_function(v, code))
        return false;
    if (!v->must_be_wide)
        return true;
    v->module->side_count = code->side_first;
    v->module->local_map_count = code->local_map_first;
    v->wide = true;
    return check_function(v, code);
}

bool wasm_validator_function(struct wasm_validator *v, uint32_t function_index)
{
    struct wasm_code *code = &v->module->codes[function_index - v->module->func_import_count];
    bool valid = check_narrow_then_wide(v, code);
    if (!valid && v->reader.error->status == WASM_INVALID && code->start != NULL)
        prefer_malformed(v, code);
    return valid;
}

struct wasm_validator *wasm_validator_create(struct wasm_module *module, struct wasm_error *error)
{
    struct wasm_validator *v = wasm_platform_alloc(&module->platform, 1, sizeof(*v));
    if (v == NULL) {
        wasm_error_set(error, WASM_NO_MEMORY, "no memory for validation");
        return NULL;
    }
    v->module = module;
    v->reader = (struct wasm_reader){module->bytes, module->bytes, module->bytes, "code", error};
    return v;
}

void wasm_validator_destroy(struct wasm_validator *v)
{
    wasm_platform_free(&v->module->platform, v->operands, v->operand_capacity, 1);
    wasm_platform_free(&v->module->platform, v->blocks, v->block_capacity, sizeof(*v->blocks));
    wasm_platform_free(&v->module->platform, v, 1, sizeof(*v));
}
