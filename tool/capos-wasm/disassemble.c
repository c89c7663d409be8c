/* `capos-wasm disassemble`: every function body, one instruction a line with its offset, indented by nesting.
 */
#include "tool.h"
#include "module.h"
#include "opcode.h"

/* Immediates as they are in the bytes: indexes and integers as numbers, the rest in hexadecimal. */
static void immediates_print(const struct wasm_module *module, const struct wasm_instruction *instruction,
                             struct wasm_reader *reader)
{
    struct wasm_reader peek = *reader;
    int64_t number = 0;
    uint32_t count = 0;
    switch (instruction->opcode->immediate) {
    case WASM_IMM_NONE:
        return;
    case WASM_IMM_BLOCK:
        if (*peek.at == WASM_BLOCK_EMPTY)
            return;
        if (wasm_type_is_value(*peek.at))
            printf(" %s", wasm_type_name(*peek.at));
        else if (wasm_read_s33(&peek, &number))
            printf(" type %lld", (long long)number);
        return;
    case WASM_IMM_I32:
    case WASM_IMM_I64:
        if (wasm_read_s64(&peek, &number))
            printf(" %lld", (long long)number);
        return;
    case WASM_IMM_F32:
    case WASM_IMM_F64:
    case WASM_IMM_V128:
    case WASM_IMM_SHUFFLE:
    case WASM_IMM_TYPES:
    case WASM_IMM_REFTYPE:
        wasm_immediates_skip(&peek, instruction);
        for (const uint8_t *at = reader->at; at < peek.at; at++)
            printf(" %02x", *at);
        return;
    case WASM_IMM_FUNC:
        if (wasm_read_u32(&peek, &count)) {
            struct wasm_name name = wasm_module_function_name(module, count);
            printf(" %u %.*s", count, (int)name.size_bytes, name.bytes);
        }
        return;
    default: /* any number of indexes */
        wasm_immediates_skip(&peek, instruction);
        for (const uint8_t *end = peek.at, *at = peek.at = reader->at;
             at < end && wasm_read_u32(&peek, &count); at = peek.at)
            printf(" %u", count);
    }
}

static void function_print(const struct wasm_module *module, uint32_t index)
{
    struct wasm_error error = {.status = WASM_OK};
    const struct wasm_code *code = &module->codes[index - module->func_import_count];
    struct wasm_reader reader = {module->bytes, code->start, code->end, "code", &error};
    struct wasm_name name = wasm_module_function_name(module, index);
    struct wasm_instruction instruction;
    unsigned depth = 1;
    printf("func[%u] %.*s: %u parameters, %u results, %u local slots, %u frame slots\n", index,
           (int)name.size_bytes, name.bytes, code->type->param_count, code->type->result_count,
           code->local_slots, code->frame_slots);
    while (reader.at < reader.end && wasm_instruction_read(&reader, &instruction)) {
        bool plain = instruction.prefix == 0;
        bool closes = plain && (instruction.code == 0x0b || instruction.code == 0x05);
        depth -= closes && depth > 0;
        printf("%8llx: %*s%s", (unsigned long long)(instruction.at - module->bytes), (int)(2 * (depth % 64)),
               "", instruction.opcode->name);
        immediates_print(module, &instruction, &reader);
        putchar('\n');
        depth += instruction.opcode->immediate == WASM_IMM_BLOCK || (plain && instruction.code == 0x05);
        if (!wasm_immediates_skip(&reader, &instruction))
            return;
    }
}

int disassemble_command(const char *path, const struct wasm_module *module, const struct file *file)
{
    printf("%s: %zu bytes, %u functions of which %u imported\n", path, file->size_bytes, module->func_count,
           module->func_import_count);
    for (uint32_t i = module->func_import_count; i < module->func_count; i++)
        function_print(module, i);
    return EXIT_OK;
}
