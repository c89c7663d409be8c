/*
 * Values of the scalar model: a 128-bit vector as bytes, lane access, and what a test may expect of a result.
 *
 * The model computes every instruction one lane at a time in plain C integer and IEEE arithmetic, from the
 * definitions of the WebAssembly 2.0 specification. It shares nothing with the engine it tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Little-endian lane order, as in memory. */
struct vec {
    uint8_t byte[16];
};

enum type {
    TYPE_I32,
    TYPE_I64,
    TYPE_F32,
    TYPE_F64,
    TYPE_V128,
};

/* How a vector (or, with one lane, a scalar) is cut into lanes. */
enum shape {
    SHAPE_I8X16,
    SHAPE_I16X8,
    SHAPE_I32X4,
    SHAPE_I64X2,
    SHAPE_F32X4,
    SHAPE_F64X2,
    SHAPE_COUNT,
};

/* A float lane that is a NaN is often not fixed to one bit pattern. */
enum nan_rule {
    NAN_EXACT,      /* the bits themselves */
    NAN_CANONICAL,  /* quiet, payload zero, either sign */
    NAN_ARITHMETIC, /* quiet, any payload, either sign */
};

struct value {
    enum type type;
    enum shape shape; /* for TYPE_V128: how it is printed and which lanes nan[] speaks of */
    struct vec bits;  /* scalars sit in the low bytes */
    enum nan_rule nan[4];
    const char *trap; /* for a result: the trap instead of a value, or null */
};

unsigned shape_lane_bits(enum shape shape);
unsigned shape_lane_count(enum shape shape);
bool shape_is_float(enum shape shape);
const char *shape_name(enum shape shape);
const char *type_name(enum type type);
/* The scalar type that splat takes and extract_lane gives. */
enum type shape_lane_type(enum shape shape);

/* The lane's bits, zero-extended. */
uint64_t vec_lane(const struct vec *v, enum shape shape, unsigned lane);
void vec_set_lane(struct vec *v, enum shape shape, unsigned lane, uint64_t bits);
struct vec vec_splat(enum shape shape, uint64_t bits);

/* The low `bits` bits of x as a two's complement number. */
int64_t sign_extend(uint64_t x, unsigned bits);
uint64_t mask_bits(uint64_t x, unsigned bits);

struct value value_scalar(enum type type, uint64_t bits);
struct value value_vec(enum shape shape, struct vec v);
/* The bits of a scalar value, zero-extended. */
uint64_t value_bits(const struct value *v);

static inline struct value value_i32(uint64_t x)
{
    return value_scalar(TYPE_I32, x & 0xffffffffu);
}
