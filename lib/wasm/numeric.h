/*
 * Numeric instructions that C's operators do not give as they are: integer helpers, and floating point to the
 * bit. No libm, and nothing that needs more than SSE2. Compile with -ffp-contract=off -fno-math-errno.
 *
 * NaN: an operation that makes one gives a quiet NaN; one that passes one on gives an operand's payload,
 * quieted. That is what the hardware does and the specification's "arithmetic NaN".
 */
#pragma once
#include <stdint.h>
#include <stdbool.h>

static inline float f32_of(uint32_t bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint32_t f32_bits(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline double f64_of(uint64_t bits)
{
    double value;
    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint64_t f64_bits(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    return bits;
}

#define F32_SIGN 0x80000000u
#define F64_SIGN 0x8000000000000000u

/* ---- integers --------------------------------------------------------------------------------------------
 */

static inline uint32_t u32_clz(uint32_t x)
{
    return x == 0 ? 32 : (uint32_t)__builtin_clz(x);
}

static inline uint32_t u32_ctz(uint32_t x)
{
    return x == 0 ? 32 : (uint32_t)__builtin_ctz(x);
}

static inline uint64_t u64_clz(uint64_t x)
{
    return x == 0 ? 64 : (uint64_t)__builtin_clzll(x);
}

static inline uint64_t u64_ctz(uint64_t x)
{
    return x == 0 ? 64 : (uint64_t)__builtin_ctzll(x);
}

/* Not the builtin: without -mpopcnt it calls into the compiler's runtime library. */
static inline uint64_t u64_popcnt(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (x * 0x0101010101010101u) >> 56;
}

static inline uint32_t u32_rotl(uint32_t x, uint32_t n)
{
    return x << (n & 31) | x >> (-n & 31);
}

static inline uint64_t u64_rotl(uint64_t x, uint64_t n)
{
    return x << (n & 63) | x >> (-n & 63);
}

/* Arithmetic shift; right shift of a negative number is implementation-defined in C, and this in gcc and
 * clang. */
static inline uint32_t u32_sar(uint32_t x, uint32_t n)
{
    return (uint32_t)((int32_t)x >> (n & 31));
}

static inline uint64_t u64_sar(uint64_t x, uint64_t n)
{
    return (uint64_t)((int64_t)x >> (n & 63));
}

/* ---- rounding --------------------------------------------------------------------------------------------
 */

#define F32_INTEGRAL 8388608.0f         /* 2^23: from here on every value is an integer */
#define F64_INTEGRAL 4503599627370496.0 /* 2^52 */

static inline float f32_copysign(float x, float sign)
{
    return f32_of((f32_bits(x) & ~F32_SIGN) | (f32_bits(sign) & F32_SIGN));
}

static inline double f64_copysign(double x, double sign)
{
    return f64_of((f64_bits(x) & ~F64_SIGN) | (f64_bits(sign) & F64_SIGN));
}

static inline float f32_abs(float x)
{
    return f32_of(f32_bits(x) & ~F32_SIGN);
}

static inline double f64_abs(double x)
{
    return f64_of(f64_bits(x) & ~F64_SIGN);
}

/* Integral, infinite or NaN already: only a NaN must still become quiet. */
#define ROUND_DEFINE(T, prefix, INTEGER, INTEGRAL)                          \
    static inline T prefix##_trunc(T x)                                     \
    {                                                                       \
        if (!(prefix##_abs(x) < INTEGRAL))                                  \
            return x != x ? x + x : x;                                      \
        return prefix##_copysign((T)(INTEGER)x, x);                         \
    }                                                                       \
    static inline T prefix##_floor(T x)                                     \
    {                                                                       \
        T whole = prefix##_trunc(x);                                        \
        return whole > x ? whole - 1 : whole;                               \
    }                                                                       \
    static inline T prefix##_ceil(T x)                                      \
    {                                                                       \
        T whole = prefix##_trunc(x);                                        \
        return whole < x ? prefix##_copysign(whole + 1, x) : whole;         \
    }                                                                       \
    /* Adding 2^23 or 2^52 rounds to nearest even, the default mode. */     \
    static inline T prefix##_nearest(T x)                                   \
    {                                                                       \
        if (!(prefix##_abs(x) < INTEGRAL))                                  \
            return x != x ? x + x : x;                                      \
        return prefix##_copysign(prefix##_abs(x) + INTEGRAL - INTEGRAL, x); \
    }                                                                       \
    static inline T prefix##_min(T a, T b)                                  \
    {                                                                       \
        if (a != a || b != b)                                               \
            return a + b;                                                   \
        if (a == b) /* -0 is below +0 */                                    \
            return prefix##_of(prefix##_bits(a) | prefix##_bits(b));        \
        return a < b ? a : b;                                               \
    }                                                                       \
    static inline T prefix##_max(T a, T b)                                  \
    {                                                                       \
        if (a != a || b != b)                                               \
            return a + b;                                                   \
        if (a == b)                                                         \
            return prefix##_of(prefix##_bits(a) & prefix##_bits(b));        \
        return a > b ? a : b;                                               \
    }

ROUND_DEFINE(float, f32, int32_t, F32_INTEGRAL)
ROUND_DEFINE(double, f64, int64_t, F64_INTEGRAL)

/* One instruction each with -fno-math-errno. */
static inline float f32_sqrt(float x)
{
    return __builtin_sqrtf(x);
}

static inline double f64_sqrt(double x)
{
    return __builtin_sqrt(x);
}

/* ---- to integers -----------------------------------------------------------------------------------------
 */

/* The float ranges whose truncation fits: low is the first that does not fit below (excluded, by > or by >=
 * the last that does), high the first that does not fit above. */
static inline bool f32_fits_i32(float x)
{
    return x >= -2147483648.0f && x < 2147483648.0f;
}

static inline bool f32_fits_u32(float x)
{
    return x > -1.0f && x < 4294967296.0f;
}

static inline bool f64_fits_i32(double x)
{
    return x > -2147483649.0 && x < 2147483648.0;
}

static inline bool f64_fits_u32(double x)
{
    return x > -1.0 && x < 4294967296.0;
}

static inline bool f32_fits_i64(float x)
{
    return x >= -9223372036854775808.0f && x < 9223372036854775808.0f;
}

static inline bool f32_fits_u64(float x)
{
    return x > -1.0f && x < 18446744073709551616.0f;
}

static inline bool f64_fits_i64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0;
}

static inline bool f64_fits_u64(double x)
{
    return x > -1.0 && x < 18446744073709551616.0;
}

#define SATURATE_DEFINE(T, prefix, INTEGER, kind, MIN, MAX) \
    static inline INTEGER prefix##_saturate_##kind(T x)     \
    {                                                       \
        if (prefix##_fits_##kind(x))                        \
            return (INTEGER)x;                              \
        return x != x ? 0 : x < 0 ? MIN : MAX;              \
    }

SATURATE_DEFINE(float, f32, int32_t, i32, INT32_MIN, INT32_MAX)
SATURATE_DEFINE(float, f32, uint32_t, u32, 0, UINT32_MAX)
SATURATE_DEFINE(double, f64, int32_t, i32, INT32_MIN, INT32_MAX)
SATURATE_DEFINE(double, f64, uint32_t, u32, 0, UINT32_MAX)
SATURATE_DEFINE(float, f32, int64_t, i64, INT64_MIN, INT64_MAX)
SATURATE_DEFINE(float, f32, uint64_t, u64, 0, UINT64_MAX)
SATURATE_DEFINE(double, f64, int64_t, i64, INT64_MIN, INT64_MAX)
SATURATE_DEFINE(double, f64, uint64_t, u64, 0, UINT64_MAX)
