/*
 * Random modules: decides types, functions, globals, tables and segments, then assembles the sections.
 *
 * Every function N has an exported wrapper `eN` that fills the budget and whose types all can cross into
 * JavaScript: a vector comes in as an i64 and goes out as two, a function reference comes in as a table index
 * and goes out as whether it is null. `h` hashes the memory, `g` gives the globals.
 */
#include "module.h"
#include "instruction.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_PER_FUNCTION = 3, PAGE_BYTES = 65536 };

static const uint64_t hash_start = 0xcbf29ce484222325, hash_factor = 0x100000001b3;

/* ---- deciding
 * ---------------------------------------------------------------------------------------------- */

static void choose_signature(struct rng *rng, struct signature *s)
{
    unsigned params = rng_below(rng, 5), results = rng_below(rng, 4);
    for (unsigned i = 0; i < params; i++)
        s->params[i] = "iiilfdvvFE"[rng_below(rng, 10)];
    for (unsigned i = 0; i < results; i++)
        s->results[i] = "iillfdvvFE"[rng_below(rng, 10)];
}

static void choose_module(struct module *m, unsigned functions)
{
    struct rng *rng = &m->rng;
    m->type_count = 2 + rng_below(rng, MAX_TYPES - 2);
    for (unsigned i = 0; i < m->type_count; i++) {
        choose_signature(rng, &m->types[i]);
        m->binary_types[m->binary_type_count++] = m->types[i];
    }
    m->function_count = functions ? functions : 1 + rng_below(rng, RANDOM_FUNCTIONS);
    for (unsigned i = 0; i < m->function_count; i++)
        m->function_type[i] = rng_below(rng, m->type_count);
    m->global_count = 2 + rng_below(rng, MAX_GLOBALS - 2);
    m->global_type[BUDGET_GLOBAL] = 'i';
    for (unsigned i = 1; i < m->global_count; i++)
        m->global_type[i] = "ilfdvFE"[rng_below(rng, 7)];
    m->memory_pages = 1 + rng_below(rng, 2);
    for (unsigned i = 0; i < DATA_SEGMENTS; i++)
        m->data_bytes[i] = rng_below(rng, 40);
    m->elem_offset = rng_below(rng, 3);
    for (unsigned i = 0; i < ELEM_FUNCTIONS; i++)
        m->elem_function[i] = rng_below(rng, m->function_count);
}

unsigned module_type(struct module *m, const char *params, const char *results)
{
    for (unsigned i = 0; i < m->binary_type_count; i++)
        if (strcmp(m->binary_types[i].params, params) == 0 &&
            strcmp(m->binary_types[i].results, results) == 0)
            return i;
    if (m->binary_type_count == MAX_BINARY_TYPES || strlen(params) > MAX_SIGNATURE ||
        strlen(results) > MAX_SIGNATURE)
        abort();
    struct signature *s = &m->binary_types[m->binary_type_count];
    strcpy(s->params, params);
    strcpy(s->results, results);
    return m->binary_type_count++;
}

/* ---- wrappers
 * ---------------------------------------------------------------------------------------------- */

/* What a parameter or result becomes when it crosses. */
static const char *crossing(char type, bool is_result)
{
    switch (type) {
    case 'v':
        return is_result ? "ll" : "l";
    case 'F':
        return "i";
    case 'i':
        return "i";
    case 'l':
        return "l";
    case 'f':
        return "f";
    case 'd':
        return "d";
    default:
        return "E";
    }
}

static struct signature crossing_signature(const char *params, const char *results)
{
    struct signature s = {{0}, {0}};
    for (; *params; params++)
        strcat(s.params, crossing(*params, false));
    for (; *results; results++)
        strcat(s.results, crossing(*results, true));
    return s;
}

static void put_local(struct bytes *b, uint8_t opcode, unsigned index)
{
    bytes_put(b, opcode);
    bytes_put_u(b, index);
}

/* Parameters cross one to one, so their indices stay. */
static void write_argument(struct bytes *b, char type, unsigned index)
{
    put_local(b, 0x20, index);
    if (type == 'v') {
        bytes_put(b, 0xfd);
        bytes_put_u(b, 0x12);
    } else if (type == 'F') {
        bytes_put(b, 0x41);
        bytes_put_s(b, 7);
        bytes_put(b, 0x71);
        bytes_put(b, 0x25);
        bytes_put_u(b, 0);
    }
}

/* Leaves what crosses of the value in a local. */
static void write_crossing_result(struct bytes *b, char type, unsigned local)
{
    put_local(b, 0x20, local);
    if (type == 'v') {
        bytes_put(b, 0xfd);
        bytes_put_u(b, 0x1d);
        bytes_put(b, 0);
        put_local(b, 0x20, local);
        bytes_put(b, 0xfd);
        bytes_put_u(b, 0x1d);
        bytes_put(b, 1);
    } else if (type == 'F') {
        bytes_put(b, 0xd1);
    } else if (type == 'f' || type == 'd') {
        code_write_canonical(b, type, local);
    }
}

static void write_locals(struct bytes *b, const char *types)
{
    bytes_put_u(b, strlen(types));
    for (; *types; types++) {
        bytes_put_u(b, 1);
        bytes_put(b, type_code(*types));
    }
}

static void write_wrapper(struct module *m, unsigned function, struct bytes *b)
{
    const struct signature *s = &m->types[m->function_type[function]];
    unsigned params = (unsigned)strlen(s->params), results = (unsigned)strlen(s->results);
    write_locals(b, s->results);
    bytes_put(b, 0x41);
    bytes_put_s(b, BUDGET);
    put_local(b, 0x24, BUDGET_GLOBAL);
    for (unsigned i = 0; i < params; i++)
        write_argument(b, s->params[i], i);
    put_local(b, 0x10, function);
    for (unsigned i = results; i > 0; i--)
        put_local(b, 0x21, params + i - 1);
    for (unsigned i = 0; i < results; i++)
        write_crossing_result(b, s->results[i], params + i);
    bytes_put(b, 0x0b);
}

/* A word at a time over the whole memory: h = (h xor word) * factor. */
static void write_hash(struct bytes *b)
{
    static const uint8_t address_end[] = {0x3f, 0x00, 0x41,
                                          0x10, 0x74, 0x49}; /* memory.size << 16, less than */
    write_locals(b, "il");
    bytes_put(b, 0x42);
    bytes_put_s(b, (int64_t)hash_start);
    put_local(b, 0x21, 1);
    bytes_put(b, 0x03);
    bytes_put(b, 0x40);
    put_local(b, 0x20, 1);
    put_local(b, 0x20, 0);
    bytes_put(b, 0x29);
    bytes_put_u(b, 3);
    bytes_put_u(b, 0);
    bytes_put(b, 0x85);
    bytes_put(b, 0x42);
    bytes_put_s(b, (int64_t)hash_factor);
    bytes_put(b, 0x7e);
    put_local(b, 0x21, 1);
    put_local(b, 0x20, 0);
    bytes_put(b, 0x41);
    bytes_put_s(b, 8);
    bytes_put(b, 0x6a);
    put_local(b, 0x22, 0);
    for (size_t i = 0; i < sizeof(address_end); i++)
        bytes_put(b, address_end[i]);
    put_local(b, 0x0d, 0);
    bytes_put(b, 0x0b);
    put_local(b, 0x20, 1);
    bytes_put(b, 0x0b);
}

static void write_globals_function(struct module *m, struct bytes *b)
{
    write_locals(b, m->global_type);
    for (unsigned i = 0; i < m->global_count; i++) {
        put_local(b, 0x23, i);
        put_local(b, 0x21, i);
        write_crossing_result(b, m->global_type[i], i);
    }
    bytes_put(b, 0x0b);
}

/* The globals' types crossing may be longer than a signature holds: only the first ones are given. */
static struct signature globals_signature(struct module *m)
{
    unsigned width = 0;
    for (unsigned i = 0; i < m->global_count; i++) {
        width += m->global_type[i] == 'v' ? 2 : 1;
        if (width > MAX_SIGNATURE) {
            m->global_count = i;
            m->global_type[i] = 0;
        }
    }
    return crossing_signature("", m->global_type);
}

/* ---- sections
 * ---------------------------------------------------------------------------------------------- */

static void write_types(const struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    bytes_put_u(&b, m->binary_type_count);
    for (unsigned i = 0; i < m->binary_type_count; i++) {
        bytes_put(&b, 0x60);
        for (unsigned part = 0; part < 2; part++) {
            const char *types = part ? m->binary_types[i].results : m->binary_types[i].params;
            bytes_put_u(&b, strlen(types));
            for (; *types; types++)
                bytes_put(&b, type_code(*types));
        }
    }
    bytes_put_section(out, 1, &b);
}

static void write_tables_and_memory(struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    bytes_put_u(&b, TABLES);
    for (unsigned i = 0; i < TABLES; i++) {
        bytes_put(&b, i == EXTERN_TABLE ? 0x6f : 0x70);
        bytes_put(&b, 1);
        bytes_put_u(&b, TABLE_MIN + rng_below(&m->rng, 4));
        bytes_put_u(&b, TABLE_MAX);
    }
    bytes_put_section(out, 4, &b);
    bytes_put_u(&b, 1);
    bytes_put(&b, 1);
    bytes_put_u(&b, m->memory_pages);
    bytes_put_u(&b, MEMORY_MAX_PAGES);
    bytes_put_section(out, 5, &b);
}

static void write_global_section(struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    bytes_put_u(&b, m->global_count);
    for (unsigned i = 0; i < m->global_count; i++) {
        bytes_put(&b, type_code(m->global_type[i]));
        bytes_put(&b, 1);
        code_write_constant(&m->rng, m->global_type[i], &b);
        bytes_put(&b, 0x0b);
    }
    bytes_put_section(out, 6, &b);
}

static void write_exports(const struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    char name[16];
    bytes_put_u(&b, m->function_count + 3);
    for (unsigned i = 0; i < m->function_count; i++) {
        snprintf(name, sizeof(name), "e%u", i);
        bytes_put_name(&b, name);
        bytes_put(&b, 0);
        bytes_put_u(&b, m->function_count + i);
    }
    bytes_put_name(&b, "h");
    bytes_put(&b, 0);
    bytes_put_u(&b, 2 * m->function_count);
    bytes_put_name(&b, "g");
    bytes_put(&b, 0);
    bytes_put_u(&b, 2 * m->function_count + 1);
    bytes_put_name(&b, "memory");
    bytes_put(&b, 2);
    bytes_put_u(&b, 0);
    bytes_put_section(out, 7, &b);
}

static void write_offset(struct bytes *b, uint32_t offset)
{
    bytes_put(b, 0x41);
    bytes_put_s(b, (int32_t)offset);
    bytes_put(b, 0x0b);
}

static void write_function_expressions(struct module *m, struct bytes *b, unsigned count)
{
    bytes_put_u(b, count);
    for (unsigned i = 0; i < count; i++) {
        if (rng_one_in(&m->rng, 4)) {
            bytes_put(b, 0xd0);
            bytes_put(b, 0x70);
        } else {
            put_local(b, 0xd2, rng_below(&m->rng, m->function_count));
        }
        bytes_put(b, 0x0b);
    }
}

static void write_elements(struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    bytes_put_u(&b, ELEM_SEGMENTS);
    bytes_put(&b, 0); /* active, table 0, indices */
    write_offset(&b, m->elem_offset);
    bytes_put_u(&b, ELEM_FUNCTIONS);
    for (unsigned i = 0; i < ELEM_FUNCTIONS; i++)
        bytes_put_u(&b, m->elem_function[i]);
    bytes_put(&b, 6); /* active, table 1, expressions */
    bytes_put_u(&b, 1);
    write_offset(&b, rng_below(&m->rng, 3));
    bytes_put(&b, 0x70);
    write_function_expressions(m, &b, 5);
    bytes_put(&b, 5); /* passive functions */
    bytes_put(&b, 0x70);
    write_function_expressions(m, &b, rng_below(&m->rng, 4));
    bytes_put(&b, 5); /* passive external references */
    bytes_put(&b, 0x6f);
    bytes_put_u(&b, 1);
    code_write_constant(&m->rng, 'E', &b);
    bytes_put(&b, 0x0b);
    bytes_put(&b, 3); /* declarative: every function may be referred to */
    bytes_put(&b, 0);
    bytes_put_u(&b, m->function_count);
    for (unsigned i = 0; i < m->function_count; i++)
        bytes_put_u(&b, i);
    bytes_put_section(out, 9, &b);
}

static void write_data(struct module *m, struct bytes *out)
{
    struct bytes b = {0};
    bytes_put_u(&b, DATA_SEGMENTS);
    for (unsigned i = 0; i < DATA_SEGMENTS; i++) {
        bytes_put(&b, i == 0 ? 0 : 1);
        if (i == 0)
            write_offset(&b, rng_below(&m->rng, 256));
        bytes_put_u(&b, m->data_bytes[i]);
        for (unsigned k = 0; k < m->data_bytes[i]; k++)
            bytes_put(&b, (uint8_t)rng_next(&m->rng));
    }
    bytes_put_section(out, 11, &b);
}

/* Types come before functions in the file, but are known only after the bodies are written. */
static void write_functions(struct module *m, struct bytes *types, struct bytes *code)
{
    struct bytes body = {0};
    unsigned count = 2 * m->function_count + 2;
    struct signature globals = globals_signature(m);
    bytes_put_u(types, count);
    bytes_put_u(code, count);
    for (unsigned i = 0; i < m->function_count; i++) {
        bytes_put_u(types, m->function_type[i]);
        code_write_body(m, i, &body);
        bytes_put_sized(code, &body);
    }
    for (unsigned i = 0; i < m->function_count; i++) {
        const struct signature *s = &m->types[m->function_type[i]];
        struct signature wrapper = crossing_signature(s->params, s->results);
        bytes_put_u(types, module_type(m, wrapper.params, wrapper.results));
        write_wrapper(m, i, &body);
        bytes_put_sized(code, &body);
    }
    bytes_put_u(types, module_type(m, "", "l"));
    write_hash(&body);
    bytes_put_sized(code, &body);
    bytes_put_u(types, module_type(m, "", globals.results));
    write_globals_function(m, &body);
    bytes_put_sized(code, &body);
}

/* ---- calls
 * ------------------------------------------------------------------------------------------------- */

static void put_text(struct bytes *b, const char *text)
{
    for (; *text; text++)
        bytes_put(b, (uint8_t)*text);
}

/* NaNs passed through JavaScript lose their bits: arguments are canonical or no NaN. */
static uint64_t random_argument(struct rng *rng, char type)
{
    static const uint64_t ints[] = {0,
                                    1,
                                    2,
                                    0x7f,
                                    0x80,
                                    0xffff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xffffffffffffffff};
    static const uint64_t f32s[] = {0,          0x80000000, 0x3f800000, 0xbfc00000, 0x7f800000,
                                    0xff800000, 0x7fc00000, 1,          0x4f000000};
    static const uint64_t f64s[] = {0,
                                    0x8000000000000000,
                                    0x3ff0000000000000,
                                    0xbff8000000000000,
                                    0x7ff0000000000000,
                                    0xfff0000000000000,
                                    0x7ff8000000000000,
                                    1,
                                    0x41e0000000000000};
    if (type == 'f')
        return f32s[rng_below(rng, 9)];
    if (type == 'd')
        return f64s[rng_below(rng, 9)];
    uint64_t x = rng_one_in(rng, 2) ? rng_next(rng) : ints[rng_below(rng, 12)];
    return type == 'i' ? x & 0xffffffff : x;
}

static const char *crossing_name(char type)
{
    switch (type) {
    case 'i':
        return "i32";
    case 'l':
        return "i64";
    case 'f':
        return "f32";
    case 'd':
        return "f64";
    default:
        return "externref";
    }
}

static void write_call(struct module *m, struct bytes *calls, const char *name, const struct signature *s)
{
    char text[64];
    put_text(calls, "call ");
    put_text(calls, name);
    for (const char *t = s->params; *t; t++) {
        if (*t == 'E' && rng_one_in(&m->rng, 2))
            snprintf(text, sizeof(text), " externref:null");
        else if (*t == 'E')
            snprintf(text, sizeof(text), " externref:%u", 1 + rng_below(&m->rng, 1000));
        else
            snprintf(text, sizeof(text), " %s:%" PRIu64, crossing_name(*t), random_argument(&m->rng, *t));
        put_text(calls, text);
    }
    put_text(calls, " ->");
    for (const char *t = s->results; *t; t++) {
        snprintf(text, sizeof(text), " %s", crossing_name(*t));
        put_text(calls, text);
    }
    put_text(calls, "\n");
}

static void write_calls(struct module *m, struct bytes *calls)
{
    char name[16];
    struct signature hash = {"", "l"}, globals = crossing_signature("", m->global_type);
    for (unsigned i = 0; i < CALLS_PER_FUNCTION * m->function_count; i++) {
        unsigned function = i % m->function_count;
        const struct signature *s = &m->types[m->function_type[function]];
        struct signature wrapper = crossing_signature(s->params, s->results);
        snprintf(name, sizeof(name), "e%u", function);
        write_call(m, calls, name, &wrapper);
    }
    write_call(m, calls, "h", &hash);
    write_call(m, calls, "g", &globals);
}

void module_write(uint64_t seed, unsigned functions, struct bytes *binary, struct bytes *calls)
{
    static const uint8_t header[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    static struct module m;
    m = (struct module){.rng = {seed}};
    struct bytes types = {0}, code = {0}, count = {0};
    choose_module(&m, functions);
    write_functions(&m, &types, &code);
    for (size_t i = 0; i < sizeof(header); i++)
        bytes_put(binary, header[i]);
    write_types(&m, binary);
    bytes_put_section(binary, 3, &types);
    write_tables_and_memory(&m, binary);
    write_global_section(&m, binary);
    write_exports(&m, binary);
    write_elements(&m, binary);
    bytes_put_u(&count, DATA_SEGMENTS);
    bytes_put_section(binary, 12, &count);
    bytes_put_section(binary, 10, &code);
    write_data(&m, binary);
    write_calls(&m, calls);
}
