/* IEEE 754 arithmetic on bit patterns. float_lane.h says how. */
#include "float_lane.h"
#include <math.h>
#include <string.h>

static uint64_t sign_bit(unsigned width)
{
    return (uint64_t)1 << (width - 1);
}

static uint64_t canonical_nan(unsigned width)
{
    return width == 32 ? 0x7fc00000u : 0x7ff8000000000000u;
}

bool float_is_nan(uint64_t bits, unsigned width)
{
    uint64_t infinity = width == 32 ? 0x7f800000u : 0x7ff0000000000000u;
    return (bits & ~sign_bit(width)) > infinity;
}

double float_value(uint64_t bits, unsigned width)
{
    double d;
    float f;
    uint32_t low = (uint32_t)bits;
    memcpy(&d, &bits, sizeof(d));
    memcpy(&f, &low, sizeof(f));
    return width == 32 ? (double)f : d;
}

uint64_t float_bits(double x, unsigned width)
{
    uint64_t bits64;
    uint32_t bits32;
    float f = (float)x;
    memcpy(&bits64, &x, sizeof(bits64));
    memcpy(&bits32, &f, sizeof(bits32));
    if (isnan(x))
        return canonical_nan(width);
    return width == 32 ? bits32 : bits64;
}

struct float_result float_nan_result(const uint64_t *operands, unsigned count, unsigned operand_width,
                                     unsigned width)
{
    struct float_result r = {canonical_nan(width), NAN_CANONICAL};
    for (unsigned i = 0; i < count; i++)
        if (float_is_nan(operands[i], operand_width) &&
            (operands[i] & ~sign_bit(operand_width)) != canonical_nan(operand_width))
            r.nan = NAN_ARITHMETIC;
    return r;
}

static struct float_result exact(uint64_t bits)
{
    return (struct float_result){bits, NAN_EXACT};
}

static struct float_result unary_result(double x, uint64_t a, unsigned width)
{
    return isnan(x) ? float_nan_result(&a, 1, width, width) : exact(float_bits(x, width));
}

static struct float_result binary_result(double x, uint64_t a, uint64_t b, unsigned width)
{
    uint64_t operands[] = {a, b};
    return isnan(x) ? float_nan_result(operands, 2, width, width) : exact(float_bits(x, width));
}

/* ---- unary
 * ------------------------------------------------------------------------------------------------- */

static struct float_result op_abs(uint64_t a, unsigned width)
{
    return exact(a & ~sign_bit(width));
}

static struct float_result op_neg(uint64_t a, unsigned width)
{
    return exact(a ^ sign_bit(width));
}

static struct float_result op_sqrt(uint64_t a, unsigned width)
{
    return unary_result(sqrt(float_value(a, width)), a, width);
}

static struct float_result op_ceil(uint64_t a, unsigned width)
{
    return unary_result(ceil(float_value(a, width)), a, width);
}

static struct float_result op_floor(uint64_t a, unsigned width)
{
    return unary_result(floor(float_value(a, width)), a, width);
}

static struct float_result op_trunc(uint64_t a, unsigned width)
{
    return unary_result(trunc(float_value(a, width)), a, width);
}

/* Ties to even, whatever the rounding mode: the floor, or one more, with the operand's sign on a zero. */
static struct float_result op_nearest(uint64_t a, unsigned width)
{
    double x = float_value(a, width), low = floor(x), rest = x - low;
    bool low_is_odd = fmod(low, 2) != 0;
    double rounded = rest > 0.5 || (rest == 0.5 && low_is_odd) ? low + 1 : low;
    return unary_result(isinf(x) ? x : copysign(rounded, x), a, width);
}

/* ---- binary
 * ------------------------------------------------------------------------------------------------ */

#define ARITHMETIC(name, operator)                                                               \
    static struct float_result op_##name(uint64_t a, uint64_t b, unsigned width)                 \
    {                                                                                            \
        return binary_result(float_value(a, width) operator float_value(b, width), a, b, width); \
    }
ARITHMETIC(add, +)
ARITHMETIC(sub, -)
ARITHMETIC(mul, *)
ARITHMETIC(div, /)

/* NaN wins; -0 is less than +0. */
static struct float_result op_min(uint64_t a, uint64_t b, unsigned width)
{
    double x = float_value(a, width), y = float_value(b, width);
    if (isnan(x) || isnan(y))
        return binary_result((double)NAN, a, b, width);
    return x < y || (x == y && signbit(x)) ? exact(a) : exact(b);
}

static struct float_result op_max(uint64_t a, uint64_t b, unsigned width)
{
    double x = float_value(a, width), y = float_value(b, width);
    if (isnan(x) || isnan(y))
        return binary_result((double)NAN, a, b, width);
    return x > y || (x == y && !signbit(x)) ? exact(a) : exact(b);
}

/* The pseudo-minimum chooses an operand and never changes its bits. */
static struct float_result op_pmin(uint64_t a, uint64_t b, unsigned width)
{
    return exact(float_value(b, width) < float_value(a, width) ? b : a);
}

static struct float_result op_pmax(uint64_t a, uint64_t b, unsigned width)
{
    return exact(float_value(a, width) < float_value(b, width) ? b : a);
}

static struct float_result op_copysign(uint64_t a, uint64_t b, unsigned width)
{
    return exact((a & ~sign_bit(width)) | (b & sign_bit(width)));
}

#define COMPARISON(name, operator)                                   \
    static bool op_##name(uint64_t a, uint64_t b, unsigned width)    \
    {                                                                \
        return float_value(a, width) operator float_value(b, width); \
    }
COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(gt, >)
COMPARISON(le, <=)
COMPARISON(ge, >=)

const struct float_named_unary float_unaries[] = {
    {"abs", op_abs},     {"neg", op_neg},     {"sqrt", op_sqrt},       {"ceil", op_ceil},
    {"floor", op_floor}, {"trunc", op_trunc}, {"nearest", op_nearest}, {NULL, NULL},
};

const struct float_named_binary float_binaries[] = {
    {"add", op_add, true, true},    {"sub", op_sub, true, true},    {"mul", op_mul, true, true},
    {"div", op_div, true, true},    {"min", op_min, true, true},    {"max", op_max, true, true},
    {"pmin", op_pmin, false, true}, {"pmax", op_pmax, false, true}, {"copysign", op_copysign, true, false},
    {NULL, NULL, false, false},
};

const struct float_named_compare float_compares[] = {
    {"eq", op_eq}, {"ne", op_ne}, {"lt", op_lt}, {"gt", op_gt}, {"le", op_le}, {"ge", op_ge}, {NULL, NULL},
};

uint64_t float_to_int_sat(double x, unsigned bits, bool is_signed)
{
    double limit = ldexp(1, (int)bits - (is_signed ? 1 : 0));
    if (isnan(x))
        return 0;
    if (x >= limit)
        return is_signed ? sign_bit(bits) - 1 : mask_bits(UINT64_MAX, bits);
    if (x < 0 && !is_signed)
        return 0;
    if (x <= -limit)
        return sign_bit(bits);
    return mask_bits(is_signed ? (uint64_t)(int64_t)x : (uint64_t)x, bits);
}
