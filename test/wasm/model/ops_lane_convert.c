/*
 * Instructions that change lane width or kind: narrow, extend, extmul, extadd_pairwise, dot, q15mulr, and the
 * conversions between integer and float lanes.
 */
#include "op.h"
#include "float_lane.h"
#include <stdio.h>
#include <string.h>

static struct op convert_op(const char *name, enum shape from, unsigned operands, enum shape to,
                            op_model *model)
{
    struct op op = {.operand_count = operands,
                    .operand = {{TYPE_V128, from}, {TYPE_V128, from}},
                    .result = {TYPE_V128, to},
                    .model = model,
                    .shape = from};
    snprintf(op.name, sizeof(op.name), "%s.%s", shape_name(to), name);
    return op;
}

/* A lane of an operand as a number, by the instruction's signedness. */
static int64_t lane_number(const struct op *op, const struct value *v, unsigned lane)
{
    uint64_t bits = vec_lane(&v->bits, op->shape, lane);
    return op->is_signed ? sign_extend(bits, shape_lane_bits(op->shape)) : (int64_t)bits;
}

static enum shape wider(enum shape shape)
{
    return (enum shape)(shape + 1);
}

/* ---- integer
 * ----------------------------------------------------------------------------------------------- */

/* The source lanes are signed whether the result saturates to signed or to unsigned. */
static uint64_t narrow_lane(uint64_t bits, unsigned from_bits, bool to_signed)
{
    int64_t x = sign_extend(bits, from_bits);
    int64_t high = ((int64_t)1 << (from_bits / 2 - (to_signed ? 1 : 0))) - 1;
    int64_t low = to_signed ? -high - 1 : 0;
    return (uint64_t)(x < low ? low : x > high ? high : x);
}

static struct value model_narrow(const struct op *op, const struct value *in)
{
    enum shape to = op->result.shape;
    unsigned lanes = shape_lane_count(op->shape), from_bits = shape_lane_bits(op->shape);
    struct vec out;
    for (unsigned i = 0; i < 2 * lanes; i++) {
        uint64_t bits = vec_lane(&in[i / lanes].bits, op->shape, i % lanes);
        vec_set_lane(&out, to, i, narrow_lane(bits, from_bits, op->is_signed));
    }
    return value_vec(to, out);
}

static struct value model_extend(const struct op *op, const struct value *in)
{
    enum shape to = wider(op->shape);
    unsigned lanes = shape_lane_count(to);
    struct vec out;
    for (unsigned i = 0; i < lanes; i++)
        vec_set_lane(&out, to, i, (uint64_t)lane_number(op, &in[0], i + (op->high ? lanes : 0)));
    return value_vec(to, out);
}

static struct value model_extmul(const struct op *op, const struct value *in)
{
    enum shape to = wider(op->shape);
    unsigned lanes = shape_lane_count(to);
    struct vec out;
    for (unsigned i = 0; i < lanes; i++) {
        unsigned from = i + (op->high ? lanes : 0);
        uint64_t a = (uint64_t)lane_number(op, &in[0], from), b = (uint64_t)lane_number(op, &in[1], from);
        vec_set_lane(&out, to, i, a * b);
    }
    return value_vec(to, out);
}

static struct value model_extadd(const struct op *op, const struct value *in)
{
    enum shape to = wider(op->shape);
    struct vec out;
    for (unsigned i = 0; i < shape_lane_count(to); i++)
        vec_set_lane(&out, to, i,
                     (uint64_t)(lane_number(op, &in[0], 2 * i) + lane_number(op, &in[0], 2 * i + 1)));
    return value_vec(to, out);
}

/* The sum of two products wraps: -32768 squared twice is 2^31. */
static struct value model_dot(const struct op *op, const struct value *in)
{
    struct vec out;
    for (unsigned i = 0; i < 4; i++) {
        int64_t sum = lane_number(op, &in[0], 2 * i) * lane_number(op, &in[1], 2 * i) +
                      lane_number(op, &in[0], 2 * i + 1) * lane_number(op, &in[1], 2 * i + 1);
        vec_set_lane(&out, SHAPE_I32X4, i, (uint64_t)sum);
    }
    return value_vec(SHAPE_I32X4, out);
}

static struct value model_q15mulr(const struct op *op, const struct value *in)
{
    struct vec out;
    for (unsigned i = 0; i < 8; i++) {
        int64_t rounded = lane_number(op, &in[0], i) * lane_number(op, &in[1], i) + 0x4000;
        int64_t x = (rounded - (rounded & 0x7fff)) / 0x8000;
        vec_set_lane(&out, SHAPE_I16X8, i, (uint64_t)(x > 0x7fff ? 0x7fff : x));
    }
    return value_vec(SHAPE_I16X8, out);
}

/* Both signs of an instruction whose name ends in _s or _u. */
static void sink_signs(op_sink *sink, const char *stem, enum shape from, unsigned operands, enum shape to,
                       op_model *model, bool high, bool halves)
{
    for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
        char name[40];
        snprintf(name, sizeof(name), "%s_%s_%c", stem, shape_name(from), is_signed ? 's' : 'u');
        struct op op = convert_op(name, from, operands, to, model);
        op.is_signed = is_signed;
        op.high = high;
        op.halves = halves;
        sink(&op);
    }
}

static void sink_integer(op_sink *sink)
{
    sink_signs(sink, "narrow", SHAPE_I16X8, 2, SHAPE_I8X16, model_narrow, false, false);
    sink_signs(sink, "narrow", SHAPE_I32X4, 2, SHAPE_I16X8, model_narrow, false, false);
    sink_signs(sink, "extadd_pairwise", SHAPE_I8X16, 1, SHAPE_I16X8, model_extadd, false, false);
    sink_signs(sink, "extadd_pairwise", SHAPE_I16X8, 1, SHAPE_I32X4, model_extadd, false, false);
    for (enum shape from = SHAPE_I8X16; from <= SHAPE_I32X4; from++) {
        sink_signs(sink, "extend_low", from, 1, wider(from), model_extend, false, true);
        sink_signs(sink, "extend_high", from, 1, wider(from), model_extend, true, true);
        sink_signs(sink, "extmul_low", from, 2, wider(from), model_extmul, false, true);
        sink_signs(sink, "extmul_high", from, 2, wider(from), model_extmul, true, true);
    }
    struct op dot = convert_op("dot_i16x8_s", SHAPE_I16X8, 2, SHAPE_I32X4, model_dot);
    dot.is_signed = true;
    sink(&dot);
    struct op q15 = convert_op("q15mulr_sat_s", SHAPE_I16X8, 2, SHAPE_I16X8, model_q15mulr);
    q15.is_signed = true;
    sink(&q15);
}

/* ---- float
 * ------------------------------------------------------------------------------------------------- */

/* Lanes beyond the source's are zero: trunc_sat of two doubles, demotion. */
static struct value model_trunc_sat(const struct op *op, const struct value *in)
{
    struct vec out = {{0}};
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++) {
        double x = float_value(vec_lane(&in[0].bits, op->shape, i), shape_lane_bits(op->shape));
        vec_set_lane(&out, SHAPE_I32X4, i, float_to_int_sat(x, 32, op->is_signed));
    }
    return value_vec(SHAPE_I32X4, out);
}

static struct value model_convert(const struct op *op, const struct value *in)
{
    enum shape to = op->result.shape;
    struct value out = {.type = TYPE_V128, .shape = to};
    for (unsigned i = 0; i < shape_lane_count(to); i++) {
        double x = (double)lane_number(op, &in[0], i);
        vec_set_lane(&out.bits, to, i, float_bits(x, shape_lane_bits(to)));
    }
    return out;
}

/* Between f32x4 and f64x2: two lanes. */
static struct value model_resize_float(const struct op *op, const struct value *in)
{
    enum shape to = op->result.shape;
    unsigned from_bits = shape_lane_bits(op->shape), to_bits = shape_lane_bits(to);
    struct value out = {.type = TYPE_V128, .shape = to};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t bits = vec_lane(&in[0].bits, op->shape, i);
        struct float_result r = {float_bits(float_value(bits, from_bits), to_bits), NAN_EXACT};
        if (float_is_nan(bits, from_bits))
            r = float_nan_result(&bits, 1, from_bits, to_bits);
        vec_set_lane(&out.bits, to, i, r.bits);
        out.nan[i] = r.nan;
    }
    return out;
}

static void sink_float(op_sink *sink)
{
    for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
        struct op ops[] = {
            convert_op(is_signed ? "trunc_sat_f32x4_s" : "trunc_sat_f32x4_u", SHAPE_F32X4, 1, SHAPE_I32X4,
                       model_trunc_sat),
            convert_op(is_signed ? "trunc_sat_f64x2_s_zero" : "trunc_sat_f64x2_u_zero", SHAPE_F64X2, 1,
                       SHAPE_I32X4, model_trunc_sat),
            convert_op(is_signed ? "convert_i32x4_s" : "convert_i32x4_u", SHAPE_I32X4, 1, SHAPE_F32X4,
                       model_convert),
            convert_op(is_signed ? "convert_low_i32x4_s" : "convert_low_i32x4_u", SHAPE_I32X4, 1, SHAPE_F64X2,
                       model_convert),
        };
        for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
            ops[i].is_signed = is_signed;
            ops[i].halves = true;
            sink(&ops[i]);
        }
    }
    struct op demote = convert_op("demote_f64x2_zero", SHAPE_F64X2, 1, SHAPE_F32X4, model_resize_float);
    sink(&demote);
    struct op promote = convert_op("promote_low_f32x4", SHAPE_F32X4, 1, SHAPE_F64X2, model_resize_float);
    promote.halves = true;
    sink(&promote);
}

void ops_lane_convert(op_sink *sink)
{
    sink_integer(sink);
    sink_float(sink);
}
