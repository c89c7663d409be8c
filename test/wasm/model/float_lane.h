/*
 * IEEE 754 arithmetic on bit patterns, for one lane or one scalar, with the NaN rule of the result.
 *
 * f32 arithmetic is done in double and rounded once more: for +, -, *, / and square root of 24-bit
 * significands the second rounding is known to be harmless, and it keeps one model for both widths.
 */
#pragma once
#include "value.h"

struct float_result {
    uint64_t bits;
    enum nan_rule nan;
};

/* bits is 32 or 64. */
typedef struct float_result float_unary(uint64_t a, unsigned bits);
typedef struct float_result float_binary(uint64_t a, uint64_t b, unsigned bits);
typedef bool float_compare(uint64_t a, uint64_t b, unsigned bits);

struct float_named_unary {
    const char *name;
    float_unary *fn;
};
struct float_named_binary {
    const char *name;
    float_binary *fn;
    bool on_scalars, on_lanes;
};
struct float_named_compare {
    const char *name;
    float_compare *fn;
};

/* Each ends with a null name. */
extern const struct float_named_unary float_unaries[];
extern const struct float_named_binary float_binaries[];
extern const struct float_named_compare float_compares[];

double float_value(uint64_t bits, unsigned width);
/* Rounds to nearest, ties to even; NaN gives the canonical NaN. */
uint64_t float_bits(double x, unsigned width);
bool float_is_nan(uint64_t bits, unsigned width);
/* What the specification allows for an arithmetic result that is NaN, given its operands. */
struct float_result float_nan_result(const uint64_t *operands, unsigned count, unsigned operand_width,
                                     unsigned width);
/* x cut toward zero into a two's complement or unsigned integer of `bits` bits, saturating; NaN gives zero.
 */
uint64_t float_to_int_sat(double x, unsigned bits, bool is_signed);
