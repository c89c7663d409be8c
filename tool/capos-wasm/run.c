/* `capos-wasm run`: instantiates with WASI and spectest to import from, and calls one function. */
#include "tool.h"
#include <stdlib.h>
#include <string.h>

struct run {
    const struct run_options *options;
    struct wasm_store *store;
    struct wasm_instance *instance;
    struct wasi wasi;
    struct host_spectest spectest;
    struct wasm_trap trap;
};

static bool resolve(void *context, const struct wasm_import *import, struct wasm_extern *found)
{
    struct run *run = context;
    return wasi_resolve(&run->wasi, import, found) || host_spectest_resolve(&run->spectest, import, found);
}

void trap_print(FILE *to, const struct wasm_trap *trap)
{
    fprintf(to, "trap: %s\n", wasm_trap_message(trap->kind));
    for (uint32_t i = 0; i < trap->frame_count; i++) {
        const struct wasm_trap_frame *frame = &trap->frames[i];
        struct wasm_name name = wasm_module_function_name(frame->module, frame->function_index);
        fprintf(to, "  #%u func[%u]", i, frame->function_index);
        if (name.size_bytes != 0)
            fprintf(to, " %.*s", (int)name.size_bytes, name.bytes);
        fprintf(to, " at offset 0x%x\n", frame->offset);
    }
    if (trap->depth > trap->frame_count)
        fprintf(to, "  ... %u more\n", trap->depth - trap->frame_count);
}

static uint64_t fnv1a(const uint8_t *bytes, uint64_t size_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < size_bytes; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void dump_memory(struct wasm_memory *memory, uint32_t index)
{
    uint32_t pages = wasm_memory_pages(memory);
    uint64_t size_bytes = (uint64_t)pages * WASM_PAGE_SIZE;
    const uint8_t *bytes = wasm_memory_span(memory, 0, 0);
    printf("memory %u pages=%u fnv1a=0x%016llx\n", index, pages,
           (unsigned long long)fnv1a(bytes, size_bytes));
}

static void dump_state(const struct wasm_instance *instance)
{
    struct wasm_memory *memory;
    const struct wasm_global *global;
    for (uint32_t i = 0; (memory = wasm_instance_memory(instance, i)) != NULL; i++)
        dump_memory(memory, i);
    for (uint32_t i = 0; (global = wasm_instance_global(instance, i)) != NULL; i++) {
        union wasm_value value = wasm_global_get(global);
        printf("global %u ", i);
        value_print(stdout, wasm_global_type(global), &value);
        putchar('\n');
    }
}

/* The status a call ended with, printed if it is a trap. */
static int finish(const struct run *run, enum wasm_status status)
{
    fflush(stdout);
    if (run->wasi.exited)
        return (int)(run->wasi.exit_code & 0xff);
    if (status == WASM_OK)
        return EXIT_OK;
    trap_print(stderr, &run->trap);
    return EXIT_TRAPPED;
}

static int call(struct run *run, struct wasm_func *func, const union wasm_value *args)
{
    const struct wasm_functype *type = wasm_func_type(func);
    union wasm_value *results = calloc(type->result_count + 1u, sizeof(*results));
    if (results == NULL)
        return EXIT_REFUSED;
    enum wasm_status status =
        wasm_call(run->store, func, args, type->param_count, results, type->result_count, &run->trap);
    for (uint32_t i = 0; status == WASM_OK && i < type->result_count; i++) {
        value_print(stdout, type->results[i], &results[i]);
        putchar('\n');
    }
    free(results);
    return finish(run, status);
}

static int refuse(const struct run *run, const char *name, const char *why)
{
    fprintf(stderr, "%s: \"%s\": %s\n", run->options->path, name, why);
    return EXIT_USAGE;
}

static int invoke(struct run *run)
{
    const char *name = run->options->invoke;
    struct wasm_extern found;
    if (!wasm_instance_export(run->instance, name, strlen(name), &found) || found.kind != WASM_FUNC)
        return refuse(run, name, "no such exported function");
    const struct wasm_functype *type = wasm_func_type(found.as.func);
    if (run->options->arg_count != type->param_count)
        return refuse(run, name, "wrong number of arguments");
    union wasm_value *args = calloc(type->param_count + 1u, sizeof(*args));
    int status = args == NULL ? EXIT_REFUSED : EXIT_OK;
    for (uint32_t i = 0; status == EXIT_OK && i < type->param_count; i++) {
        if (!value_parse(type->params[i], run->options->args[i], &args[i]))
            status = refuse(run, run->options->args[i], "not a value of the parameter's type");
    }
    if (status == EXIT_OK)
        status = call(run, found.as.func, args);
    free(args);
    return status;
}

/* A library rather than a program: says which functions --invoke could name. */
static int refuse_without_start(const char *path, const struct wasm_module *module)
{
    const char *separator = "";
    fprintf(stderr, "%s exports no _start", path);
    for (uint32_t i = 0; i < wasm_module_export_count(module); i++) {
        struct wasm_export export = wasm_module_export(module, i);
        if (export.type.kind != WASM_FUNC)
            continue;
        fprintf(stderr, "%s%.*s",
                *separator == 0 ? "; name a function with --invoke (it exports: " : separator,
                (int)export.name.size_bytes, export.name.bytes);
        separator = ", ";
    }
    fputs(*separator == 0 ? " and no other function\n" : ")\n", stderr);
    return EXIT_USAGE;
}

static int run_start(struct run *run, const struct wasm_module *module)
{
    struct wasm_extern found;
    if (!wasm_instance_export(run->instance, "_start", 6, &found) || found.kind != WASM_FUNC)
        return refuse_without_start(run->options->path, module);
    if (wasm_func_type(found.as.func)->param_count != 0)
        return refuse(run, "_start", "takes arguments");
    return call(run, found.as.func, NULL);
}

static int run_module(struct run *run, const struct wasm_module *module)
{
    const struct run_options *options = run->options;
    struct wasm_error error = {.status = WASM_OK};
    enum wasm_status linked =
        wasm_instantiate(run->store, module, resolve, run, &run->instance, &run->trap, &error);
    if (linked == WASM_TRAPPED)
        return finish(run, linked);
    if (linked != WASM_OK) {
        error_print(options->path, &error);
        return EXIT_REFUSED;
    }
    int status = options->invoke != NULL ? invoke(run) : run_start(run, module);
    if (options->dump_state && (run->wasi.exited || status != EXIT_USAGE))
        dump_state(run->instance);
    return status;
}

int run_command(const struct run_options *options)
{
    struct run run = {.options = options};
    struct file file;
    struct wasm_module *module;
    struct wasm_error error;
    int status = EXIT_REFUSED;
    if (!file_open(options->path, &file))
        return EXIT_REFUSED;
    if (wasm_module_load(&tool_platform, file.bytes, file.size_bytes, &module, &error) != WASM_OK) {
        error_print(options->path, &error);
        file_close(&file);
        return EXIT_REFUSED;
    }
    if (wasm_store_create(&tool_platform, NULL, &run.store) != WASM_OK) {
        fprintf(stderr, "%s: no memory\n", options->path);
    } else {
        run.wasi = (struct wasi){.store = run.store, .args = options->args, .arg_count = options->arg_count};
        run.spectest.store = run.store;
        wasm_store_set_fuel(run.store, options->fuel);
        status = run_module(&run, module);
        fflush(stdout);
        wasm_store_destroy(run.store);
    }
    wasm_module_destroy(module);
    file_close(&file);
    return status;
}
