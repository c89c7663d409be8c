/*
 * Random function bodies: expressions of a wanted type and statements, valid by construction.
 *
 * Invariant: write_expression leaves exactly one value of the type on the stack, write_statement none. Depth
 * and size are bounded, so the recursion is.
 */
#include "module.h"
#include "instruction.h"
#include <string.h>

enum { MAX_LABELS = 12, MAX_DEPTH = 6, BODY_NODES = 120 };

/* A branch target: the types a branch to it carries. */
struct label {
    const char *types;
    bool is_loop;
};

struct code {
    struct module *m;
    struct rng *rng;
    struct bytes *out;
    const struct signature *signature;
    char locals[MAX_LOCALS + MAX_SIGNATURE + 1];
    unsigned local_count;
    unsigned scratch_f32, scratch_f64, scratch_v128;
    struct label labels[MAX_LABELS];
    unsigned label_count;
    unsigned depth, nodes;
};

static void write_expression(struct code *c, char type);
static void write_statement(struct code *c);

static void put(struct code *c, uint8_t opcode)
{
    bytes_put(c->out, opcode);
}

static void put_u(struct code *c, uint8_t opcode, uint64_t immediate)
{
    bytes_put(c->out, opcode);
    bytes_put_u(c->out, immediate);
}

static void put_i32(struct code *c, int32_t value)
{
    bytes_put(c->out, 0x41);
    bytes_put_s(c->out, value);
}

static void put_prefixed(struct code *c, uint8_t prefix, uint32_t opcode)
{
    bytes_put(c->out, prefix);
    bytes_put_u(c->out, opcode);
}

/* ---- constants
 * --------------------------------------------------------------------------------------------- */

static const uint64_t int_edges[] = {0,
                                     1,
                                     2,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0xffffffffffffffff,
                                     0xfffffffe,
                                     0xfffffffffffffffe,
                                     31,
                                     63,
                                     64,
                                     65536};
static const uint32_t f32_edges[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x40200000,
                                     0x7f800000, 0xff800000, 0x7fc00000, 0x7fa00001, 0xffc00000, 1,
                                     0x7f7fffff, 0x4f000000, 0x4effffff, 0xcf000000, 0x5f000000, 0x4b000001};
static const uint64_t f64_edges[] = {0,
                                     0x8000000000000000,
                                     0x3ff0000000000000,
                                     0xbff0000000000000,
                                     0x3fe0000000000000,
                                     0x4004000000000000,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7ff8000000000000,
                                     0x7ff4000000000001,
                                     1,
                                     0x7fefffffffffffff,
                                     0x41e0000000000000,
                                     0x41dfffffffc00000,
                                     0xc1e0000000000000,
                                     0x43e0000000000000,
                                     0x47efffffe0000000,
                                     0x3ff0000010000000};

#define PICK(rng, table) ((table)[rng_below(rng, sizeof(table) / sizeof((table)[0]))])

static uint64_t random_int(struct rng *rng)
{
    switch (rng_below(rng, 4)) {
    case 0:
        return PICK(rng, int_edges);
    case 1:
        return rng_below(rng, 256);
    case 2:
        return rng_below(rng, 64) - 32u;
    default:
        return rng_next(rng);
    }
}

void code_write_constant(struct rng *rng, char type, struct bytes *out)
{
    switch (type) {
    case 'i':
        bytes_put(out, 0x41);
        bytes_put_s(out, (int32_t)(uint32_t)random_int(rng));
        break;
    case 'l':
        bytes_put(out, 0x42);
        bytes_put_s(out, (int64_t)random_int(rng));
        break;
    case 'f':
        bytes_put(out, 0x43);
        bytes_put_le(out, rng_one_in(rng, 3) ? rng_next(rng) : PICK(rng, f32_edges), 4);
        break;
    case 'd':
        bytes_put(out, 0x44);
        bytes_put_le(out, rng_one_in(rng, 3) ? rng_next(rng) : PICK(rng, f64_edges), 8);
        break;
    case 'v':
        bytes_put(out, 0xfd);
        bytes_put_u(out, 0x0c);
        for (unsigned i = 0; i < 4; i++)
            bytes_put_le(out, rng_one_in(rng, 2) ? random_int(rng) : PICK(rng, f32_edges), 4);
        break;
    default:
        bytes_put(out, 0xd0);
        bytes_put(out, type_code(type));
        break;
    }
}

void code_write_canonical(struct bytes *out, char type, unsigned scratch)
{
    bytes_put(out, 0x22);
    bytes_put_u(out, scratch);
    bytes_put(out, type == 'f' ? 0x43 : 0x44);
    bytes_put_le(out, type == 'f' ? 0x7fc00000 : 0x7ff8000000000000, type == 'f' ? 4 : 8);
    bytes_put(out, 0x20);
    bytes_put_u(out, scratch);
    bytes_put(out, 0x20);
    bytes_put_u(out, scratch);
    bytes_put(out, type == 'f' ? 0x5b : 0x61); /* equal: not a NaN */
    bytes_put(out, 0x1b);
}

static void write_canonical_lanes(struct code *c, bool is_f32)
{
    put_u(c, 0x22, c->scratch_v128);
    put_prefixed(c, 0xfd, 0x0c);
    for (unsigned i = 0; i < 16; i += is_f32 ? 4 : 8)
        bytes_put_le(c->out, is_f32 ? 0x7fc00000 : 0x7ff8000000000000, is_f32 ? 4 : 8);
    put_u(c, 0x20, c->scratch_v128);
    put_u(c, 0x20, c->scratch_v128);
    put_prefixed(c, 0xfd, is_f32 ? 0x41 : 0x47);
    put_prefixed(c, 0xfd, 0x52);
}

static void write_canonical(struct code *c, enum canonical canonical)
{
    switch (canonical) {
    case CANON_F32:
        code_write_canonical(c->out, 'f', c->scratch_f32);
        break;
    case CANON_F64:
        code_write_canonical(c->out, 'd', c->scratch_f64);
        break;
    case CANON_F32X4:
    case CANON_F64X2:
        write_canonical_lanes(c, canonical == CANON_F32X4);
        break;
    default:
        break;
    }
}

/* ---- choosing
 * ---------------------------------------------------------------------------------------------- */

/* The scratch locals hold NaNs as they came, which nothing else may see. */
static bool is_scratch(const struct code *c, unsigned local)
{
    return local == c->scratch_f32 || local == c->scratch_f64 || local == c->scratch_v128;
}

/* A random local of the type, or -1. */
static int pick_local(struct code *c, char type)
{
    unsigned start = rng_below(c->rng, c->local_count);
    for (unsigned i = 0; i < c->local_count; i++) {
        unsigned k = (start + i) % c->local_count;
        if (c->locals[k] == type && !is_scratch(c, k))
            return (int)k;
    }
    return -1;
}

/* A random global of the type other than the budget, or -1. */
static int pick_global(struct code *c, char type)
{
    unsigned start = rng_below(c->rng, c->m->global_count);
    for (unsigned i = 0; i < c->m->global_count; i++) {
        unsigned k = (start + i) % c->m->global_count;
        if (k != BUDGET_GLOBAL && c->m->global_type[k] == type)
            return (int)k;
    }
    return -1;
}

static char pick_type(struct code *c)
{
    return "iiiillffddvvvFE"[rng_below(c->rng, 15)];
}

/* A random label that is no loop: its depth, or -1. */
static int pick_label(struct code *c, const char *types)
{
    unsigned start = rng_below(c->rng, c->label_count);
    for (unsigned i = 0; i < c->label_count; i++) {
        unsigned depth = (start + i) % c->label_count;
        const struct label *label = &c->labels[c->label_count - 1 - depth];
        if (!label->is_loop && (!types || strcmp(label->types, types) == 0))
            return (int)depth;
    }
    return -1;
}

static void write_expressions(struct code *c, const char *types)
{
    for (; *types; types++)
        write_expression(c, *types);
}

static void drop_values(struct code *c, const char *types)
{
    for (; *types; types++)
        put(c, 0x1a);
}

/* Takes one from the budget and leaves 1 if there is some left. */
static void write_budget_check(struct code *c)
{
    put_u(c, 0x23, BUDGET_GLOBAL);
    put_i32(c, 1);
    put(c, 0x6b);
    put_u(c, 0x24, BUDGET_GLOBAL);
    put_u(c, 0x23, BUDGET_GLOBAL);
    put_i32(c, 0);
    put(c, 0x4a);
}

/* ---- memory
 * ------------------------------------------------------------------------------------------------ */

/* Mostly inside the first page; now and then anywhere. */
static void write_address(struct code *c)
{
    write_expression(c, 'i');
    if (rng_one_in(c->rng, 80))
        return;
    put_i32(c, rng_one_in(c->rng, 3) ? 0x7fff : 0xff);
    put(c, 0x71);
}

static void write_memarg(struct code *c, unsigned natural_log2)
{
    bytes_put_u(c->out, rng_below(c->rng, natural_log2 + 1));
    uint64_t offset = rng_below(c->rng, 32);
    if (rng_one_in(c->rng, 160))
        offset = rng_one_in(c->rng, 2) ? 0xffffffff : 65536u * (1 + rng_below(c->rng, 3));
    bytes_put_u(c->out, offset);
}

struct access {
    uint8_t prefix, opcode, log2_bytes, lanes;
};

static const struct access i32_loads[] = {
    {0, 0x28, 2, 0}, {0, 0x2c, 0, 0}, {0, 0x2d, 0, 0}, {0, 0x2e, 1, 0}, {0, 0x2f, 1, 0}};
static const struct access i64_loads[] = {{0, 0x29, 3, 0}, {0, 0x30, 0, 0}, {0, 0x31, 0, 0}, {0, 0x32, 1, 0},
                                          {0, 0x33, 1, 0}, {0, 0x34, 2, 0}, {0, 0x35, 2, 0}};
static const struct access f32_loads[] = {{0, 0x2a, 2, 0}};
static const struct access f64_loads[] = {{0, 0x2b, 3, 0}};
static const struct access v128_loads[] = {
    {0xfd, 0, 4, 0},    {0xfd, 1, 3, 0},    {0xfd, 2, 3, 0},    {0xfd, 3, 3, 0},     {0xfd, 4, 3, 0},
    {0xfd, 5, 3, 0},    {0xfd, 6, 3, 0},    {0xfd, 7, 0, 0},    {0xfd, 8, 1, 0},     {0xfd, 9, 2, 0},
    {0xfd, 10, 3, 0},   {0xfd, 0x5c, 2, 0}, {0xfd, 0x5d, 3, 0}, {0xfd, 0x54, 0, 16}, {0xfd, 0x55, 1, 8},
    {0xfd, 0x56, 2, 4}, {0xfd, 0x57, 3, 2}};
static const struct access i32_stores[] = {{0, 0x36, 2, 0}, {0, 0x3a, 0, 0}, {0, 0x3b, 1, 0}};
static const struct access i64_stores[] = {
    {0, 0x37, 3, 0}, {0, 0x3c, 0, 0}, {0, 0x3d, 1, 0}, {0, 0x3e, 2, 0}};
static const struct access f32_stores[] = {{0, 0x38, 2, 0}};
static const struct access f64_stores[] = {{0, 0x39, 3, 0}};
static const struct access v128_stores[] = {
    {0xfd, 0x0b, 4, 0}, {0xfd, 0x58, 0, 16}, {0xfd, 0x59, 1, 8}, {0xfd, 0x5a, 2, 4}, {0xfd, 0x5b, 3, 2}};

static struct access pick_load(struct code *c, char type)
{
    switch (type) {
    case 'i':
        return PICK(c->rng, i32_loads);
    case 'l':
        return PICK(c->rng, i64_loads);
    case 'f':
        return PICK(c->rng, f32_loads);
    case 'd':
        return PICK(c->rng, f64_loads);
    default:
        return PICK(c->rng, v128_loads);
    }
}

static struct access pick_store(struct code *c, char type)
{
    switch (type) {
    case 'i':
        return PICK(c->rng, i32_stores);
    case 'l':
        return PICK(c->rng, i64_stores);
    case 'f':
        return PICK(c->rng, f32_stores);
    case 'd':
        return PICK(c->rng, f64_stores);
    default:
        return PICK(c->rng, v128_stores);
    }
}

static void write_access(struct code *c, struct access a)
{
    if (a.prefix)
        put_prefixed(c, a.prefix, a.opcode);
    else
        put(c, a.opcode);
    write_memarg(c, a.log2_bytes);
    if (a.lanes)
        put(c, (uint8_t)rng_below(c->rng, a.lanes));
}

static void write_load(struct code *c, char type)
{
    struct access a = pick_load(c, type);
    write_address(c);
    if (a.lanes)
        write_expression(c, 'v');
    write_access(c, a);
}

static void write_store(struct code *c)
{
    char type = "ilfdv"[rng_below(c->rng, 5)];
    write_address(c);
    write_expression(c, type);
    write_access(c, pick_store(c, type));
}

/* A length or index: small, mostly. */
static void write_small(struct code *c, int32_t mask)
{
    write_expression(c, 'i');
    if (rng_one_in(c->rng, 80))
        return;
    put_i32(c, mask);
    put(c, 0x71);
}

static void write_bulk(struct code *c)
{
    unsigned segment = rng_below(c->rng, DATA_SEGMENTS);
    switch (rng_below(c->rng, 4)) {
    case 0:
        write_address(c);
        write_address(c);
        write_small(c, 0x7f);
        put_prefixed(c, 0xfc, 10);
        put(c, 0);
        put(c, 0);
        break;
    case 1:
        write_address(c);
        write_expression(c, 'i');
        write_small(c, 0x7f);
        put_prefixed(c, 0xfc, 11);
        put(c, 0);
        break;
    case 2:
        write_address(c);
        write_small(c, 7);
        write_small(c, 7);
        put_prefixed(c, 0xfc, 8);
        bytes_put_u(c->out, segment);
        put(c, 0);
        break;
    default:
        if (rng_one_in(c->rng, 4)) {
            put_prefixed(c, 0xfc, 9);
            bytes_put_u(c->out, segment);
        }
        break;
    }
}

/* ---- tables
 * ------------------------------------------------------------------------------------------------ */

static unsigned pick_table(struct code *c, char type)
{
    return type == 'E' ? EXTERN_TABLE : rng_below(c->rng, FUNC_TABLES);
}

static void write_table_copy(struct code *c, char type)
{
    write_small(c, 7);
    write_small(c, 7);
    write_small(c, 3);
    put_prefixed(c, 0xfc, 14);
    bytes_put_u(c->out, pick_table(c, type));
    bytes_put_u(c->out, pick_table(c, type));
}

static void write_table_init(struct code *c, char type)
{
    write_small(c, 7);
    write_small(c, 1);
    write_small(c, 1);
    put_prefixed(c, 0xfc, 12);
    bytes_put_u(c->out, type == 'E' ? 3 : rng_below(c->rng, 3));
    bytes_put_u(c->out, pick_table(c, type));
}

static void write_table_statement(struct code *c)
{
    char type = rng_one_in(c->rng, 3) ? 'E' : 'F';
    switch (rng_below(c->rng, 5)) {
    case 0:
        write_small(c, 7);
        write_expression(c, type);
        put_u(c, 0x26, pick_table(c, type));
        break;
    case 1:
        write_small(c, 7);
        write_expression(c, type);
        write_small(c, 3);
        put_prefixed(c, 0xfc, 17);
        bytes_put_u(c->out, pick_table(c, type));
        break;
    case 2:
        write_table_copy(c, type);
        break;
    case 3:
        write_table_init(c, type);
        break;
    default:
        if (rng_one_in(c->rng, 4)) {
            put_prefixed(c, 0xfc, 13);
            bytes_put_u(c->out, rng_below(c->rng, ELEM_SEGMENTS));
        }
        break;
    }
}

/* ---- calls
 * ------------------------------------------------------------------------------------------------- */

/* A slot of table 0 that held a function of this type at the start, or -1. */
static int pick_slot(struct code *c, unsigned type)
{
    unsigned start = rng_below(c->rng, ELEM_FUNCTIONS);
    for (unsigned i = 0; i < ELEM_FUNCTIONS; i++) {
        unsigned k = (start + i) % ELEM_FUNCTIONS;
        if (c->m->function_type[c->m->elem_function[k]] == type)
            return (int)(c->m->elem_offset + k);
    }
    return -1;
}

/* Through a table mostly where the type should fit, now and then anywhere. */
static void write_call_instruction(struct code *c, unsigned function)
{
    unsigned type = c->m->function_type[function];
    int slot = pick_slot(c, type);
    write_expressions(c, c->m->types[type].params);
    if (rng_one_in(c->rng, 24)) {
        write_small(c, 7);
        put_u(c, 0x11, type);
        bytes_put_u(c->out, rng_below(c->rng, FUNC_TABLES));
    } else if (slot >= 0 && rng_one_in(c->rng, 2)) {
        put_i32(c, slot);
        put_u(c, 0x11, type);
        bytes_put_u(c->out, 0);
    } else {
        put_u(c, 0x10, function);
    }
}

static void write_call_statement(struct code *c)
{
    unsigned function = rng_below(c->rng, c->m->function_count);
    write_call_instruction(c, function);
    drop_values(c, c->m->types[c->m->function_type[function]].results);
}

/* A call whose last result is of the type; the other results go. */
static bool write_call_expression(struct code *c, char type)
{
    unsigned function = rng_below(c->rng, c->m->function_count);
    const char *results = c->m->types[c->m->function_type[function]].results;
    size_t count = strlen(results);
    if (count == 0 || results[0] != type)
        return false;
    write_call_instruction(c, function);
    drop_values(c, results + 1);
    return true;
}

/* ---- control
 * ----------------------------------------------------------------------------------------------- */

static void push_label(struct code *c, const char *types, bool is_loop)
{
    c->labels[c->label_count++] = (struct label){types, is_loop};
}

static void put_block_type(struct code *c, const char *params, const char *results)
{
    if (!*params && !*results && !rng_one_in(c->rng, 4))
        put(c, 0x40);
    else if (!*params && strlen(results) == 1 && !rng_one_in(c->rng, 4))
        put(c, type_code(results[0]));
    else
        bytes_put_s(c->out, module_type(c->m, params, results));
}

static void write_statements(struct code *c, unsigned most)
{
    for (unsigned count = rng_below(c->rng, most + 1); count > 0; count--)
        write_statement(c);
}

/* Random small lists for the parameters and results of blocks. They outlive the block as labels do. */
static const char *pick_types(struct code *c)
{
    static const char *const lists[] = {"",   "",   "i",   "l",  "v",   "ii",  "id",
                                        "fl", "vi", "ilF", "dE", "ivl", "fdvi"};
    return PICK(c->rng, lists);
}

/* Turns the values of `from` on the stack into those of `to`: all go, new ones come. */
static void write_exchange(struct code *c, const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return;
    for (size_t i = strlen(from); i > 0; i--) {
        int local = pick_local(c, from[i - 1]);
        if (local >= 0 && rng_one_in(c->rng, 2))
            put_u(c, 0x21, (unsigned)local);
        else
            put(c, 0x1a);
    }
    write_expressions(c, to);
}

static void write_block(struct code *c, const char *params, const char *results)
{
    write_expressions(c, params);
    put(c, 0x02);
    put_block_type(c, params, results);
    push_label(c, results, false);
    write_statements(c, 3);
    write_exchange(c, params, results);
    c->label_count--;
    put(c, 0x0b);
}

static void write_if(struct code *c, const char *params, const char *results)
{
    bool has_else = strcmp(params, results) != 0 || rng_one_in(c->rng, 2);
    write_expressions(c, params);
    write_expression(c, 'i');
    put(c, 0x04);
    put_block_type(c, params, results);
    push_label(c, results, false);
    write_statements(c, 3);
    write_exchange(c, params, results);
    if (has_else) {
        put(c, 0x05);
        write_statements(c, 2);
        write_exchange(c, params, results);
    }
    c->label_count--;
    put(c, 0x0b);
}

/* The back edge carries the parameters, and needs the budget. */
static void write_loop(struct code *c, const char *params, const char *results)
{
    write_expressions(c, params);
    put(c, 0x03);
    put_block_type(c, params, results);
    push_label(c, params, true);
    write_statements(c, 4);
    if (rng_one_in(c->rng, 2))
        write_exchange(c, params, ""), write_expressions(c, params);
    write_expression(c, 'i');
    put(c, 0x45);
    write_budget_check(c);
    put(c, rng_one_in(c->rng, 8) ? 0x71 : 0x72);
    write_budget_check(c);
    put(c, 0x71);
    put_u(c, 0x0d, 0);
    write_exchange(c, params, results);
    c->label_count--;
    put(c, 0x0b);
}

static void write_structured(struct code *c, const char *params, const char *results)
{
    switch (rng_below(c->rng, 3)) {
    case 0:
        write_block(c, params, results);
        break;
    case 1:
        write_if(c, params, results);
        break;
    default:
        write_loop(c, params, results);
        break;
    }
}

static void write_br_if(struct code *c)
{
    int depth = pick_label(c, NULL);
    if (depth < 0)
        return;
    const char *types = c->labels[c->label_count - 1 - (unsigned)depth].types;
    write_expressions(c, types);
    write_expression(c, 'i');
    put_u(c, 0x0d, (unsigned)depth);
    drop_values(c, types);
}

/* All targets carry the same types as the default. What follows in the block is unreachable. */
static void write_br_table(struct code *c)
{
    int fallback = pick_label(c, NULL);
    if (fallback < 0)
        return;
    const char *types = c->labels[c->label_count - 1 - (unsigned)fallback].types;
    write_expressions(c, types);
    write_small(c, 7);
    unsigned targets = rng_below(c->rng, 6);
    put_u(c, 0x0e, targets);
    for (unsigned i = 0; i < targets; i++)
        bytes_put_u(c->out, (unsigned)pick_label(c, types));
    bytes_put_u(c->out, (unsigned)fallback);
}

/* A way out that is not often taken: br, br_table, return or unreachable under an if. */
static void write_jump(struct code *c)
{
    write_expression(c, 'i');
    put_i32(c, 3);
    put(c, 0x71);
    put(c, 0x45);
    put(c, 0x04);
    put(c, 0x40);
    push_label(c, "", false);
    int depth = pick_label(c, NULL);
    unsigned kind = rng_below(c->rng, 16);
    if (kind == 0) {
        put(c, 0x00);
    } else if (kind < 4) {
        write_expressions(c, c->signature->results);
        put(c, 0x0f);
    } else if (kind < 9) {
        write_br_table(c);
    } else if (depth >= 0) {
        write_expressions(c, c->labels[c->label_count - 1 - (unsigned)depth].types);
        put_u(c, 0x0c, (unsigned)depth);
    }
    if (rng_one_in(c->rng, 3))
        write_statement(c);
    c->label_count--;
    put(c, 0x0b);
}

/* ---- expressions
 * ------------------------------------------------------------------------------------------- */

static void write_leaf(struct code *c, char type)
{
    int local = pick_local(c, type), global = pick_global(c, type);
    unsigned choice = rng_below(c->rng, 5);
    if (choice < 2 && local >= 0)
        put_u(c, 0x20, (unsigned)local);
    else if (choice < 3 && global >= 0)
        put_u(c, 0x23, (unsigned)global);
    else if (type == 'F' && rng_one_in(c->rng, 2))
        put_u(c, 0xd2, rng_below(c->rng, c->m->function_count));
    else
        code_write_constant(c->rng, type, c->out);
}

static void write_instruction(struct code *c, char type)
{
    unsigned count;
    const struct instruction *const *list = instructions_giving(type, &count);
    if (count == 0) {
        write_small(c, 7);
        put_u(c, 0x25, pick_table(c, type));
        return;
    }
    const struct instruction *in = list[rng_below(c->rng, count)];
    while (in->may_trap && !rng_one_in(c->rng, 6))
        in = list[rng_below(c->rng, count)];
    write_expressions(c, in->operands);
    if (in->prefix)
        put_prefixed(c, in->prefix, in->opcode);
    else
        put(c, (uint8_t)in->opcode);
    if (in->lanes)
        put(c, (uint8_t)rng_below(c->rng, in->lanes));
    write_canonical(c, in->canonical);
}

static void write_shuffle(struct code *c)
{
    write_expressions(c, "vv");
    put_prefixed(c, 0xfd, 0x0d);
    for (unsigned i = 0; i < 16; i++)
        put(c, (uint8_t)rng_below(c->rng, 32));
}

static void write_select(struct code *c, char type)
{
    write_expression(c, type);
    write_expression(c, type);
    write_expression(c, 'i');
    if (type == 'F' || type == 'E' || rng_one_in(c->rng, 2)) {
        put_u(c, 0x1c, 1);
        put(c, type_code(type));
    } else {
        put(c, 0x1b);
    }
}

/* Sizes and growth, which give i32. */
static void write_size(struct code *c)
{
    char type = rng_one_in(c->rng, 3) ? 'E' : 'F';
    switch (rng_below(c->rng, 4)) {
    case 0:
        put_u(c, 0x3f, 0);
        break;
    case 1:
        write_small(c, 1);
        put_u(c, 0x40, 0);
        break;
    case 2:
        put_prefixed(c, 0xfc, 16);
        bytes_put_u(c->out, rng_below(c->rng, TABLES));
        break;
    default:
        write_expression(c, type);
        write_small(c, 3);
        put_prefixed(c, 0xfc, 15);
        bytes_put_u(c->out, pick_table(c, type));
        break;
    }
}

static const char *single_type(char type)
{
    static const char lists[][2] = {"i", "l", "f", "d", "v", "F", "E"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (lists[i][0] == type)
            return lists[i];
    return "";
}

static void write_compound(struct code *c, char type)
{
    unsigned choice = rng_below(c->rng, 20);
    int local = pick_local(c, type);
    bool is_reference = type == 'F' || type == 'E';
    if (choice < 3 && !is_reference) {
        write_load(c, type);
    } else if (choice < 5 && c->label_count < MAX_LABELS - 2) {
        write_structured(c, pick_types(c), single_type(type));
    } else if (choice < 6) {
        write_select(c, type);
    } else if (choice < 7 && local >= 0) {
        write_expression(c, type);
        put_u(c, 0x22, (unsigned)local);
    } else if (choice < 8 && type == 'i') {
        write_size(c);
    } else if (choice < 8 && type == 'v') {
        write_shuffle(c);
    } else if (choice >= 11 || !write_call_expression(c, type)) {
        write_instruction(c, type);
    }
}

static void write_expression(struct code *c, char type)
{
    if (c->depth >= MAX_DEPTH || c->nodes >= BODY_NODES || rng_one_in(c->rng, 4)) {
        write_leaf(c, type);
        return;
    }
    c->depth++;
    c->nodes++;
    write_compound(c, type);
    c->depth--;
}

/* ---- statements
 * -------------------------------------------------------------------------------------------- */

static void write_assignment(struct code *c)
{
    char type = pick_type(c);
    bool to_global = rng_one_in(c->rng, 3);
    int target = to_global ? pick_global(c, type) : pick_local(c, type);
    write_expression(c, type);
    if (target >= 0)
        put_u(c, to_global ? 0x24 : 0x21, (unsigned)target);
    else
        put(c, 0x1a);
}

static void write_structured_statement(struct code *c)
{
    const char *params = pick_types(c), *results = rng_one_in(c->rng, 2) ? pick_types(c) : params;
    write_structured(c, params, results);
    drop_values(c, results);
}

static void write_statement(struct code *c)
{
    if (c->depth >= MAX_DEPTH || c->nodes >= BODY_NODES || c->label_count >= MAX_LABELS - 2)
        return;
    c->depth++;
    c->nodes++;
    unsigned choice = rng_below(c->rng, 24);
    if (choice < 7)
        write_assignment(c);
    else if (choice < 11)
        write_store(c);
    else if (choice < 15)
        write_structured_statement(c);
    else if (choice < 16)
        write_bulk(c);
    else if (choice < 18)
        write_table_statement(c);
    else if (choice < 20)
        write_br_if(c);
    else if (choice < 22)
        write_jump(c);
    else if (choice < 23)
        write_call_statement(c);
    else
        put(c, 0x01);
    c->depth--;
}

/* ---- bodies
 * ------------------------------------------------------------------------------------------------ */

static void choose_locals(struct code *c)
{
    strcpy(c->locals, c->signature->params);
    strcat(c->locals, "fdv");
    size_t used = strlen(c->locals);
    c->scratch_f32 = (unsigned)used - 3;
    c->scratch_f64 = (unsigned)used - 2;
    c->scratch_v128 = (unsigned)used - 1;
    for (unsigned more = rng_below(c->rng, MAX_LOCALS - 3); more > 0; more--)
        c->locals[used++] = pick_type(c);
    c->locals[used] = 0;
    c->local_count = (unsigned)used;
}

static void write_locals(struct code *c)
{
    size_t params = strlen(c->signature->params);
    bytes_put_u(c->out, c->local_count - params);
    for (size_t i = params; i < c->local_count; i++) {
        bytes_put_u(c->out, 1);
        bytes_put(c->out, type_code(c->locals[i]));
    }
}

void code_write_body(struct module *m, unsigned index, struct bytes *out)
{
    struct code c = {.m = m, .rng = &m->rng, .out = out, .signature = &m->types[m->function_type[index]]};
    choose_locals(&c);
    write_locals(&c);
    write_budget_check(&c);
    put(&c, 0x45);
    put(&c, 0x04);
    put(&c, 0x40);
    for (const char *t = c.signature->results; *t; t++)
        code_write_constant(c.rng, *t, out);
    put(&c, 0x0f);
    put(&c, 0x0b);
    push_label(&c, c.signature->results, false);
    for (unsigned i = 0; i < 6; i++)
        write_statement(&c);
    write_expressions(&c, c.signature->results);
    put(&c, 0x0b);
}
