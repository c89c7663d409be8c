/*
 * Execution tier 1: interprets the original bytes in place, with the side table for what branches need to
 * know.
 *
 * Registers of the machine, all locals of wasm_execute:
 *   pc      next byte of code                     side    next side entry
 *   locals  the running function's first local    sp      next free slot of the operand stack in memory
 *   top     the top operand; it is not in memory  limit   pc minus this is the fuel left, negated
 * What only calls need is in `cold`, in memory, so that compilers have registers for these.
 * With h operands on the stack, slots 1 to h-1 behind the locals hold all but the top one, and slot 0 is a
 * slot nobody reads, so that a push may always store `top`, even when the stack is empty. "Flushing" stores
 * it for good. A v128 takes two slots. Arguments become the callee's first locals where they lie; results end
 * up there too.
 *
 * i32 and f32 slots have undefined upper halves: whoever reads one takes the lower 32 bits.
 *
 * Fuel: `limit` moves along with pc whenever pc jumps, so straight code costs nothing to count, and each byte
 * of it is one unit. Branches, calls and returns look at it. Everything here was validated: no check of
 * types, indexes or stack heights is left, only what the specification makes a trap. Not here: what needs the
 * store (call.c, memory.c, table.c) and vectors (simd.c), which are calls.
 */
#include "instance.h"
#include "numeric.h"

/* Opcodes that handlers look ahead for. */
enum { OP_BR_IF = 0x0d, OP_LOCAL_GET = 0x20, OP_I32_ADD = 0x6a };
/* local.get of one of the first 128 locals: a local.set is often followed by one, and then the stack stays as
 * it is. */
#define IS_NEAR_LOCAL_GET(at) ((at)[0] == OP_LOCAL_GET && (at)[1] < 0x80)

enum { BULK_BYTES_PER_FUEL = 16 };

/* For functions that handlers call only in rare cases: the caller's registers stay where they are. */
#ifdef __clang__
#define RARE __attribute__((noinline, cold, preserve_most))
#else
#define RARE __attribute__((noinline, cold))
#endif

struct leb {
    const uint8_t *pc;
    uint64_t value;
};

/* Any unsigned LEB128: validation made sure that it is one. */
static RARE void leb_unsigned(struct leb *leb)
{
    const uint8_t *pc = leb->pc;
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *pc++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *leb = (struct leb){pc, value};
            return;
        }
    }
}

static RARE void leb_signed(struct leb *leb)
{
    const uint8_t *pc = leb->pc;
    uint64_t value = 0;
    for (unsigned shift = 0;;) {
        uint8_t byte = *pc++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if ((byte & 0x80) == 0) {
            if ((byte & 0x40) != 0 && shift < 64)
                value |= ~UINT64_C(0) << shift;
            *leb = (struct leb){pc, value};
            return;
        }
    }
}

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define NEXT                               \
    do {                                   \
        const uint8_t next_opcode = pc[0]; \
        pc += 1;                           \
        goto *dispatch[next_opcode];       \
    } while (0)

/* Numbers of up to three bytes are read on the spot: indexes, offsets and addresses mostly are. */
#define READ_LONG_U32(name)                                                  \
    if (pc[0] < 0x80) {                                                      \
        name = (name & 0x7f) | (uint32_t)pc[0] << 7;                         \
        pc += 1;                                                             \
    } else if (pc[1] < 0x80) {                                               \
        name = (name & 0x7f) | (pc[0] & 0x7fu) << 7 | (uint32_t)pc[1] << 14; \
        pc += 2;                                                             \
    } else {                                                                 \
        struct leb leb_read = {pc - 1, 0};                                   \
        leb_unsigned(&leb_read);                                             \
        name = (uint32_t)leb_read.value;                                     \
        pc = leb_read.pc;                                                    \
    }
#define READ_U32(name)            \
    uint32_t name = *pc++;        \
    if (UNLIKELY(name >= 0x80)) { \
        READ_LONG_U32(name)       \
    }

#define SKIP_LEB \
    do {         \
    } while (UNLIKELY(*pc++ >= 0x80))

#define PUSH(value)                      \
    do {                                 \
        const uint64_t pushed = (value); \
        *sp++ = top;                     \
        top = pushed;                    \
    } while (0)

#define FLUSH *sp++ = top
#define FILL  top = *--sp

#define FUEL_LEFT ((int64_t)(limit - (uintptr_t)pc))

/* Goes on at pc, after a jump to it. */
#define NEXT_IF_FUEL                  \
    do {                              \
        if (UNLIKELY(FUEL_LEFT <= 0)) \
            goto refuel;              \
        NEXT;                         \
    } while (0)

#define TRAP(which) goto trap_##which
/* The asm keeps the constant out of the handlers: otherwise they would all load it, whether they trap or not.
 */
#define TRAP_LABEL(which)         \
    trap_##which:                 \
    {                             \
        __asm__ volatile("");     \
        trap = WASM_TRAP_##which; \
        goto trapped;             \
    }

/* Takes the branch of a side entry; pc is just behind the opcode. */
#define BRANCH(entry)                                          \
    do {                                                       \
        const struct wasm_side *taken = (entry);               \
        const intptr_t distance = taken->code_delta;           \
        const uint32_t keep = taken->keep, drop = taken->drop; \
        pc += distance;                                        \
        limit += (uintptr_t)distance;                          \
        side = taken + taken->side_delta;                      \
        if (UNLIKELY(drop != 0)) {                             \
            if (keep == 0)                                     \
                top = sp[-(intptr_t)drop];                     \
            else if (keep > 1)                                 \
                slots_down(sp, keep - 1, drop);                \
            sp -= drop;                                        \
        }                                                      \
        NEXT_IF_FUEL;                                          \
    } while (0)

/* a and b are the operands of a binary instruction, a the lower one; or a the operand of a unary one. */
#define I32_BINARY(label, expression)                            \
    label : {                                                    \
        const uint32_t b = (uint32_t)top, a = (uint32_t) * --sp; \
        top = (uint32_t)(expression);                            \
        NEXT;                                                    \
    }
#define I64_BINARY(label, expression)      \
    label : {                              \
        const uint64_t b = top, a = *--sp; \
        top = (uint64_t)(expression);      \
        NEXT;                              \
    }
/* A comparison is mostly followed by br_if: then it branches at once, without the dispatch and the stack. */
#define COMPARED(condition)                    \
    do {                                       \
        const uint32_t compared = (condition); \
        if (*pc == OP_BR_IF) {                 \
            pc++;                              \
            FILL;                              \
            if (compared != 0)                 \
                BRANCH(side);                  \
            SKIP_LEB;                          \
            side++;                            \
            NEXT;                              \
        }                                      \
        top = compared;                        \
        NEXT;                                  \
    } while (0)
#define I32_COMPARE(label, type, operator)           \
    label : {                                        \
        const type b = (type)top, a = (type) * --sp; \
        COMPARED(a operator b);                      \
    }
#define F32_COMPARE(label, operator)                                          \
    label : {                                                                 \
        const float b = f32_of((uint32_t)top), a = f32_of((uint32_t) * --sp); \
        top = a operator b;                                                   \
        NEXT;                                                                 \
    }
#define F64_COMPARE(label, operator)                     \
    label : {                                            \
        const double b = f64_of(top), a = f64_of(*--sp); \
        top = a operator b;                              \
        NEXT;                                            \
    }
#define F32_BINARY(label, expression)                                         \
    label : {                                                                 \
        const float b = f32_of((uint32_t)top), a = f32_of((uint32_t) * --sp); \
        top = f32_bits(expression);                                           \
        NEXT;                                                                 \
    }
#define F64_BINARY(label, expression)                    \
    label : {                                            \
        const double b = f64_of(top), a = f64_of(*--sp); \
        top = f64_bits(expression);                      \
        NEXT;                                            \
    }
#define UNARY(label, type, from_slot, to_slot, expression) \
    label : {                                              \
        const type a = from_slot(top);                     \
        top = to_slot(expression);                         \
        NEXT;                                              \
    }
#define AS_U32(x)  (uint32_t)(x)
#define AS_U64(x)  (uint64_t)(x)
#define F32_TOP(x) f32_of((uint32_t)(x))
#define TRUNCATE(label, type, from_slot, fits, to) \
    label : {                                      \
        const type a = from_slot(top);             \
        if (UNLIKELY(!fits(a))) {                  \
            if (a != a)                            \
                TRAP(INVALID_CONVERSION);          \
            TRAP(INTEGER_OVERFLOW);                \
        }                                          \
        top = to;                                  \
        NEXT;                                      \
    }

/* Reads a memory argument and makes `at` the address, checked for size bytes. */
#define ADDRESS(index, size)                       \
    uint64_t address = (uint32_t)(index);          \
    if (LIKELY(((pc[0] | pc[1]) & 0x80) == 0)) {   \
        address += pc[1];                          \
        pc += 2;                                   \
    } else {                                       \
        SKIP_LEB;                                  \
        READ_U32(offset);                          \
        address += offset;                         \
    }                                              \
    if (UNLIKELY(address + (size) > memory_bytes)) \
        TRAP(MEMORY_OUT_OF_BOUNDS);                \
    uint8_t *const at = memory + address

#define LOAD(label, type, extend)                      \
    label : {                                          \
        type loaded;                                   \
        ADDRESS(top, sizeof(type));                    \
        __builtin_memcpy(&loaded, at, sizeof(loaded)); \
        top = extend loaded;                           \
        NEXT;                                          \
    }
#define STORE(label, type)                             \
    label : {                                          \
        const type stored = (type)top;                 \
        const uint64_t index = *--sp;                  \
        ADDRESS(index, sizeof(type));                  \
        __builtin_memcpy(at, &stored, sizeof(stored)); \
        FILL;                                          \
        NEXT;                                          \
    }

/* Moves what a branch keeps of the operand stack below sp over what it drops. */
static RARE void slots_down(uint64_t *sp, uint32_t keep, uint32_t drop)
{
    for (uint64_t *from = sp - keep; from < sp; from++)
        from[-(intptr_t)drop] = *from;
}

/* The zero locals of a call. Not memset: there are few, and a call would cost more. */
static inline void zero_slots(uint64_t *from, const uint64_t *to)
{
    while (from < to) {
        *from++ = 0;
        __asm__("" : "+r"(from)); /* keeps compilers from making it memset all the same */
    }
}

/* What only calls and few instructions use. It stays in memory, so that the registers are left to the rest.
 */
struct cold {
    struct wasm_instance *instance;
    struct wasm_func *running;
    const uint8_t *end; /* of its code */
    struct wasm_frame *frame;
};
/* Compilers would take the structure apart and spread it over registers; not if somebody else may see it. */
static inline void keep_in_memory(struct cold *cold)
{
    __asm__ volatile("" : : "r"(cold) : "memory");
}

/* What a call needs but an instruction handler does not: kept out of the way of the registers. */
static __attribute__((noinline)) enum wasm_trap_kind call_host(struct wasm_store *store,
                                                               struct wasm_instance *instance,
                                                               struct wasm_func *callee, uint64_t *args,
                                                               int64_t fuel_left, int64_t *fuel_after)
{
    wasm_unfuel(store, fuel_left);
    *fuel_after = 0;
    enum wasm_trap_kind trap = wasm_call_host(store, instance, callee, args);
    return trap != WASM_TRAP_NONE ? trap : wasm_refuel(store, fuel_after);
}

enum wasm_trap_kind wasm_execute(struct wasm_store *store, struct wasm_func *func, uint64_t *args)
{
    /* To the end of the file, since it takes labels for bit-fields: */
    /* clang-format off */
#define HANDLERS                                                                                             \
    [0x00] = &&op_unreachable, [0x01] = &&op_nop, [0x02] = &&op_block, [0x03] = &&op_loop, [0x04] = &&op_if, \
    [0x05] = &&op_else, [0x0b] = &&op_end, [0x0c] = &&op_br, [0x0d] = &&br_if, [0x0e] = &&br_table,          \
    [0x0f] = &&op_return, [0x10] = &&op_call, [0x11] = &&call_indirect, [0x1a] = &&op_drop,                  \
    [0x1b] = &&op_select, [0x1c] = &&op_select_typed, [0x20] = &&local_get, [0x21] = &&local_set,            \
    [0x22] = &&local_tee, [0x23] = &&global_get, [0x24] = &&global_set, [0x25] = &&table_get,                \
    [0x26] = &&table_set, [0x28] = &&i32_load, [0x29] = &&i64_load, [0x2a] = &&i32_load,                     \
    [0x2b] = &&i64_load, [0x2c] = &&i64_load8_s, [0x2d] = &&i32_load8_u, [0x2e] = &&i64_load16_s,            \
    [0x2f] = &&i32_load16_u, [0x30] = &&i64_load8_s, [0x31] = &&i32_load8_u, [0x32] = &&i64_load16_s,        \
    [0x33] = &&i32_load16_u, [0x34] = &&i64_load32_s, [0x35] = &&i32_load, [0x36] = &&i32_store,             \
    [0x37] = &&i64_store, [0x38] = &&i32_store, [0x39] = &&i64_store, [0x3a] = &&i32_store8,                 \
    [0x3b] = &&i32_store16, [0x3c] = &&i32_store8, [0x3d] = &&i32_store16, [0x3e] = &&i32_store,             \
    [0x3f] = &&memory_size, [0x40] = &&memory_grow, [0x41] = &&i32_const, [0x42] = &&i64_const,              \
    [0x43] = &&f32_const, [0x44] = &&f64_const, [0x45] = &&i32_eqz, [0x46] = &&i32_eq, [0x47] = &&i32_ne,    \
    [0x48] = &&i32_lt_s, [0x49] = &&i32_lt_u, [0x4a] = &&i32_gt_s, [0x4b] = &&i32_gt_u, [0x4c] = &&i32_le_s, \
    [0x4d] = &&i32_le_u, [0x4e] = &&i32_ge_s, [0x4f] = &&i32_ge_u, [0x50] = &&i64_eqz, [0x51] = &&i64_eq,    \
    [0x52] = &&i64_ne, [0x53] = &&i64_lt_s, [0x54] = &&i64_lt_u, [0x55] = &&i64_gt_s, [0x56] = &&i64_gt_u,   \
    [0x57] = &&i64_le_s, [0x58] = &&i64_le_u, [0x59] = &&i64_ge_s, [0x5a] = &&i64_ge_u, [0x5b] = &&f32_eq,   \
    [0x5c] = &&f32_ne, [0x5d] = &&f32_lt, [0x5e] = &&f32_gt, [0x5f] = &&f32_le, [0x60] = &&f32_ge,           \
    [0x61] = &&f64_eq, [0x62] = &&f64_ne, [0x63] = &&f64_lt, [0x64] = &&f64_gt, [0x65] = &&f64_le,           \
    [0x66] = &&f64_ge, [0x67] = &&i32_clz, [0x68] = &&i32_ctz, [0x69] = &&i32_popcnt, [0x6a] = &&i32_add,    \
    [0x6b] = &&i32_sub, [0x6c] = &&i32_mul, [0x6d] = &&i32_div_s, [0x6e] = &&i32_div_u,                      \
    [0x6f] = &&i32_rem_s, [0x70] = &&i32_rem_u, [0x71] = &&i32_and, [0x72] = &&i32_or, [0x73] = &&i32_xor,   \
    [0x74] = &&i32_shl, [0x75] = &&i32_shr_s, [0x76] = &&i32_shr_u, [0x77] = &&i32_rotl,                     \
    [0x78] = &&i32_rotr, [0x79] = &&i64_clz, [0x7a] = &&i64_ctz, [0x7b] = &&i64_popcnt, [0x7c] = &&i64_add,  \
    [0x7d] = &&i64_sub, [0x7e] = &&i64_mul, [0x7f] = &&i64_div_s, [0x80] = &&i64_div_u,                      \
    [0x81] = &&i64_rem_s, [0x82] = &&i64_rem_u, [0x83] = &&i64_and, [0x84] = &&i64_or, [0x85] = &&i64_xor,   \
    [0x86] = &&i64_shl, [0x87] = &&i64_shr_s, [0x88] = &&i64_shr_u, [0x89] = &&i64_rotl,                     \
    [0x8a] = &&i64_rotr, [0x8b] = &&f32_abs, [0x8c] = &&f32_neg, [0x8d] = &&f32_ceil, [0x8e] = &&f32_floor,  \
    [0x8f] = &&f32_trunc, [0x90] = &&f32_nearest, [0x91] = &&f32_sqrt, [0x92] = &&f32_add,                   \
    [0x93] = &&f32_sub, [0x94] = &&f32_mul, [0x95] = &&f32_div, [0x96] = &&f32_min, [0x97] = &&f32_max,      \
    [0x98] = &&f32_copysign, [0x99] = &&f64_abs, [0x9a] = &&f64_neg, [0x9b] = &&f64_ceil,                    \
    [0x9c] = &&f64_floor, [0x9d] = &&f64_trunc, [0x9e] = &&f64_nearest, [0x9f] = &&f64_sqrt,                 \
    [0xa0] = &&f64_add, [0xa1] = &&f64_sub, [0xa2] = &&f64_mul, [0xa3] = &&f64_div, [0xa4] = &&f64_min,      \
    [0xa5] = &&f64_max, [0xa6] = &&f64_copysign, [0xa7] = &&no_change, [0xa8] = &&i32_trunc_f32_s,           \
    [0xa9] = &&i32_trunc_f32_u, [0xaa] = &&i32_trunc_f64_s, [0xab] = &&i32_trunc_f64_u,                      \
    [0xac] = &&i64_extend32_s, [0xad] = &&i64_extend_i32_u, [0xae] = &&i64_trunc_f32_s,                      \
    [0xaf] = &&i64_trunc_f32_u, [0xb0] = &&i64_trunc_f64_s, [0xb1] = &&i64_trunc_f64_u,                      \
    [0xb2] = &&f32_convert_i32_s, [0xb3] = &&f32_convert_i32_u, [0xb4] = &&f32_convert_i64_s,                \
    [0xb5] = &&f32_convert_i64_u, [0xb6] = &&f32_demote_f64, [0xb7] = &&f64_convert_i32_s,                   \
    [0xb8] = &&f64_convert_i32_u, [0xb9] = &&f64_convert_i64_s, [0xba] = &&f64_convert_i64_u,                \
    [0xbb] = &&f64_promote_f32, [0xbc] = &&no_change, [0xbd] = &&no_change, [0xbe] = &&no_change,            \
    [0xbf] = &&no_change, [0xc0] = &&i64_extend8_s, [0xc1] = &&i64_extend16_s, [0xc2] = &&i64_extend8_s,     \
    [0xc3] = &&i64_extend16_s, [0xc4] = &&i64_extend32_s, [0xd0] = &&ref_null, [0xd1] = &&ref_is_null,       \
    [0xd2] = &&ref_func, [0xfc] = &&prefix_misc, [0xfd] = &&prefix_simd
    static const void *const narrow_dispatch[256] = {HANDLERS};
    /* Where slots are not locals' indexes, and drop and select ask the side table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
    static const void *const wide_dispatch[256] = {HANDLERS,
                                                   [0x1a] = &&wide_drop,
                                                   [0x1b] = &&wide_select,
                                                   [0x1c] = &&wide_select_typed,
                                                   [0x20] = &&wide_local_get,
                                                   [0x21] = &&wide_local_set,
                                                   [0x22] = &&wide_local_tee};
#pragma GCC diagnostic pop

    const void *const *dispatch = narrow_dispatch;
    const uint8_t *pc = NULL;
    const struct wasm_side *side = NULL;
    uint64_t *locals = args;
    uint64_t *sp = args + func->code->param_slots;
    uint64_t top = 0;
    uintptr_t limit = 0;
    uint8_t *memory = NULL;
    uint64_t memory_bytes = 0;
    struct wasm_func *callee = func;
    enum wasm_trap_kind trap;
    struct cold cold = {.frame = store->frame_top};
    keep_in_memory(&cold);
    FILL; /* the state is that of a caller that has just flushed */
    goto enter;

    /* ---- control --------------------------------------------------------------------------------------- */
op_unreachable:
    TRAP(UNREACHABLE);
op_nop:
    NEXT;
op_block:
op_loop:
    SKIP_LEB;
    NEXT;
op_if: {
    const uint32_t condition = (uint32_t)top;
    FILL;
    if (condition != 0) {
        SKIP_LEB;
        side++;
        NEXT;
    }
}
op_else: {
    const intptr_t distance = side->code_delta;
    pc += distance;
    limit += (uintptr_t)distance;
    side += side->side_delta;
    NEXT_IF_FUEL;
}
op_br:
    BRANCH(side);
br_if: {
    const uint32_t condition = (uint32_t)top;
    FILL;
    if (condition != 0)
        BRANCH(side);
    SKIP_LEB;
    side++;
    NEXT;
}
br_table: {
    const uint32_t index = (uint32_t)top;
    const uint8_t *const origin = pc;
    FILL;
    READ_U32(count);
    pc = origin;
    BRANCH(side + (index < count ? index : count));
}
op_end:
    if (LIKELY(pc != cold.end))
        NEXT;
op_return: {
    const uint32_t results = cold.running->code->result_slots;
    if (results == 1) {
        sp = locals;
    } else {
        FLUSH;
        const uint64_t *from = sp - results;
        for (uint32_t i = 0; i < results; i++)
            locals[i] = from[i];
        sp = locals + results;
        FILL;
    }
    const int64_t left = FUEL_LEFT;
    cold.frame--;
    if (UNLIKELY(cold.frame->func == NULL)) {
        FLUSH;
        wasm_unfuel(store, left);
        store->frame_top = cold.frame;
        return WASM_TRAP_NONE;
    }
    cold.running = cold.frame->func;
    pc = cold.frame->pc;
    side = cold.frame->side;
    locals = cold.frame->locals;
    limit = (uintptr_t)pc + (uintptr_t)left;
    goto resume;
}
op_call: {
    READ_U32(index);
    callee = cold.instance->funcs[index];
    goto enter;
}
call_indirect: {
    READ_U32(type_index);
    READ_U32(table_index);
    const struct wasm_table *table = cold.instance->tables[table_index];
    const uint32_t index = (uint32_t)top;
    if (UNLIKELY(index >= table->count))
        TRAP(UNDEFINED_ELEMENT);
    callee = (struct wasm_func *)(uintptr_t)table->refs[index];
    if (UNLIKELY(callee == NULL))
        TRAP(UNINITIALIZED_ELEMENT);
    const struct wasm_functype *type = &cold.instance->module->types[type_index];
    if (UNLIKELY(callee->type != type) && !wasm_functype_equal(callee->type, type))
        TRAP(INDIRECT_TYPE_MISMATCH);
    FILL;
    goto enter;
}
enter: {
    const struct wasm_code *code = callee->code;
    FLUSH;
    if (UNLIKELY(code == NULL))
        goto enter_host;
    uint64_t *const callee_locals = sp - code->param_slots;
    if (UNLIKELY(cold.frame == store->frames_end ||
                 (uint64_t)(store->stack_end - callee_locals) < code->frame_slots))
        TRAP(STACK_EXHAUSTED);
    *cold.frame++ = (struct wasm_frame){cold.running, pc, side, locals};
    locals = callee_locals;
    zero_slots(sp, locals + code->local_slots);
    sp = locals + code->local_slots;
    const int64_t left = FUEL_LEFT - (code->local_slots - code->param_slots);
    cold.running = callee;
    pc = code->start;
    side = code->sides;
    limit = (uintptr_t)pc + (uintptr_t)left;
    cold.end = code->end;
    dispatch = code->wide ? wide_dispatch : narrow_dispatch;
    if (UNLIKELY(cold.running->instance != cold.instance))
        goto enter_instance;
    NEXT_IF_FUEL;
}
resume:
    cold.end = cold.running->code->end;
    dispatch = cold.running->code->wide ? wide_dispatch : narrow_dispatch;
    if (LIKELY(cold.running->instance == cold.instance))
        NEXT_IF_FUEL;
enter_instance:
    cold.instance = cold.running->instance;
    memory = cold.instance->memory == NULL ? NULL : cold.instance->memory->base;
    memory_bytes = cold.instance->memory == NULL ? 0 : cold.instance->memory->size_bytes;
    NEXT_IF_FUEL;
enter_host: {
    int64_t left = FUEL_LEFT;
    uint64_t *const callee_args = sp - callee->type->param_slots;
    *cold.frame = (struct wasm_frame){cold.running, pc, side, locals};
    store->frame_top = cold.frame + 1;
    store->stack_top = sp;
    trap = call_host(store, cold.instance, callee, callee_args, left, &left);
    if (UNLIKELY(trap != WASM_TRAP_NONE))
        return trap;
    limit = (uintptr_t)pc + (uintptr_t)left;
    sp = callee_args + callee->type->result_slots;
    FILL;
    memory_bytes = cold.instance->memory == NULL ? 0 : cold.instance->memory->size_bytes;
    NEXT;
}
refuel: {
    int64_t left = FUEL_LEFT;
    trap = wasm_refuel(store, &left);
    limit = (uintptr_t)pc + (uintptr_t)left;
    if (LIKELY(trap == WASM_TRAP_NONE))
        NEXT;
    pc++; /* the instruction that was to run next is the one reported */
    limit++;
    goto trapped;
}
    TRAP_LABEL(INVALID_CONVERSION)
    TRAP_LABEL(INTEGER_OVERFLOW)
    TRAP_LABEL(MEMORY_OUT_OF_BOUNDS)
    TRAP_LABEL(UNREACHABLE)
    TRAP_LABEL(UNDEFINED_ELEMENT)
    TRAP_LABEL(UNINITIALIZED_ELEMENT)
    TRAP_LABEL(INDIRECT_TYPE_MISMATCH)
    TRAP_LABEL(STACK_EXHAUSTED)
    TRAP_LABEL(TABLE_OUT_OF_BOUNDS)
    TRAP_LABEL(INTEGER_DIVIDE_BY_ZERO)
trapped:
    /* One frame beyond frames_end is kept for this. */
    *cold.frame = (struct wasm_frame){cold.running, pc, side, locals};
    store->frame_top = cold.frame + (cold.running != NULL);
    wasm_unfuel(store, FUEL_LEFT);
    return trap;

    /* ---- parametric and variables ------------------------------------------------------------------------
     */
op_drop:
    FILL;
    NEXT;
op_select_typed:
    SKIP_LEB;
    pc++;
op_select: {
    const uint32_t condition = (uint32_t)top;
    const uint64_t b = *--sp, a = *--sp;
    top = condition != 0 ? a : b;
    NEXT;
}
local_get: {
    READ_U32(index);
    PUSH(locals[index]);
    NEXT;
}
local_set: {
    READ_U32(index);
    locals[index] = top;
    if (IS_NEAR_LOCAL_GET(pc)) {
        top = locals[pc[1]];
        pc += 2;
        NEXT;
    }
    FILL;
    NEXT;
}
local_tee: {
    READ_U32(index);
    locals[index] = top;
    NEXT;
}
global_get: {
    READ_U32(index);
    const struct wasm_global *global = cold.instance->globals[index];
    PUSH(global->slots[0]);
    if (UNLIKELY(global->type == WASM_V128))
        PUSH(global->slots[1]);
    NEXT;
}
global_set: {
    READ_U32(index);
    struct wasm_global *global = cold.instance->globals[index];
    if (UNLIKELY(global->type == WASM_V128)) {
        global->slots[1] = top;
        FILL;
    }
    global->slots[0] = top;
    FILL;
    NEXT;
}
wide_drop:
    if (side++->keep == 2)
        FILL;
    FILL;
    NEXT;
wide_select_typed:
    SKIP_LEB;
    pc++;
wide_select: {
    if (side++->keep != 2)
        goto op_select;
    if ((uint32_t)top == 0) {
        sp[-4] = sp[-2];
        sp[-3] = sp[-1];
    }
    sp -= 2;
    FILL;
    NEXT;
}
wide_local_get: {
    READ_U32(index);
    const uint32_t entry = cold.running->code->local_map[index];
    const uint64_t *const local = locals + (entry & ~WASM_LOCAL_WIDE);
    PUSH(local[0]);
    if ((entry & WASM_LOCAL_WIDE) != 0)
        PUSH(local[1]);
    NEXT;
}
wide_local_set: {
    READ_U32(index);
    const uint32_t entry = cold.running->code->local_map[index];
    uint64_t *const local = locals + (entry & ~WASM_LOCAL_WIDE);
    if ((entry & WASM_LOCAL_WIDE) != 0) {
        local[1] = top;
        FILL;
    }
    local[0] = top;
    FILL;
    NEXT;
}
wide_local_tee: {
    READ_U32(index);
    const uint32_t entry = cold.running->code->local_map[index];
    uint64_t *const local = locals + (entry & ~WASM_LOCAL_WIDE);
    if ((entry & WASM_LOCAL_WIDE) != 0) {
        local[1] = top;
        local[0] = sp[-1];
    } else {
        local[0] = top;
    }
    NEXT;
}

    /* ---- references and tables ---------------------------------------------------------------------------
     */
ref_null:
    pc++;
    PUSH(0);
    NEXT;
ref_is_null:
    top = top == 0;
    NEXT;
ref_func: {
    READ_U32(index);
    PUSH(wasm_ref_of(cold.instance->funcs[index]));
    NEXT;
}
table_get: {
    READ_U32(index);
    const struct wasm_table *table = cold.instance->tables[index];
    if (UNLIKELY((uint32_t)top >= table->count))
        TRAP(TABLE_OUT_OF_BOUNDS);
    top = table->refs[(uint32_t)top];
    NEXT;
}
table_set: {
    READ_U32(index);
    struct wasm_table *table = cold.instance->tables[index];
    const uint64_t ref = top;
    const uint32_t entry = (uint32_t) * --sp;
    if (UNLIKELY(entry >= table->count))
        TRAP(TABLE_OUT_OF_BOUNDS);
    table->refs[entry] = ref;
    FILL;
    NEXT;
}

    /* ---- memory ------------------------------------------------------------------------------------------
     */
    LOAD(i32_load, uint32_t, )
    LOAD(i64_load, uint64_t, )
    LOAD(i32_load8_u, uint8_t, )
    LOAD(i32_load16_u, uint16_t, )
    LOAD(i64_load8_s, int8_t, (uint64_t)(int64_t))
    LOAD(i64_load16_s, int16_t, (uint64_t)(int64_t))
    LOAD(i64_load32_s, int32_t, (uint64_t)(int64_t))
    STORE(i32_store, uint32_t)
    STORE(i64_store, uint64_t)
    STORE(i32_store8, uint8_t)
    STORE(i32_store16, uint16_t)
memory_size:
    pc++;
    PUSH(memory_bytes / WASM_PAGE_SIZE);
    NEXT;
memory_grow: {
    uint32_t old_pages = UINT32_MAX;
    const uint32_t delta = (uint32_t)top;
    pc++;
    if (wasm_memory_grow(cold.instance->memory, delta, &old_pages))
        limit -= (uintptr_t)delta * (WASM_PAGE_SIZE / BULK_BYTES_PER_FUEL);
    memory_bytes = cold.instance->memory->size_bytes;
    top = old_pages;
    NEXT_IF_FUEL;
}

    /* ---- constants ---------------------------------------------------------------------------------------
     */
i32_const:
i64_const: {
    uint64_t value = *pc++;
    if (LIKELY(value < 0x80)) {
        value = (uint64_t)((int64_t)(value << 57) >> 57);
    } else if (pc[0] < 0x80) {
        value = (uint64_t)((int64_t)(((value & 0x7f) | (uint64_t)pc[0] << 7) << 50) >> 50);
        pc += 1;
    } else if (pc[1] < 0x80) {
        value = (value & 0x7f) | (pc[0] & 0x7fu) << 7 | (uint64_t)pc[1] << 14;
        value = (uint64_t)((int64_t)(value << 43) >> 43);
        pc += 2;
    } else {
        struct leb leb_read = {pc - 1, 0};
        leb_signed(&leb_read);
        value = leb_read.value;
        pc = leb_read.pc;
    }
    if (*pc == OP_I32_ADD) { /* i32.add: addresses are made this way all the time */
        pc++;
        top = (uint32_t)(top + value);
        NEXT;
    }
    PUSH(value);
    NEXT;
}
f32_const: {
    uint32_t value;
    __builtin_memcpy(&value, pc, sizeof(value));
    pc += sizeof(value);
    PUSH(value);
    NEXT;
}
f64_const: {
    uint64_t value;
    __builtin_memcpy(&value, pc, sizeof(value));
    pc += sizeof(value);
    PUSH(value);
    NEXT;
}

    /* ---- comparisons -------------------------------------------------------------------------------------
     */
i32_eqz:
    COMPARED((uint32_t)top == 0);
    I32_COMPARE(i32_eq, uint32_t, ==)
    I32_COMPARE(i32_ne, uint32_t, !=)
    I32_COMPARE(i32_lt_s, int32_t, <)
    I32_COMPARE(i32_lt_u, uint32_t, <)
    I32_COMPARE(i32_gt_s, int32_t, >)
    I32_COMPARE(i32_gt_u, uint32_t, >)
    I32_COMPARE(i32_le_s, int32_t, <=)
    I32_COMPARE(i32_le_u, uint32_t, <=)
    I32_COMPARE(i32_ge_s, int32_t, >=)
    I32_COMPARE(i32_ge_u, uint32_t, >=)
i64_eqz:
    COMPARED(top == 0);
    I32_COMPARE(i64_eq, uint64_t, ==)
    I32_COMPARE(i64_ne, uint64_t, !=)
    I32_COMPARE(i64_lt_s, int64_t, <)
    I32_COMPARE(i64_lt_u, uint64_t, <)
    I32_COMPARE(i64_gt_s, int64_t, >)
    I32_COMPARE(i64_gt_u, uint64_t, >)
    I32_COMPARE(i64_le_s, int64_t, <=)
    I32_COMPARE(i64_le_u, uint64_t, <=)
    I32_COMPARE(i64_ge_s, int64_t, >=)
    I32_COMPARE(i64_ge_u, uint64_t, >=)
    F32_COMPARE(f32_eq, ==)
    F32_COMPARE(f32_ne, !=)
    F32_COMPARE(f32_lt, <)
    F32_COMPARE(f32_gt, >)
    F32_COMPARE(f32_le, <=)
    F32_COMPARE(f32_ge, >=)
    F64_COMPARE(f64_eq, ==)
    F64_COMPARE(f64_ne, !=)
    F64_COMPARE(f64_lt, <)
    F64_COMPARE(f64_gt, >)
    F64_COMPARE(f64_le, <=)
    F64_COMPARE(f64_ge, >=)

    /* ---- integers ----------------------------------------------------------------------------------------
     */
    UNARY(i32_clz, uint32_t, AS_U32, , u32_clz(a))
    UNARY(i32_ctz, uint32_t, AS_U32, , u32_ctz(a))
    UNARY(i32_popcnt, uint32_t, AS_U32, , u64_popcnt(a))
    I32_BINARY(i32_add, a + b)
    I32_BINARY(i32_sub, a - b)
    I32_BINARY(i32_mul, a * b)
    I32_BINARY(i32_and, a & b)
    I32_BINARY(i32_or, a | b)
    I32_BINARY(i32_xor, a ^ b)
    I32_BINARY(i32_shl, a << (b & 31))
    I32_BINARY(i32_shr_s, u32_sar(a, b))
    I32_BINARY(i32_shr_u, a >> (b & 31))
    I32_BINARY(i32_rotl, u32_rotl(a, b))
    I32_BINARY(i32_rotr, u32_rotl(a, -b))
i32_div_s: {
    const int32_t b = (int32_t)top, a = (int32_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    if (UNLIKELY(a == INT32_MIN && b == -1))
        TRAP(INTEGER_OVERFLOW);
    top = (uint32_t)(a / b);
    NEXT;
}
i32_div_u: {
    const uint32_t b = (uint32_t)top, a = (uint32_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = a / b;
    NEXT;
}
i32_rem_s: {
    const int32_t b = (int32_t)top, a = (int32_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = b == -1 ? 0 : (uint32_t)(a % b);
    NEXT;
}
i32_rem_u: {
    const uint32_t b = (uint32_t)top, a = (uint32_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = a % b;
    NEXT;
}
    UNARY(i64_clz, uint64_t, AS_U64, , u64_clz(a))
    UNARY(i64_ctz, uint64_t, AS_U64, , u64_ctz(a))
    UNARY(i64_popcnt, uint64_t, AS_U64, , u64_popcnt(a))
    I64_BINARY(i64_add, a + b)
    I64_BINARY(i64_sub, a - b)
    I64_BINARY(i64_mul, a * b)
    I64_BINARY(i64_and, a & b)
    I64_BINARY(i64_or, a | b)
    I64_BINARY(i64_xor, a ^ b)
    I64_BINARY(i64_shl, a << (b & 63))
    I64_BINARY(i64_shr_s, u64_sar(a, b))
    I64_BINARY(i64_shr_u, a >> (b & 63))
    I64_BINARY(i64_rotl, u64_rotl(a, b))
    I64_BINARY(i64_rotr, u64_rotl(a, -b))
i64_div_s: {
    const int64_t b = (int64_t)top, a = (int64_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    if (UNLIKELY(a == INT64_MIN && b == -1))
        TRAP(INTEGER_OVERFLOW);
    top = (uint64_t)(a / b);
    NEXT;
}
i64_div_u: {
    const uint64_t b = top, a = *--sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = a / b;
    NEXT;
}
i64_rem_s: {
    const int64_t b = (int64_t)top, a = (int64_t) * --sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = b == -1 ? 0 : (uint64_t)(a % b);
    NEXT;
}
i64_rem_u: {
    const uint64_t b = top, a = *--sp;
    if (UNLIKELY(b == 0))
        TRAP(INTEGER_DIVIDE_BY_ZERO);
    top = a % b;
    NEXT;
}
    UNARY(i64_extend8_s, int8_t, (int8_t), (uint64_t), (int64_t)a)
    UNARY(i64_extend16_s, int16_t, (int16_t), (uint64_t), (int64_t)a)
    UNARY(i64_extend32_s, int32_t, (int32_t), (uint64_t), (int64_t)a)

    /* ---- floating point ----------------------------------------------------------------------------------
     */
    UNARY(f32_abs, uint32_t, AS_U32, , a & ~F32_SIGN)
    UNARY(f32_neg, uint32_t, AS_U32, , a ^ F32_SIGN)
    UNARY(f32_ceil, float, F32_TOP, f32_bits, f32_ceil(a))
    UNARY(f32_floor, float, F32_TOP, f32_bits, f32_floor(a))
    UNARY(f32_trunc, float, F32_TOP, f32_bits, f32_trunc(a))
    UNARY(f32_nearest, float, F32_TOP, f32_bits, f32_nearest(a))
    UNARY(f32_sqrt, float, F32_TOP, f32_bits, f32_sqrt(a))
    F32_BINARY(f32_add, a + b)
    F32_BINARY(f32_sub, a - b)
    F32_BINARY(f32_mul, a * b)
    F32_BINARY(f32_div, a / b)
    F32_BINARY(f32_min, f32_min(a, b))
    F32_BINARY(f32_max, f32_max(a, b))
    I32_BINARY(f32_copysign, (a & ~F32_SIGN) | (b & F32_SIGN))
    UNARY(f64_abs, uint64_t, AS_U64, , a & ~F64_SIGN)
    UNARY(f64_neg, uint64_t, AS_U64, , a ^ F64_SIGN)
    UNARY(f64_ceil, double, f64_of, f64_bits, f64_ceil(a))
    UNARY(f64_floor, double, f64_of, f64_bits, f64_floor(a))
    UNARY(f64_trunc, double, f64_of, f64_bits, f64_trunc(a))
    UNARY(f64_nearest, double, f64_of, f64_bits, f64_nearest(a))
    UNARY(f64_sqrt, double, f64_of, f64_bits, f64_sqrt(a))
    F64_BINARY(f64_add, a + b)
    F64_BINARY(f64_sub, a - b)
    F64_BINARY(f64_mul, a * b)
    F64_BINARY(f64_div, a / b)
    F64_BINARY(f64_min, f64_min(a, b))
    F64_BINARY(f64_max, f64_max(a, b))
    I64_BINARY(f64_copysign, (a & ~F64_SIGN) | (b & F64_SIGN))

    /* ---- conversions -------------------------------------------------------------------------------------
     */
    TRUNCATE(i32_trunc_f32_s, float, F32_TOP, f32_fits_i32, (uint32_t)(int32_t)a)
    TRUNCATE(i32_trunc_f32_u, float, F32_TOP, f32_fits_u32, (uint32_t)a)
    TRUNCATE(i32_trunc_f64_s, double, f64_of, f64_fits_i32, (uint32_t)(int32_t)a)
    TRUNCATE(i32_trunc_f64_u, double, f64_of, f64_fits_u32, (uint32_t)a)
    TRUNCATE(i64_trunc_f32_s, float, F32_TOP, f32_fits_i64, (uint64_t)(int64_t)a)
    TRUNCATE(i64_trunc_f32_u, float, F32_TOP, f32_fits_u64, (uint64_t)a)
    TRUNCATE(i64_trunc_f64_s, double, f64_of, f64_fits_i64, (uint64_t)(int64_t)a)
    TRUNCATE(i64_trunc_f64_u, double, f64_of, f64_fits_u64, (uint64_t)a)
    UNARY(i64_extend_i32_u, uint32_t, AS_U32, , a)
    UNARY(f32_convert_i32_s, int32_t, (int32_t), f32_bits, (float)a)
    UNARY(f32_convert_i32_u, uint32_t, AS_U32, f32_bits, (float)a)
    UNARY(f32_convert_i64_s, int64_t, (int64_t), f32_bits, (float)a)
    UNARY(f32_convert_i64_u, uint64_t, AS_U64, f32_bits, (float)a)
    UNARY(f32_demote_f64, double, f64_of, f32_bits, (float)a)
    UNARY(f64_convert_i32_s, int32_t, (int32_t), f64_bits, (double)a)
    UNARY(f64_convert_i32_u, uint32_t, AS_U32, f64_bits, (double)a)
    UNARY(f64_convert_i64_s, int64_t, (int64_t), f64_bits, (double)a)
    UNARY(f64_convert_i64_u, uint64_t, AS_U64, f64_bits, (double)a)
    UNARY(f64_promote_f32, float, F32_TOP, f64_bits, (double)a)
no_change: /* i32.wrap_i64 and the reinterpretations: the slot has the right bits already */
    NEXT;

    /* ---- 0xfc: saturating conversions and bulk operations ------------------------------------------------
     */
prefix_misc: {
    READ_U32(code);
    switch (code) {
    case 0:
        top = (uint32_t)f32_saturate_i32(F32_TOP(top));
        NEXT;
    case 1:
        top = f32_saturate_u32(F32_TOP(top));
        NEXT;
    case 2:
        top = (uint32_t)f64_saturate_i32(f64_of(top));
        NEXT;
    case 3:
        top = f64_saturate_u32(f64_of(top));
        NEXT;
    case 4:
        top = (uint64_t)f32_saturate_i64(F32_TOP(top));
        NEXT;
    case 5:
        top = f32_saturate_u64(F32_TOP(top));
        NEXT;
    case 6:
        top = (uint64_t)f64_saturate_i64(f64_of(top));
        NEXT;
    case 7:
        top = f64_saturate_u64(f64_of(top));
        NEXT;
    case 9: { /* data.drop */
        READ_U32(segment);
        cold.instance->data_sizes[segment] = 0;
        NEXT;
    }
    case 13: { /* elem.drop */
        READ_U32(segment);
        wasm_elem_drop(cold.instance, segment);
        NEXT;
    }
    case 15: { /* table.grow */
        READ_U32(table);
        const uint32_t count = (uint32_t)top;
        top = wasm_table_grow(cold.instance->tables[table], *--sp, count);
        limit -= (uint32_t)top == UINT32_MAX ? 0 : count;
        NEXT_IF_FUEL;
    }
    case 16: { /* table.size */
        READ_U32(table);
        PUSH(cold.instance->tables[table]->count);
        NEXT;
    }
    default:
        break;
    }
    /* The others take three operands, the last a length, and leave nothing. */
    READ_U32(first);
    const uint32_t length = (uint32_t)top;
    const uint64_t source = *--sp;
    const uint32_t destination = (uint32_t) * --sp;
    uint64_t cost = length / BULK_BYTES_PER_FUEL;
    FILL;
    if (code == 8) { /* memory.init */
        pc++;
        trap = wasm_memory_init(cold.instance, first, destination, (uint32_t)source, length);
    } else if (code == 10) { /* memory.copy */
        pc++;
        trap = wasm_memory_copy(cold.instance->memory, destination, (uint32_t)source, length);
    } else if (code == 11) { /* memory.fill */
        trap = wasm_memory_fill(cold.instance->memory, destination, (uint8_t)source, length);
    } else if (code == 17) { /* table.fill */
        trap = wasm_table_fill(cold.instance->tables[first], destination, source, length);
        cost = length;
    } else {
        READ_U32(second);
        if (code == 12) /* table.init */
            trap = wasm_table_init(cold.instance, first, cold.instance->tables[second], destination, (uint32_t)source,
                                   length);
        else /* table.copy */
            trap = wasm_table_copy(cold.instance->tables[first], cold.instance->tables[second], destination,
                                   (uint32_t)source, length);
        cost = length;
    }
    if (UNLIKELY(trap != WASM_TRAP_NONE))
        goto trapped;
    limit -= cost;
    NEXT_IF_FUEL;
}

prefix_simd: {
    FLUSH;
    struct wasm_simd_state state = wasm_simd_execute(pc, sp, memory, memory_bytes);
    pc = state.pc;
    sp = state.sp;
    if (UNLIKELY(sp == NULL))
        TRAP(MEMORY_OUT_OF_BOUNDS);
    FILL;
    NEXT;
}
}
