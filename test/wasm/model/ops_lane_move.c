/* Instructions that move bits about: splat, extract and replace lane, shuffle, swizzle, bitwise logic, const.
 */
#include "op.h"
#include <stdio.h>
#include <string.h>

static struct op move_op(const char *name, op_model *model, unsigned operands, enum shape shape)
{
    struct op op = {.operand_count = operands,
                    .operand = {{TYPE_V128, shape}, {TYPE_V128, shape}, {TYPE_V128, shape}},
                    .result = {TYPE_V128, shape},
                    .model = model,
                    .shape = shape};
    snprintf(op.name, sizeof(op.name), "%s", name);
    return op;
}

/* ---- bitwise
 * ----------------------------------------------------------------------------------------------- */

enum bitwise { AND, ANDNOT, OR, XOR, NOT, BITSELECT };

static uint8_t bitwise_byte(enum bitwise kind, uint8_t a, uint8_t b, uint8_t c)
{
    switch (kind) {
    case AND:
        return a & b;
    case ANDNOT:
        return (uint8_t)(a & ~b);
    case OR:
        return a | b;
    case XOR:
        return a ^ b;
    case NOT:
        return (uint8_t)~a;
    default:
        return (uint8_t)((a & c) | (b & ~c));
    }
}

static struct value model_bitwise(const struct op *op, const struct value *in)
{
    const enum bitwise *kind = op->lane_fn;
    struct vec out;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t b = op->operand_count > 1 ? in[1].bits.byte[i] : 0,
                c = op->operand_count > 2 ? in[2].bits.byte[i] : 0;
        out.byte[i] = bitwise_byte(*kind, in[0].bits.byte[i], b, c);
    }
    return value_vec(SHAPE_I8X16, out);
}

static struct value model_any_true(const struct op *op, const struct value *in)
{
    static const struct vec zero;
    (void)op;
    return value_i32(memcmp(&in[0].bits, &zero, sizeof(zero)) != 0);
}

static void sink_bitwise(op_sink *sink)
{
    static const struct {
        const char *name;
        unsigned operands;
        enum bitwise kind;
    } table[] = {{"v128.and", 2, AND}, {"v128.andnot", 2, ANDNOT}, {"v128.or", 2, OR},
                 {"v128.xor", 2, XOR}, {"v128.not", 1, NOT},       {"v128.bitselect", 3, BITSELECT}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct op op = move_op(table[i].name, model_bitwise, table[i].operands, SHAPE_I8X16);
        op.lane_fn = &table[i].kind;
        sink(&op);
    }
    struct op any = move_op("v128.any_true", model_any_true, 1, SHAPE_I64X2);
    any.result.type = TYPE_I32;
    sink(&any);
}

/* ---- one lane
 * ---------------------------------------------------------------------------------------------- */

static struct value model_splat(const struct op *op, const struct value *in)
{
    return value_vec(op->shape, vec_splat(op->shape, value_bits(&in[0])));
}

static struct value model_extract(const struct op *op, const struct value *in)
{
    uint64_t bits = vec_lane(&in[0].bits, op->shape, op->lane);
    if (op->is_signed)
        bits = mask_bits((uint64_t)sign_extend(bits, shape_lane_bits(op->shape)), 32);
    return value_scalar(shape_lane_type(op->shape), bits);
}

static struct value model_replace(const struct op *op, const struct value *in)
{
    struct vec out = in[0].bits;
    vec_set_lane(&out, op->shape, op->lane, value_bits(&in[1]));
    return value_vec(op->shape, out);
}

static void sink_extract(op_sink *sink, enum shape shape, unsigned lane)
{
    bool has_sign = shape_lane_bits(shape) < 32;
    for (unsigned is_signed = 0; is_signed <= (has_sign ? 1u : 0u); is_signed++) {
        struct op op = move_op("", model_extract, 1, shape);
        const char *suffix = !has_sign ? "" : is_signed ? "_s" : "_u";
        snprintf(op.name, sizeof(op.name), "%s.extract_lane%s", shape_name(shape), suffix);
        snprintf(op.immediate, sizeof(op.immediate), "%u", lane);
        op.lane = lane;
        op.is_signed = is_signed;
        op.result.type = shape_lane_type(shape);
        sink(&op);
    }
}

static void sink_replace(op_sink *sink, enum shape shape, unsigned lane)
{
    struct op op = move_op("", model_replace, 2, shape);
    snprintf(op.name, sizeof(op.name), "%s.replace_lane", shape_name(shape));
    snprintf(op.immediate, sizeof(op.immediate), "%u", lane);
    op.lane = lane;
    op.operand[1].type = shape_lane_type(shape);
    /* One vector is enough to see that the other lanes stay. */
    op.operand[0].shape = SHAPE_I64X2;
    sink(&op);
}

static void sink_lanes(op_sink *sink)
{
    for (enum shape shape = SHAPE_I8X16; shape < SHAPE_COUNT; shape++) {
        struct op splat = move_op("", model_splat, 1, shape);
        snprintf(splat.name, sizeof(splat.name), "%s.splat", shape_name(shape));
        splat.operand[0].type = shape_lane_type(shape);
        sink(&splat);
        for (unsigned lane = 0; lane < shape_lane_count(shape); lane++) {
            sink_extract(sink, shape, lane);
            sink_replace(sink, shape, lane);
        }
    }
}

/* ---- many lanes
 * -------------------------------------------------------------------------------------------- */

static struct value model_swizzle(const struct op *op, const struct value *in)
{
    struct vec out;
    (void)op;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t from = in[1].bits.byte[i];
        out.byte[i] = from < 16 ? in[0].bits.byte[from] : 0;
    }
    return value_vec(SHAPE_I8X16, out);
}

static struct value model_shuffle(const struct op *op, const struct value *in)
{
    struct vec out;
    for (unsigned i = 0; i < 16; i++)
        out.byte[i] = in[op->shuffle[i] / 16].bits.byte[op->shuffle[i] % 16];
    return value_vec(SHAPE_I8X16, out);
}

static void sink_shuffle(op_sink *sink, const uint8_t *lanes)
{
    struct op op = move_op("i8x16.shuffle", model_shuffle, 2, SHAPE_I8X16);
    size_t used = 0;
    memcpy(op.shuffle, lanes, sizeof(op.shuffle));
    for (unsigned i = 0; i < 16; i++)
        used +=
            (size_t)snprintf(op.immediate + used, sizeof(op.immediate) - used, i ? " %u" : "%u", lanes[i]);
    sink(&op);
}

/* Identity of either operand, reversal, interleaving, one lane repeated, and a permutation of no pattern. */
static void sink_shuffles(op_sink *sink)
{
    uint8_t lanes[16];
    for (unsigned kind = 0; kind < 7; kind++) {
        for (unsigned i = 0; i < 16; i++) {
            unsigned choices[] = {i, i + 16, 31 - i, i / 2 + 16 * (i & 1), 0, 31, (i * 11 + 5) % 32};
            lanes[i] = (uint8_t)choices[kind];
        }
        sink_shuffle(sink, lanes);
    }
}

void ops_lane_move(op_sink *sink)
{
    sink_bitwise(sink);
    sink_lanes(sink);
    struct op swizzle = move_op("i8x16.swizzle", model_swizzle, 2, SHAPE_I8X16);
    sink(&swizzle);
    sink_shuffles(sink);
}
