/* Writing .wast text. wast.h says what; the forms are those of the WebAssembly test script format. */
#include "wast.h"
#include "edges.h"
#include <inttypes.h>
#include <string.h>

static void write_float(FILE *f, uint64_t bits, bool is_f32)
{
    unsigned fraction_bits = is_f32 ? 23 : 52;
    uint64_t exponent_mask = is_f32 ? 0xff : 0x7ff;
    uint64_t fraction = mask_bits(bits, fraction_bits);
    uint64_t exponent = bits >> fraction_bits & exponent_mask;
    bool negative = bits >> (is_f32 ? 31 : 63) & 1;
    if (negative)
        fputc('-', f);
    if (exponent == exponent_mask && fraction == 0) {
        fputs("inf", f);
    } else if (exponent == exponent_mask) {
        fprintf(f, "nan:0x%" PRIx64, fraction);
    } else {
        int bias = is_f32 ? 127 : 1023;
        uint64_t significand = exponent ? fraction | (uint64_t)1 << fraction_bits : fraction;
        int power = (exponent ? (int)exponent : 1) - bias - (int)fraction_bits;
        fprintf(f, "0x%" PRIx64 "p%+d", significand, power);
    }
}

static void write_number(FILE *f, uint64_t bits, enum shape shape, enum nan_rule rule)
{
    if (rule == NAN_CANONICAL)
        fputs("nan:canonical", f);
    else if (rule == NAN_ARITHMETIC)
        fputs("nan:arithmetic", f);
    else if (shape_is_float(shape))
        write_float(f, bits, shape == SHAPE_F32X4);
    else
        fprintf(f, "0x%" PRIx64, bits);
}

static enum shape scalar_shape(enum type type)
{
    static const enum shape of[] = {SHAPE_I32X4, SHAPE_I64X2, SHAPE_F32X4, SHAPE_F64X2};
    return of[type];
}

static void write_operands(FILE *f, const struct value *v, bool expected)
{
    enum shape shape = v->type == TYPE_V128 ? v->shape : scalar_shape(v->type);
    unsigned lanes = v->type == TYPE_V128 ? shape_lane_count(shape) : 1;
    if (v->type == TYPE_V128)
        fprintf(f, " %s", shape_name(shape));
    for (unsigned i = 0; i < lanes; i++) {
        enum nan_rule rule = expected && shape_is_float(shape) ? v->nan[i] : NAN_EXACT;
        fputc(' ', f);
        write_number(f, vec_lane(&v->bits, shape, i), shape, rule);
    }
}

void wast_constant(struct wast *w, const struct value *v, bool expected)
{
    fprintf(w->file, "(%s.const", type_name(v->type));
    write_operands(w->file, v, expected);
    fputc(')', w->file);
}

void wast_assert(struct wast *w, const char *name, const struct value *args, unsigned count,
                 const struct value *result)
{
    fprintf(w->file, "(%s (invoke \"%s\"", result->trap ? "assert_trap" : "assert_return", name);
    for (unsigned i = 0; i < count; i++) {
        fputc(' ', w->file);
        wast_constant(w, &args[i], false);
    }
    if (result->trap) {
        fprintf(w->file, ") \"%s\")\n", result->trap);
    } else {
        fputs(") ", w->file);
        wast_constant(w, result, true);
        fputs(")\n", w->file);
    }
    w->assertions++;
}

/* ---- one op
 * ------------------------------------------------------------------------------------------------ */

static void write_instruction(struct wast *w, const struct op *op)
{
    fprintf(w->file, "(%s%s%s", op->name, op->immediate[0] ? " " : "", op->immediate);
}

/* The op applied to its parameters, and to constants: an engine may treat the two differently. */
static void write_module(struct wast *w, const struct op *op, const struct value *constants)
{
    fprintf(w->file, "\n(module\n  (func (export \"op\")");
    for (unsigned i = 0; i < op->operand_count; i++)
        fprintf(w->file, " (param %s)", type_name(op->operand[i].type));
    fprintf(w->file, " (result %s)\n    ", type_name(op->result.type));
    write_instruction(w, op);
    for (unsigned i = 0; i < op->operand_count; i++)
        fprintf(w->file, " (local.get %u)", i);
    fprintf(w->file, "))\n  (func (export \"constant\") (result %s)\n    ", type_name(op->result.type));
    write_instruction(w, op);
    for (unsigned i = 0; i < op->operand_count; i++) {
        fputc(' ', w->file);
        wast_constant(w, &constants[i], false);
    }
    fputs(")))\n", w->file);
}

/* Each operand in turn replaced by one of another type, and one operand too few. */
static void write_invalid(struct wast *w, const struct op *op)
{
    for (unsigned wrong = 0; wrong <= op->operand_count; wrong++) {
        fprintf(w->file, "(assert_invalid (module (func (result %s) ", type_name(op->result.type));
        write_instruction(w, op);
        for (unsigned i = 0; i < op->operand_count; i++) {
            if (wrong == op->operand_count && i == 0)
                continue;
            struct value zero = {.type = op->operand[i].type, .shape = SHAPE_I64X2};
            if (i == wrong)
                zero.type = zero.type == TYPE_I32 ? TYPE_F64 : TYPE_I32;
            fputc(' ', w->file);
            wast_constant(w, &zero, false);
        }
        fputs("))) \"type mismatch\")\n", w->file);
        w->assertions++;
    }
}

/* Counts through the edge values of some operands, the first fastest. */
struct odometer {
    const uint64_t *edges[OP_MAX_OPERANDS];
    unsigned count[OP_MAX_OPERANDS];
    unsigned operand[OP_MAX_OPERANDS];
    unsigned wheels;
};

static void odometer_init(struct odometer *o, const struct op *op, bool vectors)
{
    o->wheels = 0;
    for (unsigned i = 0; i < op->operand_count; i++) {
        bool is_vector = op->operand[i].type == TYPE_V128;
        if (is_vector != vectors)
            continue;
        unsigned k = o->wheels++;
        o->operand[k] = i;
        o->edges[k] = is_vector ? edges_of_shape(op->operand[i].shape, &o->count[k])
                                : edges_of_type(op->operand[i].type, &o->count[k]);
    }
}

static unsigned odometer_total(const struct odometer *o)
{
    unsigned total = 1;
    for (unsigned k = 0; k < o->wheels; k++)
        total *= o->count[k];
    return total;
}

static uint64_t odometer_at(const struct odometer *o, unsigned wheel, unsigned index)
{
    for (unsigned k = 0; k < wheel; k++)
        index /= o->count[k];
    return o->edges[wheel][index % o->count[wheel]];
}

static void set_scalars(const struct odometer *o, unsigned index, const struct op *op, struct value *in)
{
    for (unsigned k = 0; k < o->wheels; k++)
        in[o->operand[k]] = value_scalar(op->operand[o->operand[k]].type, odometer_at(o, k, index));
}

/* Lane i takes the combination first + i; all vector operands have as many lanes. */
static void set_vectors(const struct odometer *o, unsigned first, const struct op *op, struct value *in)
{
    unsigned total = odometer_total(o);
    for (unsigned k = 0; k < o->wheels; k++) {
        enum shape shape = op->operand[o->operand[k]].shape;
        struct vec v;
        for (unsigned i = 0; i < shape_lane_count(shape); i++)
            vec_set_lane(&v, shape, i, odometer_at(o, k, (first + i) % total));
        in[o->operand[k]] = value_vec(shape, v);
    }
}

static void write_assertions(struct wast *w, const struct op *op, const struct odometer *scalars,
                             const struct odometer *vectors)
{
    struct value in[OP_MAX_OPERANDS];
    unsigned lanes = vectors->wheels ? shape_lane_count(op->operand[vectors->operand[0]].shape) : 1;
    unsigned step = op->halves ? (lanes + 1) / 2 : lanes;
    for (unsigned s = 0; s < odometer_total(scalars); s++) {
        set_scalars(scalars, s, op, in);
        for (unsigned first = 0; first < odometer_total(vectors); first += step) {
            set_vectors(vectors, first, op, in);
            struct value result = op->model(op, in);
            wast_assert(w, "op", in, op->operand_count, &result);
        }
    }
}

/* Vectors whose lanes are all alike, all but one zero, all but one not zero: for the reductions to one bit.
 */
static void write_patterns(struct wast *w, const struct op *op)
{
    enum shape shape = op->operand[0].shape;
    unsigned count, lanes = shape_lane_count(shape);
    const uint64_t *edges = edges_of_shape(shape, &count);
    for (unsigned i = 0; i < count + 2 * lanes; i++) {
        struct vec v = vec_splat(shape, i < count ? edges[i] : i < count + lanes ? 0 : UINT64_MAX);
        if (i >= count)
            vec_set_lane(&v, shape, i % lanes, i < count + lanes ? 1 : 0);
        struct value in = value_vec(shape, v), result = op->model(op, &in);
        wast_assert(w, "op", &in, 1, &result);
    }
}

void wast_op(struct wast *w, const struct op *op)
{
    struct odometer scalars, vectors;
    struct value in[OP_MAX_OPERANDS];
    odometer_init(&scalars, op, false);
    odometer_init(&vectors, op, true);
    set_scalars(&scalars, odometer_total(&scalars) / 2, op, in);
    set_vectors(&vectors, odometer_total(&vectors) / 2, op, in);
    write_module(w, op, in);
    struct value result = op->model(op, in);
    wast_assert(w, "constant", NULL, 0, &result);
    write_assertions(w, op, &scalars, &vectors);
    if (op->operand_count == 1 && op->operand[0].type == TYPE_V128)
        write_patterns(w, op);
    write_invalid(w, op);
}
