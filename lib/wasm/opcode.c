/* See opcode.h. */
#include "opcode.h"

#define WASM_OP(prefix, code, name, immediate, operands, result, extra) \
    WASM_OP_##prefix(code, name, immediate, operands, result, extra)
#define ENTRY(code, name, immediate, operands, result, extra) \
    [code] = {name, WASM_IMM_##immediate, result, extra, operands},
#define NOTHING(...)

#define WASM_OP_0x00(...) ENTRY(__VA_ARGS__)
#define WASM_OP_0xfc(...) NOTHING()
#define WASM_OP_0xfd(...) NOTHING()
static const struct wasm_opcode plain[256] = {
#include "opcode.def"
};
#undef WASM_OP_0x00
#undef WASM_OP_0xfc
#define WASM_OP_0x00(...) NOTHING()
#define WASM_OP_0xfc(...) ENTRY(__VA_ARGS__)
static const struct wasm_opcode misc[18] = {
#include "opcode.def"
};
#undef WASM_OP_0xfc
#undef WASM_OP_0xfd
#define WASM_OP_0xfc(...) NOTHING()
#define WASM_OP_0xfd(...) ENTRY(__VA_ARGS__)
static const struct wasm_opcode simd[256] = {
#include "opcode.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct wasm_opcode *wasm_opcode_lookup(uint32_t prefix, uint32_t code)
{
    const struct wasm_opcode *found = NULL;
    if (prefix == 0 && code < COUNT(plain))
        found = &plain[code];
    else if (prefix == WASM_PREFIX_MISC && code < COUNT(misc))
        found = &misc[code];
    else if (prefix == WASM_PREFIX_SIMD && code < COUNT(simd))
        found = &simd[code];
    return found != NULL && found->immediate != WASM_IMM_ILLEGAL ? found : NULL;
}

uint8_t wasm_type_of_letter(char letter)
{
    switch (letter) {
    case 'i':
        return WASM_I32;
    case 'I':
        return WASM_I64;
    case 'f':
        return WASM_F32;
    case 'F':
        return WASM_F64;
    case 'v':
        return WASM_V128;
    case 'r':
        return WASM_FUNCREF;
    case 'x':
        return WASM_EXTERNREF;
    default:
        return 0;
    }
}

bool wasm_instruction_read(struct wasm_reader *reader, struct wasm_instruction *instruction)
{
    uint8_t byte;
    instruction->at = reader->at;
    if (!wasm_read_byte(reader, &byte))
        return false;
    instruction->prefix = 0;
    instruction->code = byte;
    if (byte == WASM_PREFIX_MISC || byte == WASM_PREFIX_SIMD) {
        instruction->prefix = byte;
        if (!wasm_read_u32(reader, &instruction->code))
            return false;
    }
    instruction->opcode = wasm_opcode_lookup(instruction->prefix, instruction->code);
    if (instruction->opcode == NULL)
        return wasm_reader_fail_at(reader, WASM_MALFORMED, instruction->at, "illegal opcode %u (prefix %u)",
                                   instruction->code, instruction->prefix);
    return true;
}

static bool skip_u32(struct wasm_reader *reader, unsigned count)
{
    uint32_t ignored;
    while (count-- > 0) {
        if (!wasm_read_u32(reader, &ignored))
            return false;
    }
    return true;
}

static bool skip_bytes(struct wasm_reader *reader, uint32_t size_bytes)
{
    const uint8_t *ignored;
    return wasm_read_bytes(reader, size_bytes, &ignored);
}

static bool skip_vector(struct wasm_reader *reader, bool of_bytes, unsigned more)
{
    uint32_t count;
    if (!wasm_read_u32(reader, &count))
        return false;
    if (of_bytes)
        return skip_bytes(reader, count);
    if (count > (uint64_t)(reader->end - reader->at))
        return wasm_reader_fail(reader, WASM_MALFORMED, "unexpected end: vector longer than its section");
    return skip_u32(reader, count) && skip_u32(reader, more);
}

static bool skip_number(struct wasm_reader *reader, uint8_t immediate)
{
    int32_t narrow;
    int64_t wide;
    switch (immediate) {
    case WASM_IMM_BLOCK:
        return wasm_read_s33(reader, &wide);
    case WASM_IMM_I32:
        return wasm_read_s32(reader, &narrow);
    default:
        return wasm_read_s64(reader, &wide);
    }
}

bool wasm_immediates_skip(struct wasm_reader *reader, const struct wasm_instruction *instruction)
{
    uint8_t immediate = instruction->opcode->immediate;
    switch (immediate) {
    case WASM_IMM_BLOCK:
    case WASM_IMM_I32:
    case WASM_IMM_I64:
        return skip_number(reader, immediate);
    case WASM_IMM_LABEL:
    case WASM_IMM_FUNC:
    case WASM_IMM_LOCAL:
    case WASM_IMM_GLOBAL:
    case WASM_IMM_TABLE:
    case WASM_IMM_DATA:
    case WASM_IMM_ELEM:
        return skip_u32(reader, 1);
    case WASM_IMM_TYPE_TABLE:
    case WASM_IMM_ELEM_TABLE:
    case WASM_IMM_TABLE_TABLE:
    case WASM_IMM_MEMARG:
        return skip_u32(reader, 2);
    case WASM_IMM_LABELS:
        return skip_vector(reader, false, 1);
    case WASM_IMM_TYPES:
        return skip_vector(reader, true, 0);
    case WASM_IMM_MEMORY:
    case WASM_IMM_REFTYPE:
    case WASM_IMM_LANE:
        return skip_bytes(reader, 1);
    case WASM_IMM_MEMORY_MEMORY:
        return skip_bytes(reader, 2);
    case WASM_IMM_DATA_MEMORY:
    case WASM_IMM_MEMARG_LANE:
        return skip_u32(reader, immediate == WASM_IMM_MEMARG_LANE ? 2 : 1) && skip_bytes(reader, 1);
    case WASM_IMM_F32:
        return skip_bytes(reader, 4);
    case WASM_IMM_F64:
        return skip_bytes(reader, 8);
    case WASM_IMM_V128:
    case WASM_IMM_SHUFFLE:
        return skip_bytes(reader, 16);
    default:
        return true;
    }
}
