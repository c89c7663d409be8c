/*
 * Fuzz target: any bytes through decoder and validator. What the interpreter trusts without looking is
 * checked here for every function taken: side entries lead into the same function's code and entries.
 */
#include "fuzz.h"
#include "opcode.h"
#include <stdlib.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t label_count(struct wasm_reader reader)
{
    uint32_t count = 0;
    check(wasm_read_u32(&reader, &count));
    return count + 1;
}

/* Follows the reachable code in a straight line: the instruction at each branch's target, and its entry,
 * exist. */
static void check_entry(const struct wasm_module *module, const struct wasm_code *code,
                        const uint8_t *behind_opcode, const struct wasm_side *side)
{
    const uint8_t *target = behind_opcode + side->code_delta;
    const struct wasm_side *next = side + side->side_delta;
    check(target >= code->start && target < code->end);
    check(next >= code->sides && next <= module->sides + module->side_count);
    check((uint32_t)side->keep + side->drop < code->frame_slots - code->local_slots);
}

/* Walks the code as the interpreter would if it took no branch, until code that only a branch reaches. */
static void check_function(const struct wasm_module *module, const struct wasm_code *code)
{
    struct wasm_error error = {.status = WASM_OK};
    struct wasm_reader reader = {module->bytes, code->start, code->end, "code", &error};
    struct wasm_instruction now;
    const struct wasm_side *side = code->sides;
    check(code->frame_slots <= WASM_FRAME_SLOTS_MAX && code->local_slots < code->frame_slots);
    while (reader.at < reader.end) {
        check(wasm_instruction_read(&reader, &now));
        uint32_t entries = 0;
        if (now.prefix == 0 && (now.code == 0x0c || now.code == 0x0d || now.code == 0x04 || now.code == 0x05))
            entries = 1;
        if (now.prefix == 0 && now.code == 0x0e)
            entries = label_count(reader);
        for (uint32_t i = 0; i < entries; i++)
            check_entry(module, code, now.at + 1, side++);
        if (now.prefix == 0 && (now.code == 0x1a || now.code == 0x1b || now.code == 0x1c) && code->wide)
            side++;
        if (now.prefix == 0 && (now.code == 0x00 || now.code == 0x05 || now.code == 0x0c ||
                                now.code == 0x0e || now.code == 0x0f))
            return;
        check(wasm_immediates_skip(&reader, &now));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wasm_error error;
    struct wasm_module *module;
    enum wasm_status status = wasm_module_load(&fuzz_platform, data, size, &module, &error);
    if (status != WASM_OK) {
        check(error.status == status && error.rule[0] != 0);
        return 0;
    }
    for (uint32_t i = 0; i < module->func_count - module->func_import_count; i++)
        check_function(module, &module->codes[i]);
    wasm_module_destroy(module);
    return 0;
}
