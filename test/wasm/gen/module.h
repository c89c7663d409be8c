/*
 * A module being generated: what its code may refer to. Everything is decided before the first body is
 * written.
 *
 * Termination: global 0 is a budget that every function entry and every loop iteration takes from; with
 * nothing left functions return at once and loops leave. The exported wrappers fill it up.
 */
#pragma once
#include "bytes.h"
#include "rng.h"

enum {
    MAX_SIGNATURE = 12,
    MAX_TYPES = 8,
    MAX_BINARY_TYPES = 1024,
    RANDOM_FUNCTIONS = 8,
    MAX_FUNCTIONS = 10000,
    MAX_GLOBALS = 10,
    MAX_LOCALS = 16,
    FUNC_TABLES = 2, /* tables 0 and 1 hold functions, table 2 external references */
    EXTERN_TABLE = 2,
    TABLES = 3,
    TABLE_MIN = 8,
    TABLE_MAX = 20,
    MEMORY_MAX_PAGES = 3,
    BUDGET_GLOBAL = 0,
    BUDGET = 150,
    ELEM_FUNCTIONS = 5,
    ELEM_SEGMENTS = 5, /* 0 and 1 active, 2 passive functions, 3 passive external, 4 declarative */
    DATA_SEGMENTS = 3, /* 0 active, 1 and 2 passive */
};

struct signature {
    char params[MAX_SIGNATURE + 1], results[MAX_SIGNATURE + 1];
};

struct module {
    struct rng rng;
    struct signature types[MAX_TYPES];
    unsigned type_count;
    unsigned function_type[MAX_FUNCTIONS];
    unsigned function_count;
    char global_type[MAX_GLOBALS];
    unsigned global_count;
    unsigned memory_pages;
    uint32_t data_bytes[DATA_SEGMENTS];
    /* Element segment 0: which functions the first table holds at the start, and from where on. */
    uint32_t elem_offset, elem_function[ELEM_FUNCTIONS];
    /* The type section: types[] first, then what bodies and wrappers ask for. */
    struct signature binary_types[MAX_BINARY_TYPES];
    unsigned binary_type_count;
};

/* The whole module, with so many functions (0: as many as the seed wants), and the calls to make as text
 * lines (wasm_gen.c says of which form). */
void module_write(uint64_t seed, unsigned functions, struct bytes *binary, struct bytes *calls);
/* The type's index in the module, added if it is new. */
unsigned module_type(struct module *m, const char *params, const char *results);
/* Writes the body of function `index` (locals and code, without its size). */
void code_write_body(struct module *m, unsigned index, struct bytes *out);
/* A constant instruction of the type, with an edge value or a random one. */
void code_write_constant(struct rng *rng, char type, struct bytes *out);
/* Replaces the float on top of the stack by the canonical NaN if it is one; scratch is a local of its type.
 */
void code_write_canonical(struct bytes *out, char type, unsigned scratch);
