/*
 * Integer lane instructions: arithmetic, saturation, comparison, shifts, reductions to i32.
 *
 * Lane functions take zero-extended lanes and a lane width and give any 64-bit number; the width cuts it.
 */
#include "op.h"
#include <stdio.h>

typedef uint64_t unary_fn(uint64_t a, unsigned bits);
typedef uint64_t binary_fn(uint64_t a, uint64_t b, unsigned bits);
typedef uint64_t reduce_fn(const struct vec *v, enum shape shape);

enum { ON_8 = 1, ON_16 = 2, ON_32 = 4, ON_64 = 8, ON_ALL = 15, ON_8_16 = 3, ON_8_16_32 = 7 };

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static int64_t signed_max(unsigned bits)
{
    return (int64_t)mask_bits(UINT64_MAX, bits - 1);
}

static uint64_t lane_add(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a + b;
}

static uint64_t lane_sub(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a - b;
}

static uint64_t lane_mul(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a * b;
}

/* Saturation exists for 8 and 16 bits only, so int64_t holds every sum exactly. */
static uint64_t lane_add_sat_s(uint64_t a, uint64_t b, unsigned bits)
{
    int64_t sum = sign_extend(a, bits) + sign_extend(b, bits);
    return (uint64_t)clamp(sum, -signed_max(bits) - 1, signed_max(bits));
}

static uint64_t lane_add_sat_u(uint64_t a, uint64_t b, unsigned bits)
{
    return (uint64_t)clamp((int64_t)(a + b), 0, (int64_t)mask_bits(UINT64_MAX, bits));
}

static uint64_t lane_sub_sat_s(uint64_t a, uint64_t b, unsigned bits)
{
    int64_t difference = sign_extend(a, bits) - sign_extend(b, bits);
    return (uint64_t)clamp(difference, -signed_max(bits) - 1, signed_max(bits));
}

static uint64_t lane_sub_sat_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a > b ? a - b : 0;
}

static uint64_t lane_avgr_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return (a + b + 1) / 2;
}

#define COMPARISON_S(name, operator)                                                \
    static uint64_t lane_##name##_s(uint64_t a, uint64_t b, unsigned bits)          \
    {                                                                               \
        return sign_extend(a, bits) operator sign_extend(b, bits) ? UINT64_MAX : 0; \
    }
#define COMPARISON_U(name, operator)                                   \
    static uint64_t lane_##name(uint64_t a, uint64_t b, unsigned bits) \
    {                                                                  \
        (void)bits;                                                    \
        return a operator b ? UINT64_MAX : 0;                          \
    }
COMPARISON_S(lt, <)
COMPARISON_S(gt, >)
COMPARISON_S(le, <=)
COMPARISON_S(ge, >=)
COMPARISON_U(lt_u, <)
COMPARISON_U(gt_u, >)
COMPARISON_U(le_u, <=)
COMPARISON_U(ge_u, >=)
COMPARISON_U(eq, ==)
COMPARISON_U(ne, !=)

static uint64_t lane_min_s(uint64_t a, uint64_t b, unsigned bits)
{
    return sign_extend(a, bits) < sign_extend(b, bits) ? a : b;
}

static uint64_t lane_max_s(uint64_t a, uint64_t b, unsigned bits)
{
    return sign_extend(a, bits) > sign_extend(b, bits) ? a : b;
}

static uint64_t lane_min_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a < b ? a : b;
}

static uint64_t lane_max_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return a > b ? a : b;
}

static uint64_t lane_shl(uint64_t a, uint64_t count, unsigned bits)
{
    return a << (count % bits);
}

static uint64_t lane_shr_u(uint64_t a, uint64_t count, unsigned bits)
{
    return a >> (count % bits);
}

/* The vacated bits are filled by hand: C leaves shifting negative numbers to the compiler. */
static uint64_t lane_shr_s(uint64_t a, uint64_t count, unsigned bits)
{
    uint64_t shifted = a >> (count % bits);
    bool negative = a >> (bits - 1) & 1;
    uint64_t sign_fill = ~(mask_bits(UINT64_MAX, bits) >> (count % bits));
    return negative ? shifted | sign_fill : shifted;
}

static uint64_t lane_abs(uint64_t a, unsigned bits)
{
    return a >> (bits - 1) & 1 ? 0 - a : a;
}

static uint64_t lane_neg(uint64_t a, unsigned bits)
{
    (void)bits;
    return 0 - a;
}

static uint64_t lane_popcnt(uint64_t a, unsigned bits)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < bits; i++)
        count += a >> i & 1;
    return count;
}

static uint64_t reduce_all_true(const struct vec *v, enum shape shape)
{
    for (unsigned i = 0; i < shape_lane_count(shape); i++)
        if (vec_lane(v, shape, i) == 0)
            return 0;
    return 1;
}

static uint64_t reduce_bitmask(const struct vec *v, enum shape shape)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < shape_lane_count(shape); i++)
        mask |= (vec_lane(v, shape, i) >> (shape_lane_bits(shape) - 1) & 1) << i;
    return mask;
}

/* ---- models
 * ------------------------------------------------------------------------------------------------ */

/* Lane functions travel as pointers to constant pointers, which C lets pass through const void *. */
static struct value model_unary(const struct op *op, const struct value *in)
{
    unary_fn *fn = *(unary_fn *const *)op->lane_fn;
    struct vec out;
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++)
        vec_set_lane(&out, op->shape, i, fn(vec_lane(&in[0].bits, op->shape, i), shape_lane_bits(op->shape)));
    return value_vec(op->shape, out);
}

static struct value model_binary(const struct op *op, const struct value *in)
{
    binary_fn *fn = *(binary_fn *const *)op->lane_fn;
    struct vec out;
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++) {
        uint64_t a = vec_lane(&in[0].bits, op->shape, i), b = vec_lane(&in[1].bits, op->shape, i);
        vec_set_lane(&out, op->shape, i, fn(a, b, shape_lane_bits(op->shape)));
    }
    return value_vec(op->shape, out);
}

static struct value model_shift(const struct op *op, const struct value *in)
{
    binary_fn *fn = *(binary_fn *const *)op->lane_fn;
    struct vec out;
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++) {
        uint64_t a = vec_lane(&in[0].bits, op->shape, i);
        vec_set_lane(&out, op->shape, i, fn(a, value_bits(&in[1]), shape_lane_bits(op->shape)));
    }
    return value_vec(op->shape, out);
}

static struct value model_reduce(const struct op *op, const struct value *in)
{
    reduce_fn *fn = *(reduce_fn *const *)op->lane_fn;
    return value_i32((uint32_t)fn(&in[0].bits, op->shape));
}

/* ---- the instructions
 * -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned on;
    unary_fn *fn;
} unaries[] = {{"abs", ON_ALL, lane_abs}, {"neg", ON_ALL, lane_neg}, {"popcnt", ON_8, lane_popcnt}};

static const struct {
    const char *name;
    unsigned on;
    binary_fn *fn;
} binaries[] =
    {
        {"add", ON_ALL, lane_add},
        {"sub", ON_ALL, lane_sub},
        {"mul", ON_16 | ON_32 | ON_64, lane_mul},
        {"add_sat_s", ON_8_16, lane_add_sat_s},
        {"add_sat_u", ON_8_16, lane_add_sat_u},
        {"sub_sat_s", ON_8_16, lane_sub_sat_s},
        {"sub_sat_u", ON_8_16, lane_sub_sat_u},
        {"avgr_u", ON_8_16, lane_avgr_u},
        {"min_s", ON_8_16_32, lane_min_s},
        {"min_u", ON_8_16_32, lane_min_u},
        {"max_s", ON_8_16_32, lane_max_s},
        {"max_u", ON_8_16_32, lane_max_u},
        {"eq", ON_ALL, lane_eq},
        {"ne", ON_ALL, lane_ne},
        {"lt_s", ON_ALL, lane_lt_s},
        {"lt_u", ON_8_16_32, lane_lt_u},
        {"gt_s", ON_ALL, lane_gt_s},
        {"gt_u", ON_8_16_32, lane_gt_u},
        {"le_s", ON_ALL, lane_le_s},
        {"le_u", ON_8_16_32, lane_le_u},
        {"ge_s", ON_ALL, lane_ge_s},
        {"ge_u", ON_8_16_32, lane_ge_u},
},
  shifts[] = {{"shl", ON_ALL, lane_shl}, {"shr_s", ON_ALL, lane_shr_s}, {"shr_u", ON_ALL, lane_shr_u}};

static const struct {
    const char *name;
    reduce_fn *fn;
} reductions[] = {{"all_true", reduce_all_true}, {"bitmask", reduce_bitmask}};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct op lane_op(enum shape shape, const char *name, op_model *model, const void *fn)
{
    struct op op = {.operand_count = 1,
                    .operand = {{TYPE_V128, shape}, {TYPE_V128, shape}},
                    .result = {TYPE_V128, shape},
                    .model = model,
                    .lane_fn = fn,
                    .shape = shape};
    snprintf(op.name, sizeof(op.name), "%s.%s", shape_name(shape), name);
    return op;
}

static void sink_shape(op_sink *sink, enum shape shape)
{
    for (size_t i = 0; i < COUNT(unaries); i++) {
        struct op op = lane_op(shape, unaries[i].name, model_unary, &unaries[i].fn);
        if (unaries[i].on & 1u << shape)
            sink(&op);
    }
    for (size_t i = 0; i < COUNT(binaries); i++) {
        struct op op = lane_op(shape, binaries[i].name, model_binary, &binaries[i].fn);
        op.operand_count = 2;
        if (binaries[i].on & 1u << shape)
            sink(&op);
    }
    for (size_t i = 0; i < COUNT(shifts); i++) {
        struct op op = lane_op(shape, shifts[i].name, model_shift, &shifts[i].fn);
        op.operand_count = 2;
        op.operand[1].type = TYPE_I32;
        sink(&op);
    }
    for (size_t i = 0; i < COUNT(reductions); i++) {
        struct op op = lane_op(shape, reductions[i].name, model_reduce, &reductions[i].fn);
        op.result.type = TYPE_I32;
        sink(&op);
    }
}

void ops_lane_int(op_sink *sink)
{
    for (enum shape shape = SHAPE_I8X16; shape <= SHAPE_I64X2; shape++)
        sink_shape(sink, shape);
}
