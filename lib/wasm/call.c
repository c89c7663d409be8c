/*
 * Calling in and out: from the embedder into wasm, from wasm into host functions; fuel; and what a trap looks
 * like from outside. The tiers call host functions and ask for fuel only through here.
 */
#include "instance.h"
#include "opcode.h"

enum {
    HOST_VALUES_MAX = 32
}; /* parameters, and results, of a host function: they are copied to the C stack */

/* ---- fuel and interruption -------------------------------------------------------------------------------
 */

void wasm_store_set_fuel(struct wasm_store *store, uint64_t fuel)
{
    store->fuel = fuel;
}

uint64_t wasm_store_fuel(const struct wasm_store *store)
{
    return store->fuel;
}

void wasm_store_interrupt(struct wasm_store *store)
{
    __atomic_store_n(&store->interrupted, 1, __ATOMIC_RELEASE);
}

enum wasm_trap_kind wasm_refuel(struct wasm_store *store, int64_t *left)
{
    if (__atomic_load_n(&store->interrupted, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&store->interrupted, 0, __ATOMIC_RELEASE);
        return WASM_TRAP_INTERRUPTED;
    }
    if (store->fuel == WASM_FUEL_UNLIMITED) {
        *left = WASM_FUEL_SLICE;
        return WASM_TRAP_NONE;
    }
    /* A bulk operation can have cost more than a slice: that is paid too. */
    uint64_t wanted = (uint64_t) - *left + WASM_FUEL_SLICE;
    uint64_t given = store->fuel < wanted ? store->fuel : wanted;
    store->fuel -= given;
    *left += (int64_t)given;
    return *left > 0 ? WASM_TRAP_NONE : WASM_TRAP_OUT_OF_FUEL;
}

void wasm_unfuel(struct wasm_store *store, int64_t left)
{
    if (store->fuel == WASM_FUEL_UNLIMITED)
        return;
    if (left >= 0)
        store->fuel += (uint64_t)left;
    else
        store->fuel = (uint64_t)-left < store->fuel ? store->fuel - (uint64_t)-left : 0;
}

/* ---- traps -----------------------------------------------------------------------------------------------
 */

const char *wasm_trap_message(enum wasm_trap_kind kind)
{
    static const char *const messages[WASM_TRAP_KINDS] = {
        [WASM_TRAP_NONE] = "no trap",
        [WASM_TRAP_UNREACHABLE] = "unreachable",
        [WASM_TRAP_INTEGER_DIVIDE_BY_ZERO] = "integer divide by zero",
        [WASM_TRAP_INTEGER_OVERFLOW] = "integer overflow",
        [WASM_TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
        [WASM_TRAP_MEMORY_OUT_OF_BOUNDS] = "out of bounds memory access",
        [WASM_TRAP_TABLE_OUT_OF_BOUNDS] = "out of bounds table access",
        [WASM_TRAP_UNDEFINED_ELEMENT] = "undefined element",
        [WASM_TRAP_UNINITIALIZED_ELEMENT] = "uninitialized element",
        [WASM_TRAP_INDIRECT_TYPE_MISMATCH] = "indirect call type mismatch",
        [WASM_TRAP_STACK_EXHAUSTED] = "call stack exhausted",
        [WASM_TRAP_OUT_OF_FUEL] = "out of fuel",
        [WASM_TRAP_INTERRUPTED] = "interrupted",
        [WASM_TRAP_HOST] = "host function trapped",
    };
    return kind < WASM_TRAP_KINDS ? messages[kind] : "unknown trap";
}

/* The instruction that pc, behind its opcode, lies in: found by reading the function from its start, so that
 * running it need not remember. */
static uint32_t instruction_offset(const struct wasm_func *func, const uint8_t *pc)
{
    const struct wasm_module *module = func->instance->module;
    struct wasm_error ignored = {.status = WASM_OK};
    struct wasm_reader reader = {module->bytes, func->code->start, func->code->end, "code", &ignored};
    struct wasm_instruction instruction = {.at = func->code->start};
    while (reader.at < pc && wasm_instruction_read(&reader, &instruction) &&
           wasm_immediates_skip(&reader, &instruction))
        ;
    return (uint32_t)(instruction.at - module->bytes);
}

static void trap_fill(struct wasm_store *store, enum wasm_trap_kind kind, struct wasm_trap *trap)
{
    *trap = (struct wasm_trap){.kind = kind, .host_code = store->host_code};
    for (const struct wasm_frame *frame = store->frame_top; frame-- > store->frames;) {
        if (frame->func == NULL)
            continue;
        trap->depth++;
        if (trap->frame_count == WASM_BACKTRACE_MAX)
            continue;
        trap->frames[trap->frame_count++] = (struct wasm_trap_frame){
            frame->func->instance->module, frame->func->index, instruction_offset(frame->func, frame->pc)};
    }
}

/* ---- calls -----------------------------------------------------------------------------------------------
 */

enum wasm_trap_kind wasm_call_host(struct wasm_store *store, struct wasm_instance *caller,
                                   struct wasm_func *func, uint64_t *args)
{
    union wasm_value values[HOST_VALUES_MAX];
    union wasm_value results[HOST_VALUES_MAX];
    const struct wasm_functype *type = func->type;
    struct wasm_caller view = {store, caller, caller == NULL ? NULL : caller->memory, 0};
    const uint64_t *from = args;
    for (uint32_t i = 0; i < type->param_count; i++)
        from = wasm_value_load(from, type->params[i], &values[i]);
    __builtin_memset(results, 0, sizeof(results[0]) * type->result_count);
    enum wasm_trap_kind trap = func->host(func->host_context, &view, values, results);
    store->host_code = view.host_code;
    if (trap != WASM_TRAP_NONE)
        return trap < WASM_TRAP_KINDS ? trap : WASM_TRAP_HOST;
    for (uint32_t i = 0; i < type->result_count; i++)
        args = wasm_value_push(args, type->results[i], &results[i]);
    return WASM_TRAP_NONE;
}

/* Room for the arguments or the results, and one more slot for the interpreter. */
static bool stack_has_room(const struct wasm_store *store, const struct wasm_functype *type)
{
    uint32_t slots = type->param_slots > type->result_slots ? type->param_slots : type->result_slots;
    return (uint64_t)(store->stack_end - store->stack_top) > slots;
}

static enum wasm_trap_kind run(struct wasm_store *store, struct wasm_func *func, uint64_t *args)
{
    if (store->nesting == WASM_HOST_NESTING_MAX)
        return WASM_TRAP_STACK_EXHAUSTED;
    store->nesting++;
    enum wasm_trap_kind trap =
        func->code != NULL ? wasm_execute(store, func, args) : wasm_call_host(store, NULL, func, args);
    store->nesting--;
    return trap;
}

enum wasm_status wasm_call(struct wasm_store *store, struct wasm_func *func, const union wasm_value *args,
                           uint32_t arg_count, union wasm_value *results, uint32_t result_count,
                           struct wasm_trap *trap)
{
    const struct wasm_functype *type = func->type;
    struct wasm_frame *frames = store->frame_top;
    uint64_t *base = store->stack_top;
    enum wasm_trap_kind kind = WASM_TRAP_STACK_EXHAUSTED;
    if (arg_count != type->param_count || result_count != type->result_count)
        return WASM_MISUSE;
    store->host_code = 0;
    if (stack_has_room(store, type)) {
        uint64_t *sp = base;
        for (uint32_t i = 0; i < arg_count; i++)
            sp = wasm_value_push(sp, type->params[i], &args[i]);
        store->stack_top = sp;
        kind = run(store, func, base);
    }
    if (kind != WASM_TRAP_NONE)
        trap_fill(store, kind, trap);
    store->frame_top = frames;
    store->stack_top = base;
    if (kind != WASM_TRAP_NONE)
        return WASM_TRAPPED;
    const uint64_t *from = base;
    for (uint32_t i = 0; i < result_count; i++)
        from = wasm_value_load(from, type->results[i], &results[i]);
    return WASM_OK;
}

const struct wasm_functype *wasm_func_type(const struct wasm_func *func)
{
    return func->type;
}

uint32_t wasm_func_index(const struct wasm_func *func)
{
    return func->code == NULL ? UINT32_MAX : func->index;
}

/* ---- host functions --------------------------------------------------------------------------------------
 */

/* Types of a signature's half; the number of them, or UINT32_MAX if there is another letter or too many. */
static uint32_t parse_types(const char *letters, const char *end, uint8_t *types, uint16_t *slots)
{
    uint32_t count = 0;
    for (; letters < end; letters++) {
        uint8_t type = wasm_type_of_letter(*letters);
        if (type == 0 || count == HOST_VALUES_MAX)
            return UINT32_MAX;
        types[count++] = type;
        *slots = (uint16_t)(*slots + wasm_type_slots(type));
    }
    return count;
}

enum { HOST_TYPE_BYTES = 2 * HOST_VALUES_MAX };

enum wasm_status wasm_host_func_create(struct wasm_store *store, const char *signature, wasm_host_fn function,
                                       void *context, struct wasm_func **func)
{
    const char *colon = signature;
    while (*colon != ':' && *colon != 0)
        colon++;
    const char *end = colon;
    while (*end != 0)
        end++;
    /* The types lie behind the function, in one allocation. */
    struct wasm_func *made = wasm_platform_alloc(&store->platform, 1, sizeof(*made) + HOST_TYPE_BYTES);
    if (made == NULL)
        return WASM_NO_MEMORY;
    uint8_t *types = (uint8_t *)(made + 1);
    struct wasm_functype *type = &made->host_type;
    uint32_t params = parse_types(signature, colon, types, &type->param_slots);
    uint32_t results =
        *colon == 0 ? UINT32_MAX : parse_types(colon + 1, end, types + HOST_VALUES_MAX, &type->result_slots);
    if (params == UINT32_MAX || results == UINT32_MAX) {
        wasm_platform_free(&store->platform, made, 1, sizeof(*made) + HOST_TYPE_BYTES);
        return WASM_MISUSE;
    }
    type->params = types;
    type->results = types + HOST_VALUES_MAX;
    type->param_count = (uint16_t)params;
    type->result_count = (uint16_t)results;
    made->type = type;
    made->index = UINT32_MAX;
    made->host = function;
    made->host_context = context;
    made->next = store->host_funcs;
    store->host_funcs = made;
    *func = made;
    return WASM_OK;
}

void wasm_host_func_destroy(struct wasm_store *store, struct wasm_func *func)
{
    wasm_platform_free(&store->platform, func, 1, sizeof(*func) + HOST_TYPE_BYTES);
}
