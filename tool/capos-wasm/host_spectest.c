/* The module "spectest" that the specification's tests import from. */
#include "tool.h"

static enum wasm_trap_kind print_nothing(void *context, struct wasm_caller *caller,
                                         const union wasm_value *args, union wasm_value *results)
{
    (void)context, (void)caller, (void)args, (void)results;
    return WASM_TRAP_NONE;
}

static bool resolve_function(struct host_spectest *host, const struct wasm_import *import,
                             struct wasm_extern *found)
{
    static const struct {
        const char *name, *signature;
    } functions[] = {
        {"print", ":"},      {"print_i32", "i:"},      {"print_i64", "I:"},      {"print_f32", "f:"},
        {"print_f64", "F:"}, {"print_i32_f32", "if:"}, {"print_f64_f64", "FF:"},
    };
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (wasm_name_equal(import->name, functions[i].name)) {
            found->kind = WASM_FUNC;
            return wasm_host_func_create(host->store, functions[i].signature, print_nothing, NULL,
                                         &found->as.func) == WASM_OK;
        }
    }
    return false;
}

static bool resolve_global(struct host_spectest *host, const struct wasm_import *import,
                           struct wasm_extern *found)
{
    static const struct {
        const char *name;
        uint8_t type;
        union wasm_value value;
    } globals[] = {
        {"global_i32", WASM_I32, {.i32 = 666}},
        {"global_i64", WASM_I64, {.i64 = 666}},
        {"global_f32", WASM_F32, {.f32_bits = 0x4426a666}}, /* 666.6 */
        {"global_f64", WASM_F64, {.f64_bits = UINT64_C(0x4084d4cccccccccd)}},
    };
    for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
        if (wasm_name_equal(import->name, globals[i].name)) {
            found->kind = WASM_GLOBAL;
            return wasm_global_create(host->store, globals[i].type, false, globals[i].value,
                                      &found->as.global) == WASM_OK;
        }
    }
    return false;
}

bool host_spectest_resolve(struct host_spectest *host, const struct wasm_import *import,
                           struct wasm_extern *found)
{
    if (!wasm_name_equal(import->module, "spectest"))
        return false;
    if (wasm_name_equal(import->name, "table")) {
        found->kind = WASM_TABLE;
        if (host->table == NULL &&
            wasm_table_create(host->store, WASM_FUNCREF, (struct wasm_bounds){10, 20, true}, &host->table) !=
                WASM_OK)
            return false;
        found->as.table = host->table;
        return true;
    }
    if (wasm_name_equal(import->name, "memory")) {
        found->kind = WASM_MEMORY;
        if (host->memory == NULL &&
            wasm_memory_create(host->store, (struct wasm_bounds){1, 2, true}, &host->memory) != WASM_OK)
            return false;
        found->as.memory = host->memory;
        return true;
    }
    return resolve_function(host, import, found) || resolve_global(host, import, found);
}
