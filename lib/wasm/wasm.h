/*
 * The WebAssembly 2.0 engine: what an embedder needs, and its manual.
 *
 *     struct wasm_module *module;      wasm_module_load     bytes -> decoded and validated, immutable
 *     struct wasm_store *store;        wasm_store_create    a linking domain: instances, one stack, fuel
 *     struct wasm_instance *instance;  wasm_instantiate     module + imports -> instance
 *     wasm_instance_export, wasm_call                       run it
 *
 * Freestanding: no libc, no global state. Memory comes from the embedder's struct wasm_platform.
 * Little-endian 64-bit machines.
 *
 * Threads. A module may be shared by any number of threads once it is loaded. A store and all that lives in
 * it belong to one thread at a time; many stores run side by side. Only wasm_store_interrupt may be called
 * from another thread.
 *
 * Lifetime. The bytes given to wasm_module_load must stay, unchanged, as long as the module: the engine
 * interprets them in place. A module outlives the stores it is instantiated in. Everything made in a store
 * (instances, functions, memories, tables, globals) lives until wasm_store_destroy: they can refer to each
 * other in circles.
 *
 * Errors. Functions that can fail return enum wasm_status and, where they take one, fill in a struct
 * wasm_error: a sentence, and for modules the section and byte offset. Results go out through trailing
 * parameters, which are untouched on failure. Nothing here blocks, except as far as host functions do.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "limits.h"

/* ---- status, errors, traps -------------------------------------------------------------------------------
 */

enum wasm_status {
    WASM_OK = 0,
    WASM_MALFORMED = -1,  /* the bytes are not a module */
    WASM_INVALID = -2,    /* a module that breaks a validation rule */
    WASM_LIMIT = -3,      /* beyond a limit of limits.h or of struct wasm_config */
    WASM_UNLINKABLE = -4, /* an import is missing or has another type */
    WASM_NO_MEMORY = -5,  /* the platform refused memory */
    WASM_TRAPPED = -6,    /* see the struct wasm_trap */
    WASM_MISUSE = -7,     /* the embedder broke a rule of this header (wrong argument count or type) */
};

struct wasm_error {
    enum wasm_status status;
    uint64_t offset;          /* of the offending byte in the module; meaningful if section is not null */
    const char *section;      /* "type", "code", ...; "module" outside all sections; null: not about bytes */
    char rule[WASM_RULE_MAX]; /* the rule broken, a zero-terminated sentence without a full stop */
};

enum wasm_trap_kind {
    WASM_TRAP_NONE,
    WASM_TRAP_UNREACHABLE,
    WASM_TRAP_INTEGER_DIVIDE_BY_ZERO,
    WASM_TRAP_INTEGER_OVERFLOW,
    WASM_TRAP_INVALID_CONVERSION,
    WASM_TRAP_MEMORY_OUT_OF_BOUNDS,
    WASM_TRAP_TABLE_OUT_OF_BOUNDS,
    WASM_TRAP_UNDEFINED_ELEMENT,     /* call_indirect beyond the table */
    WASM_TRAP_UNINITIALIZED_ELEMENT, /* call_indirect of a null reference */
    WASM_TRAP_INDIRECT_TYPE_MISMATCH,
    WASM_TRAP_STACK_EXHAUSTED, /* operand stack, call depth, or nesting of host calls */
    WASM_TRAP_OUT_OF_FUEL,
    WASM_TRAP_INTERRUPTED,
    WASM_TRAP_HOST, /* a host function asked for it; host_code is its own */
    WASM_TRAP_KINDS
};

struct wasm_trap_frame {
    const struct wasm_module *module;
    uint32_t function_index; /* in the module's function index space */
    uint32_t offset;         /* of the instruction, in the module's bytes */
};

struct wasm_trap {
    enum wasm_trap_kind kind;
    uint32_t host_code;   /* what the host function set with wasm_caller_set_code; 0 otherwise */
    uint32_t depth;       /* wasm frames on the stack when it trapped */
    uint32_t frame_count; /* of them in frames, innermost first */
    struct wasm_trap_frame frames[WASM_BACKTRACE_MAX];
};

/* The specification's words for the kind ("out of bounds memory access"); never null. */
const char *wasm_trap_message(enum wasm_trap_kind kind);

/* ---- the platform ----------------------------------------------------------------------------------------
 */

/* What the engine asks of the machine. All pointers are called on the thread that called the engine. */
struct wasm_platform {
    void *context;
    /* Ordinary allocation, aligned for any scalar; null if there is none. free gets the same size back. */
    void *(*alloc)(void *context, size_t size_bytes);
    void (*free)(void *context, void *memory, size_t size_bytes);
    /* Address space without memory behind it, page aligned; null if there is none. */
    void *(*reserve)(void *context, uint64_t size_bytes);
    /* Makes [at, at + size_bytes) of a reservation readable, writable and zero; false if there is no memory.
     * Committing a range again is not asked for. at and size_bytes are multiples of WASM_PAGE_SIZE. */
    bool (*commit)(void *context, void *at, uint64_t size_bytes);
    /* Gives a whole reservation back. */
    void (*release)(void *context, void *base, uint64_t size_bytes);
    /* Reserved beyond each linear memory and never committed. The interpreter checks every access and needs
     * none; a compiler may leave checks out where 4 GiB + guard_bytes is more than an access can reach. */
    uint64_t guard_bytes;
};

/* ---- types and values ------------------------------------------------------------------------------------
 */

enum wasm_type { /* the binary encoding */
                 WASM_I32 = 0x7f,
                 WASM_I64 = 0x7e,
                 WASM_F32 = 0x7d,
                 WASM_F64 = 0x7c,
                 WASM_V128 = 0x7b,
                 WASM_FUNCREF = 0x70,
                 WASM_EXTERNREF = 0x6f,
};

/* "i32", "funcref", ...; "?" for a byte that is no value type. */
const char *wasm_type_name(uint8_t type);

/* A value; which member counts is known from its type. References: ref 0 is null; a funcref is a struct
 * wasm_func pointer; an externref is any non-zero number of the embedder's. v128 bytes are in memory order.
 */
union wasm_value {
    uint32_t i32;
    uint64_t i64;
    uint32_t f32_bits;
    uint64_t f64_bits;
    uint64_t ref;
    uint8_t v128[16];
    uint64_t slots[2];
};

/* A function type. The arrays hold enum wasm_type bytes and belong to the module or the store. */
struct wasm_functype {
    const uint8_t *params;
    const uint8_t *results;
    uint16_t param_count;
    uint16_t result_count;
    uint16_t param_slots; /* 8-byte stack slots: two for a v128, one for the others */
    uint16_t result_slots;
};

enum wasm_kind { WASM_FUNC, WASM_TABLE, WASM_MEMORY, WASM_GLOBAL };

struct wasm_bounds {
    uint32_t min;
    uint32_t max; /* meaningful if has_max */
    bool has_max;
};

struct wasm_extern_type {
    enum wasm_kind kind;
    const struct wasm_functype *func; /* WASM_FUNC */
    struct wasm_bounds bounds;        /* WASM_TABLE in entries, WASM_MEMORY in pages */
    uint8_t type;                     /* WASM_TABLE, WASM_GLOBAL: of the elements */
    bool is_mutable;                  /* WASM_GLOBAL */
};

/* UTF-8, not zero-terminated, inside the module's bytes. */
struct wasm_name {
    const char *bytes;
    uint32_t size_bytes;
};
bool wasm_name_equal(struct wasm_name name, const char *text);

/* ---- modules ---------------------------------------------------------------------------------------------
 */

struct wasm_module;

/* Decodes and validates. The platform struct is copied; the bytes are borrowed until wasm_module_destroy.
 * WASM_MALFORMED, WASM_INVALID, WASM_LIMIT: error names offset, section and rule. WASM_NO_MEMORY. Linear in
 * size_bytes. */
enum wasm_status wasm_module_load(const struct wasm_platform *platform, const uint8_t *bytes,
                                  size_t size_bytes, struct wasm_module **module, struct wasm_error *error);
/* No store may still hold an instance of it. Null is allowed. */
void wasm_module_destroy(struct wasm_module *module);

struct wasm_import {
    struct wasm_name module;
    struct wasm_name name;
    struct wasm_extern_type type;
};
uint32_t wasm_module_import_count(const struct wasm_module *module);
/* index < the count. The view is valid as long as the module. */
struct wasm_import wasm_module_import(const struct wasm_module *module, uint32_t index);

struct wasm_export {
    struct wasm_name name;
    struct wasm_extern_type type;
};
uint32_t wasm_module_export_count(const struct wasm_module *module);
struct wasm_export wasm_module_export(const struct wasm_module *module, uint32_t index);

/* The name the name section gives a function, else the name it is exported or imported under, else size 0. */
struct wasm_name wasm_module_function_name(const struct wasm_module *module, uint32_t function_index);

/* ---- stores ----------------------------------------------------------------------------------------------
 */

struct wasm_store;
struct wasm_instance;
struct wasm_func;
struct wasm_table;
struct wasm_memory;
struct wasm_global;

/* Zero in a field means the default of limits.h. */
struct wasm_config {
    uint32_t stack_bytes;       /* operand stack shared by all calls in the store */
    uint32_t call_depth_max;    /* wasm frames */
    uint32_t memory_pages_max;  /* of each memory; also bounds the address space reserved for it */
    uint32_t table_entries_max; /* of each table */
};

/* The platform struct is copied. config may be null. WASM_NO_MEMORY. */
enum wasm_status wasm_store_create(const struct wasm_platform *platform, const struct wasm_config *config,
                                   struct wasm_store **store);
/* Nothing may be running in it. Null is allowed. */
void wasm_store_destroy(struct wasm_store *store);

/* Fuel: one unit per byte of code interpreted, plus what docs/wasm.md lists for bulk operations and locals.
 * The count is exact and the same on every run. When it is used up, the next taken branch, call, return or
 * bulk operation traps with WASM_TRAP_OUT_OF_FUEL. A new store has WASM_FUEL_UNLIMITED. */
#define WASM_FUEL_UNLIMITED UINT64_MAX
void wasm_store_set_fuel(struct wasm_store *store, uint64_t fuel);
uint64_t wasm_store_fuel(const struct wasm_store *store);

/* May be called from any thread, at any time in the store's life. What runs in the store traps with
 * WASM_TRAP_INTERRUPTED within WASM_FUEL_SLICE units of fuel; if nothing runs, the next run does. The request
 * is consumed by the trap. */
void wasm_store_interrupt(struct wasm_store *store);

/* An object of a store, as imports and exports pass it. */
struct wasm_extern {
    enum wasm_kind kind;
    union {
        struct wasm_func *func;
        struct wasm_table *table;
        struct wasm_memory *memory;
        struct wasm_global *global;
    } as;
};

/* ---- host functions and other host objects ---------------------------------------------------------------
 */

/* Passed to a host function: who calls. Valid during the call. */
struct wasm_caller {
    struct wasm_store *store;
    struct wasm_instance *instance; /* the calling instance; null if the embedder called directly */
    struct wasm_memory *memory;     /* its memory 0; null if it has none */
    uint32_t host_code;             /* copied into the trap if the function returns a trap kind */
};

/* A host function. args holds one value per parameter; results one per result, zeroed, to be filled in.
 * Returns WASM_TRAP_NONE, or the kind to trap with. It may call wasm_call on the same store, and may grow
 * memories. */
typedef enum wasm_trap_kind (*wasm_host_fn)(void *context, struct wasm_caller *caller,
                                            const union wasm_value *args, union wasm_value *results);

/* signature is "params:results" in letters: i I f F v (i32 i64 f32 f64 v128), r (funcref), x (externref);
 * e.g. "iiii:i". Copied. WASM_MISUSE: not such a string, or too many of them; WASM_NO_MEMORY. */
enum wasm_status wasm_host_func_create(struct wasm_store *store, const char *signature, wasm_host_fn function,
                                       void *context, struct wasm_func **func);
/* WASM_NO_MEMORY; WASM_LIMIT: min is above max, the specification's or the store's limit. */
enum wasm_status wasm_memory_create(struct wasm_store *store, struct wasm_bounds pages,
                                    struct wasm_memory **memory);
enum wasm_status wasm_table_create(struct wasm_store *store, uint8_t type, struct wasm_bounds entries,
                                   struct wasm_table **table);
enum wasm_status wasm_global_create(struct wasm_store *store, uint8_t type, bool is_mutable,
                                    union wasm_value value, struct wasm_global **global);

/* ---- instances -------------------------------------------------------------------------------------------
 */

/* Finds what to import: fills in found and returns true, or returns false if there is no such thing. */
typedef bool (*wasm_resolve_fn)(void *context, const struct wasm_import *import, struct wasm_extern *found);

/* Links and instantiates, and runs the start function. resolve is asked once for each import, in order; it
 * may be null if there are none. Check, then commit: nothing is written before all imports match.
 *   WASM_UNLINKABLE  an import is missing or has another type; error names it
 *   WASM_NO_MEMORY, WASM_LIMIT  a memory or table could not be made
 *   WASM_TRAPPED     an active segment did not fit, or the start function trapped; trap says why. What was
 * written into imported memories and tables before stays, as the specification demands. */
enum wasm_status wasm_instantiate(struct wasm_store *store, const struct wasm_module *module,
                                  wasm_resolve_fn resolve, void *context, struct wasm_instance **instance,
                                  struct wasm_trap *trap, struct wasm_error *error);

/* The export of that name, size_bytes long; false if there is none. */
bool wasm_instance_export(const struct wasm_instance *instance, const char *name, size_t size_bytes,
                          struct wasm_extern *found);
const struct wasm_module *wasm_instance_module(const struct wasm_instance *instance);
/* Index spaces of an instance, for tools; null beyond the end. */
struct wasm_memory *wasm_instance_memory(const struct wasm_instance *instance, uint32_t index);
struct wasm_global *wasm_instance_global(const struct wasm_instance *instance, uint32_t index);

struct wasm_extern_type wasm_extern_type(const struct wasm_extern *object);

/* Calls a function. args: one per parameter, results: room for one per result (written only on WASM_OK).
 * WASM_TRAPPED: trap is filled in. WASM_MISUSE: the counts differ from the type's. Types cannot be checked.
 */
enum wasm_status wasm_call(struct wasm_store *store, struct wasm_func *func, const union wasm_value *args,
                           uint32_t arg_count, union wasm_value *results, uint32_t result_count,
                           struct wasm_trap *trap);
const struct wasm_functype *wasm_func_type(const struct wasm_func *func);
/* Index in its module's function index space, UINT32_MAX for a host function. */
uint32_t wasm_func_index(const struct wasm_func *func);

/* ---- memories, tables, globals from the host -------------------------------------------------------------
 */

/* The bytes [address, address + size_bytes) of a memory, or null if any of them is out of bounds (or memory
 * is null). The pointer stays good while the store lives: memories never move nor shrink. */
uint8_t *wasm_memory_span(struct wasm_memory *memory, uint32_t address, uint32_t size_bytes);
/* Copies out of / into a memory; false, and nothing copied, if any byte is out of bounds. */
bool wasm_memory_read(struct wasm_memory *memory, uint32_t address, void *to, uint32_t size_bytes);
bool wasm_memory_write(struct wasm_memory *memory, uint32_t address, const void *from, uint32_t size_bytes);
/* Little-endian numbers; the same rule. */
bool wasm_memory_read_u32(struct wasm_memory *memory, uint32_t address, uint32_t *value);
bool wasm_memory_write_u32(struct wasm_memory *memory, uint32_t address, uint32_t value);
bool wasm_memory_write_u64(struct wasm_memory *memory, uint32_t address, uint64_t value);
uint32_t wasm_memory_pages(const struct wasm_memory *memory);
/* Adds pages; false if the type's maximum, the store's limit or the platform refuses. */
bool wasm_memory_grow(struct wasm_memory *memory, uint32_t delta_pages, uint32_t *old_pages);

union wasm_value wasm_global_get(const struct wasm_global *global);
/* WASM_MISUSE: the global is immutable. */
enum wasm_status wasm_global_set(struct wasm_global *global, union wasm_value value);
uint8_t wasm_global_type(const struct wasm_global *global);

uint32_t wasm_table_size(const struct wasm_table *table);
/* False if index is out of bounds. */
bool wasm_table_get(const struct wasm_table *table, uint32_t index, uint64_t *ref);
bool wasm_table_set(struct wasm_table *table, uint32_t index, uint64_t ref);
