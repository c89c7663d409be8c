/*
 * Fuzz target: what is a valid module is instantiated and every exported function called, with little fuel,
 * twice in two stores: results, traps, fuel, memory and globals must be the same both times.
 */
#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUEL = 20000, VALUES_MAX = 1000, SIGNATURE_MAX = 64 };

struct outcome {
    uint64_t hash;
};

static void mix(struct outcome *outcome, const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size_bytes; i++)
        outcome->hash = (outcome->hash ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static enum wasm_trap_kind host(void *context, struct wasm_caller *caller, const union wasm_value *args,
                                union wasm_value *results)
{
    const struct wasm_functype *type = context;
    uint32_t ignored;
    if (type->param_count > 0)
        wasm_memory_read_u32(caller->memory, args[0].i32, &ignored);
    if (type->result_count > 0 && type->results[0] >= WASM_V128)
        results[0].i64 = 3;
    return WASM_TRAP_NONE;
}

static char letter(uint8_t type)
{
    static const char letters[] = "iIfFvrx";
    static const uint8_t types[] = {WASM_I32,  WASM_I64,     WASM_F32,      WASM_F64,
                                    WASM_V128, WASM_FUNCREF, WASM_EXTERNREF};
    return letters[(const uint8_t *)memchr(types, type, sizeof(types)) - types];
}

static bool make_function(struct wasm_store *store, const struct wasm_functype *type, struct wasm_func **func)
{
    char signature[SIGNATURE_MAX + 3];
    size_t length = 0;
    if (type->param_count + type->result_count > SIGNATURE_MAX)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++)
        signature[length++] = letter(type->params[i]);
    signature[length++] = ':';
    for (uint32_t i = 0; i < type->result_count; i++)
        signature[length++] = letter(type->results[i]);
    signature[length] = 0;
    return wasm_host_func_create(store, signature, host, (void *)(uintptr_t)type, func) == WASM_OK;
}

/* Whatever is asked for, made to measure. */
static bool resolve(void *context, const struct wasm_import *import, struct wasm_extern *found)
{
    const struct wasm_extern_type *type = &import->type;
    found->kind = type->kind;
    switch (type->kind) {
    case WASM_FUNC:
        return make_function(context, type->func, &found->as.func);
    case WASM_TABLE:
        return wasm_table_create(context, type->type, type->bounds, &found->as.table) == WASM_OK;
    case WASM_MEMORY:
        return wasm_memory_create(context, type->bounds, &found->as.memory) == WASM_OK;
    default:
        return wasm_global_create(context, type->type, type->is_mutable, (union wasm_value){.slots = {0, 0}},
                                  &found->as.global) == WASM_OK;
    }
}

static void mix_trap(struct outcome *outcome, enum wasm_status status, const struct wasm_trap *trap)
{
    mix(outcome, &status, sizeof(status));
    if (status != WASM_TRAPPED)
        return;
    mix(outcome, &trap->kind, sizeof(trap->kind));
    mix(outcome, &trap->depth, sizeof(trap->depth));
    for (uint32_t i = 0; i < trap->frame_count; i++)
        mix(outcome, &trap->frames[i].offset, sizeof(trap->frames[i].offset));
}

static void call_export(struct wasm_store *store, struct wasm_func *func, struct outcome *outcome)
{
    static union wasm_value args[VALUES_MAX], results[VALUES_MAX];
    const struct wasm_functype *type = wasm_func_type(func);
    struct wasm_trap trap;
    for (uint32_t i = 0; i < type->param_count; i++)
        args[i] = (union wasm_value){.slots = {type->params[i] >= WASM_V128 ? 2 * i + 1 : 0, 0}};
    wasm_store_set_fuel(store, FUEL);
    enum wasm_status status =
        wasm_call(store, func, args, type->param_count, results, type->result_count, &trap);
    uint64_t left = wasm_store_fuel(store);
    mix(outcome, &left, sizeof(left));
    mix_trap(outcome, status, &trap);
    for (uint32_t i = 0; status == WASM_OK && i < type->result_count; i++) {
        if (wasm_type_is_ref(type->results[i]))
            results[i].ref = results[i].ref != 0; /* addresses differ */
        mix(outcome, &results[i], sizeof(results[i]));
    }
}

static void mix_state(const struct wasm_instance *instance, struct outcome *outcome)
{
    struct wasm_memory *memory = wasm_instance_memory(instance, 0);
    struct wasm_global *global;
    if (memory != NULL) {
        uint32_t size_bytes = wasm_memory_pages(memory) * WASM_PAGE_SIZE;
        mix(outcome, wasm_memory_span(memory, 0, size_bytes), size_bytes);
    }
    for (uint32_t i = 0; (global = wasm_instance_global(instance, i)) != NULL; i++) {
        union wasm_value value = wasm_global_get(global);
        if (wasm_type_is_ref(wasm_global_type(global)))
            value.ref = value.ref != 0;
        mix(outcome, &value, sizeof(value));
    }
}

static struct outcome run(const struct wasm_module *module)
{
    static const struct wasm_config config = {16 << 10, 200, 2, 1000};
    struct outcome outcome = {UINT64_C(0xcbf29ce484222325)};
    struct wasm_store *store;
    struct wasm_instance *instance;
    struct wasm_trap trap;
    struct wasm_error error = {.status = WASM_OK};
    if (wasm_store_create(&fuzz_platform, &config, &store) != WASM_OK)
        abort();
    wasm_store_set_fuel(store, FUEL);
    enum wasm_status status = wasm_instantiate(store, module, resolve, store, &instance, &trap, &error);
    mix_trap(&outcome, status, &trap);
    for (uint32_t i = 0; status == WASM_OK && i < wasm_module_export_count(module); i++) {
        struct wasm_export export = wasm_module_export(module, i);
        struct wasm_extern found;
        if (!wasm_instance_export(instance, export.name.bytes, export.name.size_bytes, &found))
            abort();
        if (found.kind == WASM_FUNC)
            call_export(store, found.as.func, &outcome);
    }
    if (status == WASM_OK)
        mix_state(instance, &outcome);
    wasm_store_destroy(store);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wasm_error error;
    struct wasm_module *module;
    if (wasm_module_load(&fuzz_platform, data, size, &module, &error) != WASM_OK)
        return 0;
    if (run(module).hash != run(module).hash)
        abort();
    wasm_module_destroy(module);
    return 0;
}
