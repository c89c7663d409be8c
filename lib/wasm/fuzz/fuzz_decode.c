/* Fuzz target: any bytes through the decoder, and the name section of what it takes. */
#include "fuzz.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wasm_error error = {.status = WASM_OK};
    struct wasm_module *module = calloc(1, sizeof(*module));
    if (module == NULL)
        abort();
    *module = (struct wasm_module){.platform = fuzz_platform, .bytes = data, .size_bytes = size};
    bool decoded = wasm_module_decode(module, &error);
    if (decoded == (error.status != WASM_OK) || (!decoded && (error.rule[0] == 0 || error.offset > size)))
        abort(); /* refused exactly if there is a reason, inside the module */
    if (decoded && module->func_count > 0)
        wasm_module_function_name(module, module->func_count - 1);
    wasm_module_destroy(module);
    return 0;
}
