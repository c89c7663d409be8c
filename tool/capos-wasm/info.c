/* `capos-wasm info`: what a module imports and exports. */
#include "tool.h"

static void types_print(const uint8_t *types, uint32_t count)
{
    putchar('(');
    for (uint32_t i = 0; i < count; i++)
        printf("%s%s", i == 0 ? "" : ", ", wasm_type_name(types[i]));
    putchar(')');
}

static void bounds_print(const struct wasm_bounds *bounds)
{
    printf(" min %u", bounds->min);
    if (bounds->has_max)
        printf(" max %u", bounds->max);
}

static void extern_type_print(const struct wasm_extern_type *type)
{
    switch (type->kind) {
    case WASM_FUNC:
        printf("function ");
        types_print(type->func->params, type->func->param_count);
        printf(" -> ");
        types_print(type->func->results, type->func->result_count);
        break;
    case WASM_TABLE:
        printf("table of %s", wasm_type_name(type->type));
        bounds_print(&type->bounds);
        break;
    case WASM_MEMORY:
        printf("memory");
        bounds_print(&type->bounds);
        break;
    default:
        printf("global %s%s", type->is_mutable ? "mutable " : "", wasm_type_name(type->type));
    }
    putchar('\n');
}

int info_command(const char *path, const struct wasm_module *module)
{
    printf("%s: WebAssembly module, valid\n", path);
    for (uint32_t i = 0; i < wasm_module_import_count(module); i++) {
        struct wasm_import import = wasm_module_import(module, i);
        printf("import %.*s.%.*s ", (int)import.module.size_bytes, import.module.bytes,
               (int)import.name.size_bytes, import.name.bytes);
        extern_type_print(&import.type);
    }
    for (uint32_t i = 0; i < wasm_module_export_count(module); i++) {
        struct wasm_export export = wasm_module_export(module, i);
        printf("export %.*s ", (int)export.name.size_bytes, export.name.bytes);
        extern_type_print(&export.type);
    }
    return EXIT_OK;
}
