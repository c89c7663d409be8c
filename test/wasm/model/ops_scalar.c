/*
 * The numeric instructions on i32, i64, f32 and f64: those of 1.0, sign extension and saturating conversion.
 * Division and truncation trap; the model says which trap.
 */
#include "op.h"
#include "float_lane.h"
#include <stdio.h>

static const char DIVIDE_BY_ZERO[] = "integer divide by zero";
static const char OVERFLOW[] = "integer overflow";
static const char INVALID_CONVERSION[] = "invalid conversion to integer";

static unsigned type_bits(enum type type)
{
    return type == TYPE_I32 || type == TYPE_F32 ? 32 : 64;
}

static struct op scalar_op(enum type type, const char *name, unsigned operands, enum type result,
                           op_model *model)
{
    struct op op = {.operand_count = operands,
                    .operand = {{.type = type}, {.type = type}},
                    .result = {.type = result},
                    .model = model};
    snprintf(op.name, sizeof(op.name), "%s", name);
    return op;
}

/* ---- integers
 * ---------------------------------------------------------------------------------------------- */

struct int_result {
    uint64_t bits;
    const char *trap;
};
typedef struct int_result int_fn(uint64_t a, uint64_t b, unsigned bits);

#define INT(name, expression)                                                  \
    static struct int_result int_##name(uint64_t a, uint64_t b, unsigned bits) \
    {                                                                          \
        int64_t sa = sign_extend(a, bits), sb = sign_extend(b, bits);          \
        (void)sa, (void)sb;                                                    \
        return (struct int_result){(uint64_t)(expression), NULL};              \
    }
INT(add, a + b)
INT(sub, a - b)
INT(mul, a *b)
INT(and, a &b)
INT(or, a | b)
INT(xor, a ^ b)
INT(shl, a << (b % bits))
INT(shr_u, a >> (b % bits))
INT(shr_s, sa < 0 ? ~(mask_bits(~a, bits) >> (b % bits)) : a >> (b % bits))
INT(rotl, b % bits ? a << (b % bits) | a >> (bits - b % bits) : a)
INT(rotr, b % bits ? a >> (b % bits) | a << (bits - b % bits) : a)
INT(eq, a == b)
INT(ne, a != b)
INT(lt_s, sa < sb)
INT(lt_u, a < b)
INT(gt_s, sa > sb)
INT(gt_u, a > b)
INT(le_s, sa <= sb)
INT(le_u, a <= b)
INT(ge_s, sa >= sb)
INT(ge_u, a >= b)
INT(eqz, a == 0)
INT(extend8_s, sign_extend(a, 8))
INT(extend16_s, sign_extend(a, 16))
INT(extend32_s, sign_extend(a, 32))

static struct int_result int_clz(uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t count = 0;
    (void)b;
    while (count < bits && !(a >> (bits - 1 - count) & 1))
        count++;
    return (struct int_result){count, NULL};
}

static struct int_result int_ctz(uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t count = 0;
    (void)b;
    while (count < bits && !(a >> count & 1))
        count++;
    return (struct int_result){count, NULL};
}

static struct int_result int_popcnt(uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t count = 0;
    (void)b;
    for (unsigned i = 0; i < bits; i++)
        count += a >> i & 1;
    return (struct int_result){count, NULL};
}

static bool division_overflows(uint64_t a, uint64_t b, unsigned bits)
{
    return a == (uint64_t)1 << (bits - 1) && sign_extend(b, bits) == -1;
}

static struct int_result int_div_s(uint64_t a, uint64_t b, unsigned bits)
{
    if (b == 0)
        return (struct int_result){0, DIVIDE_BY_ZERO};
    if (division_overflows(a, b, bits))
        return (struct int_result){0, OVERFLOW};
    return (struct int_result){(uint64_t)(sign_extend(a, bits) / sign_extend(b, bits)), NULL};
}

static struct int_result int_div_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return b == 0 ? (struct int_result){0, DIVIDE_BY_ZERO} : (struct int_result){a / b, NULL};
}

/* The overflowing division has the remainder zero. */
static struct int_result int_rem_s(uint64_t a, uint64_t b, unsigned bits)
{
    if (b == 0)
        return (struct int_result){0, DIVIDE_BY_ZERO};
    if (division_overflows(a, b, bits))
        return (struct int_result){0, NULL};
    return (struct int_result){(uint64_t)(sign_extend(a, bits) % sign_extend(b, bits)), NULL};
}

static struct int_result int_rem_u(uint64_t a, uint64_t b, unsigned bits)
{
    (void)bits;
    return b == 0 ? (struct int_result){0, DIVIDE_BY_ZERO} : (struct int_result){a % b, NULL};
}

static const struct {
    const char *name;
    int_fn *fn;
    unsigned operands;
    bool gives_i32, only_i64;
} int_ops[] = {
    {"add", int_add, 2, false, false},
    {"sub", int_sub, 2, false, false},
    {"mul", int_mul, 2, false, false},
    {"div_s", int_div_s, 2, false, false},
    {"div_u", int_div_u, 2, false, false},
    {"rem_s", int_rem_s, 2, false, false},
    {"rem_u", int_rem_u, 2, false, false},
    {"and", int_and, 2, false, false},
    {"or", int_or, 2, false, false},
    {"xor", int_xor, 2, false, false},
    {"shl", int_shl, 2, false, false},
    {"shr_s", int_shr_s, 2, false, false},
    {"shr_u", int_shr_u, 2, false, false},
    {"rotl", int_rotl, 2, false, false},
    {"rotr", int_rotr, 2, false, false},
    {"eq", int_eq, 2, true, false},
    {"ne", int_ne, 2, true, false},
    {"lt_s", int_lt_s, 2, true, false},
    {"lt_u", int_lt_u, 2, true, false},
    {"gt_s", int_gt_s, 2, true, false},
    {"gt_u", int_gt_u, 2, true, false},
    {"le_s", int_le_s, 2, true, false},
    {"le_u", int_le_u, 2, true, false},
    {"ge_s", int_ge_s, 2, true, false},
    {"ge_u", int_ge_u, 2, true, false},
    {"eqz", int_eqz, 1, true, false},
    {"clz", int_clz, 1, false, false},
    {"ctz", int_ctz, 1, false, false},
    {"popcnt", int_popcnt, 1, false, false},
    {"extend8_s", int_extend8_s, 1, false, false},
    {"extend16_s", int_extend16_s, 1, false, false},
    {"extend32_s", int_extend32_s, 1, false, true},
};

static struct value model_int(const struct op *op, const struct value *in)
{
    int_fn *fn = *(int_fn *const *)op->lane_fn;
    unsigned bits = type_bits(op->operand[0].type);
    struct int_result r = fn(value_bits(&in[0]), op->operand_count > 1 ? value_bits(&in[1]) : 0, bits);
    struct value out = value_scalar(op->result.type, mask_bits(r.bits, type_bits(op->result.type)));
    out.trap = r.trap;
    return out;
}

static void sink_ints(op_sink *sink, enum type type)
{
    for (size_t i = 0; i < sizeof(int_ops) / sizeof(int_ops[0]); i++) {
        if (int_ops[i].only_i64 && type != TYPE_I64)
            continue;
        char name[40];
        snprintf(name, sizeof(name), "%s.%s", type_name(type), int_ops[i].name);
        struct op op =
            scalar_op(type, name, int_ops[i].operands, int_ops[i].gives_i32 ? TYPE_I32 : type, model_int);
        op.lane_fn = &int_ops[i].fn;
        sink(&op);
    }
}

/* ---- floats
 * ------------------------------------------------------------------------------------------------ */

static struct value float_result(enum type type, struct float_result r)
{
    struct value out = value_scalar(type, r.bits);
    out.nan[0] = r.nan;
    return out;
}

static struct value model_float_unary(const struct op *op, const struct value *in)
{
    const struct float_named_unary *fn = op->lane_fn;
    return float_result(op->result.type, fn->fn(value_bits(&in[0]), type_bits(op->result.type)));
}

static struct value model_float_binary(const struct op *op, const struct value *in)
{
    const struct float_named_binary *fn = op->lane_fn;
    return float_result(op->result.type,
                        fn->fn(value_bits(&in[0]), value_bits(&in[1]), type_bits(op->result.type)));
}

static struct value model_float_compare(const struct op *op, const struct value *in)
{
    const struct float_named_compare *fn = op->lane_fn;
    return value_i32(fn->fn(value_bits(&in[0]), value_bits(&in[1]), type_bits(op->operand[0].type)));
}

static void sink_float(op_sink *sink, enum type type, const char *name, unsigned operands, enum type result,
                       op_model *model, const void *fn)
{
    char full[40];
    snprintf(full, sizeof(full), "%s.%s", type_name(type), name);
    struct op op = scalar_op(type, full, operands, result, model);
    op.lane_fn = fn;
    sink(&op);
}

static void sink_floats(op_sink *sink, enum type type)
{
    for (const struct float_named_unary *u = float_unaries; u->name; u++)
        sink_float(sink, type, u->name, 1, type, model_float_unary, u);
    for (const struct float_named_binary *b = float_binaries; b->name; b++)
        if (b->on_scalars)
            sink_float(sink, type, b->name, 2, type, model_float_binary, b);
    for (const struct float_named_compare *c = float_compares; c->name; c++)
        sink_float(sink, type, c->name, 2, TYPE_I32, model_float_compare, c);
}

/* ---- conversions
 * ------------------------------------------------------------------------------------------- */

static struct value model_trunc_sat(const struct op *op, const struct value *in)
{
    double x = float_value(value_bits(&in[0]), type_bits(op->operand[0].type));
    return value_scalar(op->result.type, float_to_int_sat(x, type_bits(op->result.type), op->is_signed));
}

/* Truncation traps exactly where saturation would change the number. */
static struct value model_trunc(const struct op *op, const struct value *in)
{
    double x = float_value(value_bits(&in[0]), type_bits(op->operand[0].type));
    unsigned bits = type_bits(op->result.type);
    double limit = op->is_signed ? 0x1p31 : 0x1p32;
    if (bits == 64)
        limit *= 0x1p32;
    struct value out = model_trunc_sat(op, in);
    double lowest = op->is_signed ? -limit : 0;
    if (x != x)
        out.trap = INVALID_CONVERSION;
    else if (x >= limit || x <= lowest - 1)
        out.trap = OVERFLOW;
    /* -2^63 - 1 is not a double: -2^63 itself is in range. */
    if (x == lowest)
        out.trap = NULL;
    return out;
}

/* From i64 straight to f32: a detour by double would round twice. */
static struct value model_convert(const struct op *op, const struct value *in)
{
    uint64_t bits = value_bits(&in[0]);
    int64_t number = sign_extend(bits, type_bits(op->operand[0].type));
    if (op->result.type == TYPE_F64)
        return value_scalar(TYPE_F64, float_bits(op->is_signed ? (double)number : (double)bits, 64));
    float rounded = op->is_signed ? (float)number : (float)bits;
    return value_scalar(TYPE_F32, float_bits((double)rounded, 32));
}

static struct value model_resize_float(const struct op *op, const struct value *in)
{
    uint64_t bits = value_bits(&in[0]);
    unsigned from = type_bits(op->operand[0].type), to = type_bits(op->result.type);
    if (float_is_nan(bits, from))
        return float_result(op->result.type, float_nan_result(&bits, 1, from, to));
    return value_scalar(op->result.type, float_bits(float_value(bits, from), to));
}

/* Wrap, zero extension and reinterpretation are the same move of bits. */
static struct value model_bits(const struct op *op, const struct value *in)
{
    return value_scalar(op->result.type, mask_bits(value_bits(&in[0]), type_bits(op->result.type)));
}

static struct value model_extend_s(const struct op *op, const struct value *in)
{
    return value_scalar(op->result.type, (uint64_t)sign_extend(value_bits(&in[0]), 32));
}

static void sink_conversion(op_sink *sink, const char *verb, enum type from, enum type to, const char *suffix,
                            op_model *model)
{
    char name[40];
    snprintf(name, sizeof(name), "%s.%s_%s%s", type_name(to), verb, type_name(from), suffix);
    struct op op = scalar_op(from, name, 1, to, model);
    op.is_signed = suffix[0] == '_' && suffix[1] == 's';
    sink(&op);
}

static void sink_conversions(op_sink *sink)
{
    static const char *const signs[] = {"_s", "_u"};
    for (enum type i = TYPE_I32; i <= TYPE_I64; i++)
        for (enum type f = TYPE_F32; f <= TYPE_F64; f++)
            for (unsigned s = 0; s < 2; s++) {
                sink_conversion(sink, "trunc", f, i, signs[s], model_trunc);
                sink_conversion(sink, "trunc_sat", f, i, signs[s], model_trunc_sat);
                sink_conversion(sink, "convert", i, f, signs[s], model_convert);
            }
    sink_conversion(sink, "demote", TYPE_F64, TYPE_F32, "", model_resize_float);
    sink_conversion(sink, "promote", TYPE_F32, TYPE_F64, "", model_resize_float);
    sink_conversion(sink, "wrap", TYPE_I64, TYPE_I32, "", model_bits);
    sink_conversion(sink, "extend", TYPE_I32, TYPE_I64, "_s", model_extend_s);
    sink_conversion(sink, "extend", TYPE_I32, TYPE_I64, "_u", model_bits);
    sink_conversion(sink, "reinterpret", TYPE_F32, TYPE_I32, "", model_bits);
    sink_conversion(sink, "reinterpret", TYPE_F64, TYPE_I64, "", model_bits);
    sink_conversion(sink, "reinterpret", TYPE_I32, TYPE_F32, "", model_bits);
    sink_conversion(sink, "reinterpret", TYPE_I64, TYPE_F64, "", model_bits);
}

void ops_scalar(op_sink *sink)
{
    sink_ints(sink, TYPE_I32);
    sink_ints(sink, TYPE_I64);
    sink_floats(sink, TYPE_F32);
    sink_floats(sink, TYPE_F64);
    sink_conversions(sink);
}
