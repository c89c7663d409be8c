/*
 * The instructions that take operands from the stack and give one result, by signature, for the generator to
 * choose from. Value types are letters: i i32, l i64, f f32, d f64, v v128, F funcref, E externref.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Where the specification leaves a NaN's bits open, the module itself makes them canonical. */
enum canonical { CANON_NONE, CANON_F32, CANON_F64, CANON_F32X4, CANON_F64X2 };

struct instruction {
    uint8_t prefix; /* 0, 0xfc or 0xfd */
    uint32_t opcode;
    const char *operands;
    char result;
    enum canonical canonical;
    bool may_trap;
    uint8_t lanes; /* of the lane immediate, or 0 */
};

/* The instructions with this result type; *count receives how many. */
const struct instruction *const *instructions_giving(char type, unsigned *count);
/* Builds the lists; call once. */
void instructions_init(void);
/* The binary encoding of a value type. */
uint8_t type_code(char type);
