/*
 * What exists at run time, and the contract between the execution tiers: one instance layout, one function
 * object, one frame, one way to trap. The interpreter (exec.c) is the first tier; a compiler would add an
 * entry point to struct wasm_func and keep the rest. docs/wasm.md says how.
 *
 * All objects belong to their store, on its lists, and die with it.
 */
#pragma once
#include "module.h"

struct wasm_func {
    const struct wasm_functype *type;
    const struct wasm_code *code; /* null: a host function */
    struct wasm_instance *instance;
    uint32_t index; /* in the module's function index space */
    /* host functions */
    wasm_host_fn host;
    void *host_context;
    struct wasm_functype host_type;
    struct wasm_func *next; /* in the store's list of host functions */
};

struct wasm_memory {
    uint8_t *base; /* never moves */
    uint64_t size_bytes;
    struct wasm_bounds type; /* as declared; min is not kept up to date */
    uint32_t pages_max;      /* what is reserved: declared and configured maximum */
    struct wasm_store *store;
    struct wasm_memory *next;
};

struct wasm_table {
    uint64_t *refs;
    uint32_t count;
    uint32_t capacity;
    struct wasm_bounds type;
    uint8_t element;
    struct wasm_store *store;
    struct wasm_table *next;
};

struct wasm_global {
    uint64_t slots[2];
    uint8_t type;
    bool is_mutable;
    struct wasm_global *next;
};

/* Evaluated items of a segment; a dropped one has none. */
struct wasm_elem {
    uint64_t *refs;
    uint32_t count;
};

struct wasm_instance {
    struct wasm_func **funcs;
    struct wasm_global **globals;
    struct wasm_memory *memory; /* null: none */
    struct wasm_table **tables;
    const struct wasm_module *module;
    struct wasm_store *store;
    struct wasm_func *own_funcs;
    struct wasm_elem *elems;
    uint32_t *data_sizes; /* bytes of each data segment; 0 once dropped */
    struct wasm_instance *next;
};

/* A suspended caller: what is restored when its callee returns. The running function's own state is in
 * registers and is written here only when a trap or a host call needs to show it. */
struct wasm_frame {
    struct wasm_func *func; /* null: the embedder */
    const uint8_t *pc;
    const struct wasm_side *side;
    uint64_t *locals;
};

struct wasm_store {
    struct wasm_platform platform;
    struct wasm_config config; /* no zeroes left */
    uint64_t *stack, *stack_end;
    uint64_t *stack_top; /* first free slot, while no interpreter runs or a host function does */
    struct wasm_frame *frames, *frames_end;
    struct wasm_frame *frame_top; /* the same for frames */
    uint64_t fuel;                /* beyond the slice that the running interpreter holds */
    uint32_t interrupted;         /* atomic */
    uint32_t nesting;             /* wasm_call inside host functions inside wasm_call */
    uint32_t host_code;
    struct wasm_instance *instances;
    struct wasm_func *host_funcs;
    struct wasm_memory *memories;
    struct wasm_table *tables;
    struct wasm_global *globals;
};

/* Runs a wasm function whose arguments are at args, the top of the store's stack; its results replace them.
 * store->stack_top is not used nor changed. On a trap store->frame_top is behind the innermost frame.
 * (exec.c) */
enum wasm_trap_kind wasm_execute(struct wasm_store *store, struct wasm_func *func, uint64_t *args);

/* Calls a host function; arguments and results as above. (call.c) */
enum wasm_trap_kind wasm_call_host(struct wasm_store *store, struct wasm_instance *caller,
                                   struct wasm_func *func, uint64_t *args);

/* Fuel for another slice: adds to *left, which is 0 or less. Looks at the interruption flag. (call.c) */
enum wasm_trap_kind wasm_refuel(struct wasm_store *store, int64_t *left);
/* Gives back what is left of a slice. */
void wasm_unfuel(struct wasm_store *store, int64_t left);

/* Bulk operations, as the instructions define them. (table.c, memory.c) */
enum wasm_trap_kind wasm_memory_init(struct wasm_instance *instance, uint32_t segment, uint32_t to,
                                     uint32_t from, uint32_t size_bytes);
enum wasm_trap_kind wasm_memory_copy(struct wasm_memory *memory, uint32_t to, uint32_t from,
                                     uint32_t size_bytes);
enum wasm_trap_kind wasm_memory_fill(struct wasm_memory *memory, uint32_t to, uint8_t value,
                                     uint32_t size_bytes);
enum wasm_trap_kind wasm_table_init(struct wasm_instance *instance, uint32_t segment,
                                    struct wasm_table *table, uint32_t to, uint32_t from, uint32_t count);
enum wasm_trap_kind wasm_table_copy(struct wasm_table *to_table, struct wasm_table *from_table, uint32_t to,
                                    uint32_t from, uint32_t count);
enum wasm_trap_kind wasm_table_fill(struct wasm_table *table, uint32_t to, uint64_t ref, uint32_t count);
/* The old size, or UINT32_MAX if it cannot grow. */
uint32_t wasm_table_grow(struct wasm_table *table, uint64_t ref, uint32_t count);
void wasm_elem_drop(struct wasm_instance *instance, uint32_t segment);

/* One 0xfd instruction; pc is behind the prefix, sp behind the operands in memory. sp is null on an
 * out-of-bounds memory access. (simd.c) */
struct wasm_simd_state {
    const uint8_t *pc;
    uint64_t *sp;
};
struct wasm_simd_state wasm_simd_execute(const uint8_t *pc, uint64_t *sp, uint8_t *memory,
                                         uint64_t memory_bytes);

/* Ends of life, for wasm_store_destroy. */
void wasm_memory_destroy(struct wasm_memory *memory);
void wasm_table_destroy(struct wasm_table *table);
void wasm_host_func_destroy(struct wasm_store *store, struct wasm_func *func);

/* A value in its stack slots, and back. */
static inline uint64_t *wasm_value_push(uint64_t *sp, uint8_t type, const union wasm_value *value)
{
    sp[0] = value->slots[0];
    if (type == WASM_V128)
        sp[1] = value->slots[1];
    else if (type == WASM_I32 || type == WASM_F32)
        sp[0] = value->i32;
    return sp + wasm_type_slots(type);
}

static inline const uint64_t *wasm_value_load(const uint64_t *at, uint8_t type, union wasm_value *value)
{
    value->slots[0] = type == WASM_I32 || type == WASM_F32 ? (uint32_t)at[0] : at[0];
    value->slots[1] = type == WASM_V128 ? at[1] : 0;
    return at + wasm_type_slots(type);
}

static inline uint64_t wasm_ref_of(const struct wasm_func *func)
{
    return (uint64_t)(uintptr_t)func;
}
