/* f32x4 and f64x2 arithmetic and comparison, a lane at a time. */
#include "op.h"
#include "float_lane.h"
#include <stdio.h>

static void set_float_lane(struct value *out, unsigned lane, struct float_result r)
{
    vec_set_lane(&out->bits, out->shape, lane, r.bits);
    out->nan[lane] = r.nan;
}

static struct value model_unary(const struct op *op, const struct value *in)
{
    const struct float_named_unary *fn = op->lane_fn;
    struct value out = {.type = TYPE_V128, .shape = op->shape};
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++)
        set_float_lane(&out, i, fn->fn(vec_lane(&in[0].bits, op->shape, i), shape_lane_bits(op->shape)));
    return out;
}

static struct value model_binary(const struct op *op, const struct value *in)
{
    const struct float_named_binary *fn = op->lane_fn;
    struct value out = {.type = TYPE_V128, .shape = op->shape};
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++) {
        uint64_t a = vec_lane(&in[0].bits, op->shape, i), b = vec_lane(&in[1].bits, op->shape, i);
        set_float_lane(&out, i, fn->fn(a, b, shape_lane_bits(op->shape)));
    }
    return out;
}

/* A comparison's lanes are integers: all ones or zero. */
static struct value model_compare(const struct op *op, const struct value *in)
{
    const struct float_named_compare *fn = op->lane_fn;
    enum shape mask_shape = op->shape == SHAPE_F32X4 ? SHAPE_I32X4 : SHAPE_I64X2;
    struct value out = {.type = TYPE_V128, .shape = mask_shape};
    for (unsigned i = 0; i < shape_lane_count(op->shape); i++) {
        uint64_t a = vec_lane(&in[0].bits, op->shape, i), b = vec_lane(&in[1].bits, op->shape, i);
        vec_set_lane(&out.bits, mask_shape, i, fn->fn(a, b, shape_lane_bits(op->shape)) ? UINT64_MAX : 0);
    }
    return out;
}

static void sink_op(op_sink *sink, enum shape shape, const char *name, unsigned operands, op_model *model,
                    const void *fn)
{
    struct op op = {.operand_count = operands,
                    .operand = {{TYPE_V128, shape}, {TYPE_V128, shape}},
                    .result = {TYPE_V128, shape},
                    .model = model,
                    .lane_fn = fn,
                    .shape = shape};
    snprintf(op.name, sizeof(op.name), "%s.%s", shape_name(shape), name);
    sink(&op);
}

void ops_lane_float(op_sink *sink)
{
    for (enum shape shape = SHAPE_F32X4; shape <= SHAPE_F64X2; shape++) {
        for (const struct float_named_unary *u = float_unaries; u->name; u++)
            sink_op(sink, shape, u->name, 1, model_unary, u);
        for (const struct float_named_binary *b = float_binaries; b->name; b++)
            if (b->on_lanes)
                sink_op(sink, shape, b->name, 2, model_binary, b);
        for (const struct float_named_compare *c = float_compares; c->name; c++)
            sink_op(sink, shape, c->name, 2, model_compare, c);
    }
}
