/* Values of the scalar model: lane access. value.h says what they are. */
#include "value.h"
#include <string.h>

static const struct shape_info {
    const char *name;
    unsigned bits;
    enum type lane_type;
    bool is_float;
} shapes[SHAPE_COUNT] = {
    [SHAPE_I8X16] = {"i8x16", 8, TYPE_I32, false},  [SHAPE_I16X8] = {"i16x8", 16, TYPE_I32, false},
    [SHAPE_I32X4] = {"i32x4", 32, TYPE_I32, false}, [SHAPE_I64X2] = {"i64x2", 64, TYPE_I64, false},
    [SHAPE_F32X4] = {"f32x4", 32, TYPE_F32, true},  [SHAPE_F64X2] = {"f64x2", 64, TYPE_F64, true},
};

unsigned shape_lane_bits(enum shape shape)
{
    return shapes[shape].bits;
}

unsigned shape_lane_count(enum shape shape)
{
    return 128 / shapes[shape].bits;
}

bool shape_is_float(enum shape shape)
{
    return shapes[shape].is_float;
}

const char *shape_name(enum shape shape)
{
    return shapes[shape].name;
}

enum type shape_lane_type(enum shape shape)
{
    return shapes[shape].lane_type;
}

const char *type_name(enum type type)
{
    static const char *const names[] = {"i32", "i64", "f32", "f64", "v128"};
    return names[type];
}

uint64_t vec_lane(const struct vec *v, enum shape shape, unsigned lane)
{
    unsigned size_bytes = shape_lane_bits(shape) / 8;
    uint64_t bits = 0;
    for (unsigned i = 0; i < size_bytes; i++)
        bits |= (uint64_t)v->byte[lane * size_bytes + i] << (8 * i);
    return bits;
}

void vec_set_lane(struct vec *v, enum shape shape, unsigned lane, uint64_t bits)
{
    unsigned size_bytes = shape_lane_bits(shape) / 8;
    for (unsigned i = 0; i < size_bytes; i++)
        v->byte[lane * size_bytes + i] = (uint8_t)(bits >> (8 * i));
}

struct vec vec_splat(enum shape shape, uint64_t bits)
{
    struct vec v;
    for (unsigned i = 0; i < shape_lane_count(shape); i++)
        vec_set_lane(&v, shape, i, bits);
    return v;
}

uint64_t mask_bits(uint64_t x, unsigned bits)
{
    return bits == 64 ? x : x & (((uint64_t)1 << bits) - 1);
}

int64_t sign_extend(uint64_t x, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);
    return (int64_t)((mask_bits(x, bits) ^ sign) - sign);
}

struct value value_scalar(enum type type, uint64_t bits)
{
    struct value v = {.type = type};
    vec_set_lane(&v.bits, SHAPE_I64X2, 0, bits);
    return v;
}

struct value value_vec(enum shape shape, struct vec bits)
{
    return (struct value){.type = TYPE_V128, .shape = shape, .bits = bits};
}

uint64_t value_bits(const struct value *v)
{
    return vec_lane(&v->bits, SHAPE_I64X2, 0);
}
