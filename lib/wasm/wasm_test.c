/*
 * The engine's interface, from an embedder's side: loading, linking, calling, traps, fuel, limits, hostile
 * bytes; each with every allocation failing once. That instructions do what the specification says is the
 * business of the specification's tests. Modules are written here byte by byte, with lengths as five-byte
 * LEB128.
 */
#include "wasm.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- a platform that counts ------------------------------------------------------------------------------
 */

static long blocks_live, bytes_live, reservations_live;

static void *counted_alloc(void *context, size_t size_bytes)
{
    (void)context;
    void *memory = unit_malloc(size_bytes);
    blocks_live += memory != NULL;
    bytes_live += memory != NULL ? (long)size_bytes : 0;
    return memory;
}

static void counted_free(void *context, void *memory, size_t size_bytes)
{
    (void)context;
    blocks_live--;
    bytes_live -= (long)size_bytes; /* a wrong size shows as a leak */
    unit_free(memory);
}

static void *counted_reserve(void *context, uint64_t size_bytes)
{
    (void)context;
    if (unit_alloc_should_fail())
        return NULL;
    void *base = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(base != MAP_FAILED);
    reservations_live++;
    return base;
}

static bool counted_commit(void *context, void *at, uint64_t size_bytes)
{
    (void)context;
    return !unit_alloc_should_fail() && mprotect(at, size_bytes, PROT_READ | PROT_WRITE) == 0;
}

static void counted_release(void *context, void *base, uint64_t size_bytes)
{
    (void)context;
    reservations_live--;
    munmap(base, size_bytes);
}

static const struct wasm_platform platform = {
    .alloc = counted_alloc,
    .free = counted_free,
    .reserve = counted_reserve,
    .commit = counted_commit,
    .release = counted_release,
    .guard_bytes = WASM_PAGE_SIZE,
};

/* ---- a module under construction -------------------------------------------------------------------------
 */

static uint8_t bytes[64 * 1024];
static size_t size;
static size_t section_at;

static void put(const void *data, size_t size_bytes)
{
    assert_true(size + size_bytes <= sizeof(bytes));
    memcpy(bytes + size, data, size_bytes);
    size += size_bytes;
}
#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_length(size_t at, size_t value)
{
    for (unsigned i = 0; i < 5; i++)
        bytes[at + i] = (uint8_t)((value >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
}

static void module_begin(void)
{
    size = 0;
    PUT(0, 'a', 's', 'm', 1, 0, 0, 0);
}

static void section_begin(uint8_t id)
{
    PUT(id, 0, 0, 0, 0, 0);
    section_at = size;
}

static void section_end(void)
{
    put_length(section_at - 5, size - section_at);
}

#define SECTION(id, ...)   \
    do {                   \
        section_begin(id); \
        PUT(__VA_ARGS__);  \
        section_end();     \
    } while (0)

/* A code section with one body: locals and instructions, `end` included. */
#define BODY(...)                                \
    do {                                         \
        section_begin(10);                       \
        PUT(1, 0, 0, 0, 0, 0);                   \
        size_t body_at = size;                   \
        PUT(__VA_ARGS__);                        \
        put_length(body_at - 5, size - body_at); \
        section_end();                           \
    } while (0)

enum { TYPE = 1, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA };

/* ---- the fixture -----------------------------------------------------------------------------------------
 */

static struct wasm_module *module;
static struct wasm_store *store;
static struct wasm_instance *instance;
static struct wasm_error error;
static struct wasm_trap trap;

static enum wasm_status load(void)
{
    wasm_module_destroy(module);
    module = NULL;
    return wasm_module_load(&platform, bytes, size, &module, &error);
}

static bool resolve_one(void *context, const struct wasm_import *import, struct wasm_extern *found)
{
    (void)import;
    *found = *(const struct wasm_extern *)context;
    return true;
}

static enum wasm_status instantiate(struct wasm_extern *import)
{
    return wasm_instantiate(store, module, import == NULL ? NULL : resolve_one, import, &instance, &trap,
                            &error);
}

static void ready(void)
{
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(instantiate(NULL) == WASM_OK);
}

static struct wasm_func *exported(const char *name)
{
    struct wasm_extern found;
    assert_true(wasm_instance_export(instance, name, strlen(name), &found));
    assert_int_equal(found.kind, WASM_FUNC);
    return found.as.func;
}

/* Calls an i32 -> i32 function. */
static enum wasm_status call_i32(uint32_t arg, uint32_t *result)
{
    union wasm_value value = {.i32 = arg}, answer = {.i32 = 0};
    enum wasm_status status = wasm_call(store, exported("f"), &value, 1, &answer, 1, &trap);
    *result = answer.i32;
    return status;
}

static void setup(void)
{
    module = NULL;
    store = NULL;
    instance = NULL;
    error = (struct wasm_error){.status = WASM_OK};
}

static void teardown(void)
{
    wasm_store_destroy(store);
    wasm_module_destroy(module);
    assert_int_equal(blocks_live, 0);
    assert_int_equal(bytes_live, 0);
    assert_int_equal(reservations_live, 0);
}

/* f(n) = n == 0 ? 0 : n + f(n - 1), named "sum" in the name section. */
static void sum_module(void)
{
    module_begin();
    SECTION(TYPE, 1, 0x60, 1, WASM_I32, 1, WASM_I32);
    SECTION(FUNCTION, 1, 0);
    SECTION(EXPORT, 1, 1, 'f', 0, 0);
    BODY(0, 0x20, 0, 0x04, WASM_I32, 0x20, 0, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x6a, 0x05, 0x41, 0, 0x0b,
         0x0b);
    SECTION(0, 4, 'n', 'a', 'm', 'e', 1, 6, 1, 0, 3, 's', 'u', 'm');
}

/* f(n): counts n down to 0 in a loop, result 0; never ends if n is 0. */
static void loop_module(void)
{
    module_begin();
    SECTION(TYPE, 1, 0x60, 1, WASM_I32, 1, WASM_I32);
    SECTION(FUNCTION, 1, 0);
    SECTION(EXPORT, 1, 1, 'f', 0, 0);
    BODY(0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 0, 0x0b);
}

/* ---- tests -----------------------------------------------------------------------------------------------
 */

static void calls_and_returns(void)
{
    uint32_t result;
    sum_module();
    ready();
    assert_int_equal(call_i32(100, &result), WASM_OK);
    assert_int_equal(result, 5050);
    assert_int_equal(wasm_call(store, exported("f"), NULL, 0, NULL, 0, &trap), WASM_MISUSE);
}

static void endless_recursion_traps_with_names(void)
{
    uint32_t result;
    sum_module();
    ready();
    assert_int_equal(call_i32(UINT32_MAX, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_STACK_EXHAUSTED);
    assert_int_equal(trap.frame_count, WASM_BACKTRACE_MAX);
    assert_true(trap.depth > 1000);
    struct wasm_name name = wasm_module_function_name(trap.frames[0].module, trap.frames[0].function_index);
    assert_true(wasm_name_equal(name, "sum"));
    assert_int_equal(bytes[trap.frames[0].offset], 0x10); /* the call */
    assert_int_equal(call_i32(3, &result), WASM_OK);
    assert_int_equal(result, 6);
}

static void small_stack_is_respected(void)
{
    const struct wasm_config small = {.stack_bytes = 256, .call_depth_max = 1000};
    uint32_t result;
    sum_module();
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, &small, &store) == WASM_OK);
    UNIT_OK(instantiate(NULL) == WASM_OK);
    assert_int_equal(call_i32(2, &result), WASM_OK);
    assert_int_equal(call_i32(30, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_STACK_EXHAUSTED);
}

static void fuel_is_exact_and_repeats(void)
{
    uint32_t result;
    loop_module();
    ready();
    wasm_store_set_fuel(store, 1000000);
    assert_int_equal(call_i32(50000, &result), WASM_OK);
    uint64_t used = 1000000 - wasm_store_fuel(store);
    assert_true(used > 50000 * 8 && used < 50000 * 12);
    wasm_store_set_fuel(store, used + 1);
    assert_int_equal(call_i32(50000, &result), WASM_OK);
    assert_int_equal(wasm_store_fuel(store), 1);
    wasm_store_set_fuel(store, used / 2);
    assert_int_equal(call_i32(50000, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_OUT_OF_FUEL);
    assert_int_equal(wasm_store_fuel(store), 0);
}

static void interruption_ends_an_endless_loop(void)
{
    uint32_t result;
    loop_module();
    ready();
    wasm_store_interrupt(store);
    assert_int_equal(call_i32(0, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_INTERRUPTED);
    assert_int_equal(call_i32(5, &result), WASM_OK); /* the request is used up */
}

/* ---- host functions --------------------------------------------------------------------------------------
 */

static enum wasm_trap_kind add_to_memory(void *context, struct wasm_caller *caller,
                                         const union wasm_value *args, union wasm_value *results)
{
    uint32_t value;
    *(unsigned *)context += 1;
    if (!wasm_memory_read_u32(caller->memory, args[0].i32, &value)) {
        caller->host_code = 77;
        return WASM_TRAP_HOST;
    }
    results[0].i32 = value + args[0].i32;
    return WASM_TRAP_NONE;
}

/* f(n) calls the imported function on n; memory 0 starts with 1, 0, 0, 0. */
static void importing_module(void)
{
    module_begin();
    SECTION(TYPE, 1, 0x60, 1, WASM_I32, 1, WASM_I32);
    SECTION(IMPORT, 1, 1, 'm', 1, 'h', 0, 0);
    SECTION(FUNCTION, 1, 0);
    SECTION(MEMORY, 1, 1, 1, 2);
    SECTION(EXPORT, 1, 1, 'f', 0, 1);
    BODY(0, 0x20, 0, 0x10, 0, 0x0b);
    SECTION(DATA, 1, 0, 0x41, 0, 0x0b, 1, 1);
}

static void host_functions_are_called(void)
{
    uint32_t result;
    unsigned calls = 0;
    struct wasm_extern host = {.kind = WASM_FUNC};
    importing_module();
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(wasm_host_func_create(store, "i:i", add_to_memory, &calls, &host.as.func) == WASM_OK);
    UNIT_OK(instantiate(&host) == WASM_OK);
    assert_int_equal(call_i32(0, &result), WASM_OK);
    assert_int_equal(result, 1);
    assert_int_equal(calls, 1);
    assert_int_equal(call_i32(0xfffffffe, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_HOST);
    assert_int_equal(trap.host_code, 77);
    assert_int_equal(trap.depth, 1);
}

static void wrong_imports_are_refused(void)
{
    unsigned calls = 0;
    struct wasm_extern host = {.kind = WASM_FUNC};
    importing_module();
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(instantiate(NULL) == WASM_UNLINKABLE);
    assert_string_equal(error.rule, "unknown import \"m\" \"h\"");
    UNIT_OK(wasm_host_func_create(store, "I:i", add_to_memory, &calls, &host.as.func) == WASM_OK);
    UNIT_OK(instantiate(&host) == WASM_UNLINKABLE);
    assert_string_equal(error.rule, "incompatible import type: \"m\" \"h\"");
    UNIT_OK(wasm_host_func_create(store, "i?:i", add_to_memory, &calls, &host.as.func) == WASM_MISUSE);
    UNIT_OK(wasm_host_func_create(store, "i", add_to_memory, &calls, &host.as.func) == WASM_MISUSE);
}

static enum wasm_trap_kind call_again(void *context, struct wasm_caller *caller, const union wasm_value *args,
                                      union wasm_value *results)
{
    struct wasm_trap inner;
    *(unsigned *)context += 1;
    if (wasm_call(caller->store, exported("f"), args, 1, results, 1, &inner) == WASM_OK)
        return WASM_TRAP_NONE;
    return inner.kind;
}

static void nested_calls_end(void)
{
    uint32_t result;
    unsigned calls = 0;
    struct wasm_extern host = {.kind = WASM_FUNC};
    importing_module();
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(wasm_host_func_create(store, "i:i", call_again, &calls, &host.as.func) == WASM_OK);
    UNIT_OK(instantiate(&host) == WASM_OK);
    assert_int_equal(call_i32(0, &result), WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_STACK_EXHAUSTED);
    assert_int_equal(calls, WASM_HOST_NESTING_MAX);
}

/* ---- memories, tables, globals ---------------------------------------------------------------------------
 */

static void memory_is_bounded_and_stays_in_place(void)
{
    struct wasm_memory *memory;
    uint32_t old_pages, word;
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    assert_int_equal(wasm_memory_create(store, (struct wasm_bounds){3, 2, true}, &memory), WASM_LIMIT);
    UNIT_OK(wasm_memory_create(store, (struct wasm_bounds){1, 3, true}, &memory) == WASM_OK);
    uint8_t *base = wasm_memory_span(memory, 0, WASM_PAGE_SIZE);
    assert_non_null(base);
    assert_null(wasm_memory_span(memory, 1, WASM_PAGE_SIZE));
    assert_null(wasm_memory_span(memory, UINT32_MAX, UINT32_MAX));
    assert_null(wasm_memory_span(NULL, 0, 0));
    assert_non_null(wasm_memory_span(memory, WASM_PAGE_SIZE, 0));
    assert_true(wasm_memory_write_u32(memory, WASM_PAGE_SIZE - 4, 0x12345678));
    assert_false(wasm_memory_write_u32(memory, WASM_PAGE_SIZE - 3, 1));
    UNIT_OK(wasm_memory_grow(memory, 2, &old_pages));
    assert_int_equal(old_pages, 1);
    assert_false(wasm_memory_grow(memory, 1, &old_pages));
    assert_ptr_equal(wasm_memory_span(memory, 0, 1), base);
    assert_true(wasm_memory_read_u32(memory, WASM_PAGE_SIZE - 4, &word));
    assert_int_equal(word, 0x12345678);
}

static void tables_and_globals_from_the_host(void)
{
    struct wasm_table *table;
    struct wasm_global *constant, *variable;
    uint64_t ref;
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(wasm_table_create(store, WASM_EXTERNREF, (struct wasm_bounds){2, 0, false}, &table) == WASM_OK);
    assert_true(wasm_table_set(table, 1, 99));
    assert_false(wasm_table_set(table, 2, 99));
    assert_true(wasm_table_get(table, 1, &ref));
    assert_int_equal(ref, 99);
    assert_int_equal(wasm_table_size(table), 2);
    union wasm_value seven = {.i64 = 7};
    UNIT_OK(wasm_global_create(store, WASM_I64, false, seven, &constant) == WASM_OK);
    UNIT_OK(wasm_global_create(store, WASM_V128, true, seven, &variable) == WASM_OK);
    assert_int_equal(wasm_global_set(constant, seven), WASM_MISUSE);
    assert_int_equal(wasm_global_set(variable, (union wasm_value){.slots = {1, 2}}), WASM_OK);
    assert_int_equal(wasm_global_get(variable).slots[1], 2);
}

/* An active segment beyond the memory traps, and the next module is not disturbed. */
static void segment_out_of_bounds_traps(void)
{
    module_begin();
    SECTION(MEMORY, 1, 0, 1);
    SECTION(DATA, 1, 0, 0x41, 0xff, 0xff, 0x03, 0x0b, 2, 1, 2);
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, NULL, &store) == WASM_OK);
    UNIT_OK(instantiate(NULL) == WASM_TRAPPED);
    assert_int_equal(trap.kind, WASM_TRAP_MEMORY_OUT_OF_BOUNDS);
}

/* Memory beyond the configured limit is refused when it is declared, and not granted when it is asked for. */
static void configured_limits_hold(void)
{
    const struct wasm_config small = {.memory_pages_max = 2, .table_entries_max = 4};
    uint32_t result;
    module_begin();
    SECTION(TYPE, 1, 0x60, 1, WASM_I32, 1, WASM_I32);
    SECTION(FUNCTION, 1, 0);
    SECTION(MEMORY, 1, 0, 1);
    SECTION(EXPORT, 1, 1, 'f', 0, 0);
    BODY(0, 0x20, 0, 0x40, 0, 0x0b);
    UNIT_OK(load() == WASM_OK);
    UNIT_OK(wasm_store_create(&platform, &small, &store) == WASM_OK);
    UNIT_OK(instantiate(NULL) == WASM_OK);
    assert_int_equal(call_i32(2, &result), WASM_OK);
    assert_int_equal(result, UINT32_MAX);
    assert_int_equal(call_i32(1, &result), WASM_OK);
    UNIT_OK(result == 1);
    module_begin();
    SECTION(TABLE, 1, WASM_FUNCREF, 0, 5);
    struct wasm_module *first = module;
    module = NULL;
    enum wasm_status loaded = load();
    enum wasm_status linked = loaded == WASM_OK ? instantiate(NULL) : loaded;
    wasm_store_destroy(store); /* before both modules */
    store = NULL;
    wasm_module_destroy(first);
    UNIT_OK(linked == WASM_LIMIT);
}

/* ---- wide functions --------------------------------------------------------------------------------------
 */

/* Locals beside a v128 local, and drop and select of v128, find the right slots. */
static void vectors_take_two_slots(void)
{
    uint32_t result;
    module_begin();
    SECTION(TYPE, 1, 0x60, 1, WASM_I32, 1, WASM_I32);
    SECTION(FUNCTION, 1, 0);
    SECTION(EXPORT, 1, 1, 'f', 0, 0);
    /* local 1: v128, local 2: i32. local 2 = 5; local 1 = splat 7; drop a copy;
     * (select (splat 1) local1 n) lane 0 + local 2 */
    BODY(2, 1, WASM_V128, 1, WASM_I32, 0x41, 5, 0x21, 2, 0x41, 7, 0xfd, 0x11, 0x22, 1, 0x1a, 0x41, 1, 0xfd,
         0x11, 0x20, 1, 0x20, 0, 0x1b, 0xfd, 0x1b, 0, 0x20, 2, 0x6a, 0x0b);
    ready();
    assert_int_equal(call_i32(1, &result), WASM_OK);
    assert_int_equal(result, 6);
    assert_int_equal(call_i32(0, &result), WASM_OK);
    assert_int_equal(result, 12);
}

/* ---- what is refused -------------------------------------------------------------------------------------
 */

static void errors_say_where_and_why(void)
{
    module_begin();
    SECTION(TYPE, 1, 0x60, 0, 1, WASM_I32);
    SECTION(FUNCTION, 1, 0);
    BODY(0, 0x42, 0, 0x0b); /* i64.const 0 where an i32 is due */
    UNIT_OK(load() == WASM_INVALID);
    assert_string_equal(error.section, "code");
    assert_int_equal(error.offset, size - 1);
    assert_string_equal(error.rule, "type mismatch: end expects i32, found i64");
}

static void limits_are_checked(void)
{
    module_begin();
    SECTION(TYPE, 1, 0x60, 0, 0);
    SECTION(FUNCTION, 1, 0);
    BODY(1, 0xd1, 0x86, 0x03, WASM_I32, 0x0b); /* 50,001 locals */
    UNIT_OK(load() == WASM_LIMIT);
    assert_string_equal(error.rule, "too many locals: at most 50000");
    module_begin();
    SECTION(TYPE, 1, 0x60, 0, 0);
    SECTION(FUNCTION, 1, 0);
    BODY(1, 0xd0, 0x86, 0x03, WASM_V128, 0x0b); /* 50,000 of two slots each */
    UNIT_OK(load() == WASM_LIMIT);
    assert_string_equal(error.rule, "function needs 100001 stack slots, at most 65535");
}

static void counts_are_not_believed(void)
{
    module_begin();
    SECTION(TYPE, 0xff, 0xff, 0xff, 0xff, 0x0f);
    UNIT_OK(load() == WASM_MALFORMED);
    assert_string_equal(error.section, "type");
}

/* No beginning of a module is a module but those that end before a section that may be missing; none does
 * harm. */
static void every_truncation_is_refused(void)
{
    sum_module();
    size_t whole = size;
    for (size_t length = 0; length < whole; length++) {
        uint8_t *copy = malloc(length + 1); /* exactly as long, for AddressSanitizer */
        memcpy(copy, bytes, length);
        struct wasm_module *cut = NULL;
        enum wasm_status status = wasm_module_load(&platform, copy, length, &cut, &error);
        bool complete = status == WASM_OK;
        wasm_module_destroy(cut);
        free(copy);
        if (complete)
            assert_true(length == 8 || length == 20 ||
                        length == whole - 19); /* header; with types; without names */
        if (status == WASM_NO_MEMORY)
            unit_abandon_if_injected();
    }
}

static void two_stores_share_a_module(void)
{
    struct wasm_store *other = NULL;
    struct wasm_instance *second = NULL;
    uint32_t result;
    sum_module();
    ready();
    bool made = wasm_store_create(&platform, NULL, &other) == WASM_OK &&
                wasm_instantiate(other, module, NULL, NULL, &second, &trap, &error) == WASM_OK;
    enum wasm_status status = call_i32(4, &result);
    wasm_store_destroy(other);
    UNIT_OK(made);
    assert_int_equal(status, WASM_OK);
    assert_int_equal(result, 10);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(calls_and_returns),
        UNIT_TEST(endless_recursion_traps_with_names),
        UNIT_TEST(small_stack_is_respected),
        UNIT_TEST(fuel_is_exact_and_repeats),
        UNIT_TEST(interruption_ends_an_endless_loop),
        UNIT_TEST(host_functions_are_called),
        UNIT_TEST(wrong_imports_are_refused),
        UNIT_TEST(nested_calls_end),
        UNIT_TEST(memory_is_bounded_and_stays_in_place),
        UNIT_TEST(tables_and_globals_from_the_host),
        UNIT_TEST(segment_out_of_bounds_traps),
        UNIT_TEST(configured_limits_hold),
        UNIT_TEST(vectors_take_two_slots),
        UNIT_TEST(errors_say_where_and_why),
        UNIT_TEST(limits_are_checked),
        UNIT_TEST(counts_are_not_believed),
        UNIT_TEST(every_truncation_is_refused),
        UNIT_TEST(two_stores_share_a_module),
    };
    return UNIT_MAIN(tests, setup, teardown);
}
