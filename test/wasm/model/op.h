/*
 * An instruction under test: its name, its operands, its model and the edge values to try.
 *
 * A family (ops_*.c) fills a list of these; wast_op (wast.h) turns each into a module with one exported
 * function, assert_return lines whose results the model computed, and assert_invalid modules for wrong
 * operands.
 */
#pragma once
#include "value.h"

enum { OP_MAX_OPERANDS = 3 };

/* An operand: a scalar type, or a vector of which the shape says which edge values suit. */
struct operand {
    enum type type;
    enum shape shape;
};

struct op;
typedef struct value op_model(const struct op *op, const struct value *in);

struct op {
    char name[40];
    unsigned operand_count;
    struct operand operand[OP_MAX_OPERANDS];
    struct operand result;
    op_model *model;
    /* For the model: the lane function, and the source shape or other parameter. */
    const void *lane_fn;
    enum shape shape;
    bool is_signed;
    bool high;
    /* Only half of the lanes matter: try the edge values at both halves. */
    bool halves;
    /* Text after the name: lane immediates, `offset=` and the like. */
    char immediate[80];
    unsigned lane;
    uint8_t shuffle[16];
};

/* Receives each op of a family. */
typedef void op_sink(const struct op *op);

/* The families. Each calls sink once per instruction (or per immediate worth trying). */
void ops_scalar(op_sink *sink);       /* i32/i64/f32/f64 numeric instructions, 1.0 and 2.0 */
void ops_lane_int(op_sink *sink);     /* integer lane arithmetic, comparison, shifts, reductions */
void ops_lane_float(op_sink *sink);   /* f32x4 and f64x2 arithmetic and comparison */
void ops_lane_convert(op_sink *sink); /* narrow, extend, extmul, extadd, dot, q15mulr, float conversion */
void ops_lane_move(op_sink *sink);    /* splat, extract, replace, shuffle, swizzle, bitwise */
/* Loads and stores need a memory: they write their own file. */
struct wast;
void ops_memory(struct wast *out);
