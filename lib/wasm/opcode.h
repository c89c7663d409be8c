/*
 * The instruction table: name, immediates and (for plain instructions) types of every opcode. Validator and
 * disassembler read it; the interpreter has its own dispatch. Not here: what instructions do.
 */
#pragma once
#include <stdint.h>
#include "reader.h"

/* What follows an opcode in the code. */
enum wasm_immediate {
    WASM_IMM_ILLEGAL, /* no such instruction */
    WASM_IMM_NONE,
    WASM_IMM_BLOCK,  /* block type */
    WASM_IMM_LABEL,  /* label index */
    WASM_IMM_LABELS, /* br_table's vector and default */
    WASM_IMM_FUNC,
    WASM_IMM_TYPE_TABLE, /* type index, table index */
    WASM_IMM_TYPES,      /* vector of value types */
    WASM_IMM_LOCAL,
    WASM_IMM_GLOBAL,
    WASM_IMM_TABLE,
    WASM_IMM_REFTYPE,
    WASM_IMM_MEMARG, /* alignment, offset */
    WASM_IMM_MEMORY, /* zero byte */
    WASM_IMM_I32,
    WASM_IMM_I64,
    WASM_IMM_F32,
    WASM_IMM_F64,
    WASM_IMM_DATA_MEMORY,
    WASM_IMM_DATA,
    WASM_IMM_MEMORY_MEMORY,
    WASM_IMM_ELEM_TABLE,
    WASM_IMM_ELEM,
    WASM_IMM_TABLE_TABLE,
    WASM_IMM_V128,
    WASM_IMM_SHUFFLE, /* 16 lane numbers below 32 */
    WASM_IMM_LANE,
    WASM_IMM_MEMARG_LANE,
};

enum {
    WASM_PREFIX_MISC = 0xfc,
    WASM_PREFIX_SIMD = 0xfd,
};

struct wasm_opcode {
    const char *name;
    uint8_t immediate; /* enum wasm_immediate */
    char result;
    uint8_t extra;
    char operands[5];
};

/* prefix 0, 0xfc or 0xfd. Null if there is no such instruction. */
const struct wasm_opcode *wasm_opcode_lookup(uint32_t prefix, uint32_t code);

/* The enum wasm_type byte of a type letter, 0 for any other character. */
uint8_t wasm_type_of_letter(char letter);

/* One decoded instruction. */
struct wasm_instruction {
    const uint8_t *at; /* of the opcode */
    uint32_t prefix;
    uint32_t code;
    const struct wasm_opcode *opcode;
};
/* Reads an opcode; false with the reader's error set if it ends or there is no such instruction. */
bool wasm_instruction_read(struct wasm_reader *reader, struct wasm_instruction *instruction);
/* Reads past its immediates, checking their encoding only. */
bool wasm_immediates_skip(struct wasm_reader *reader, const struct wasm_instruction *instruction);
