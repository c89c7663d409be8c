/*
 * Writing .wast text: modules, assertions and values.
 */
#pragma once
#include "op.h"
#include <stdio.h>

struct wast {
    FILE *file;
    unsigned long assertions;
};

/* A constant instruction's operand text for v, such as `f32x4 0x1p+0 -inf nan:0x1 0x0p+0`. For an expected
 * result NaN rules are spelled `nan:canonical`. */
void wast_constant(struct wast *w, const struct value *v, bool expected);
/* `(assert_return (invoke "name" ARGS) RESULT)`, or assert_trap if the result is a trap. */
void wast_assert(struct wast *w, const char *name, const struct value *args, unsigned count,
                 const struct value *result);
/* The module of one op, then every combination of edge operands, then its invalid uses. */
void wast_op(struct wast *w, const struct op *op);
