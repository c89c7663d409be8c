/*
 * Arithmetic that says when it does not fit. Each returns true and sets *out if the result fits, else returns
 * false and leaves *out alone: `if (!checked_add_u64(address, size, &end)) return CAPOS_ERR_TOO_LARGE;`
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKED_ARITHMETIC(name, type, builtin)                                            \
    static inline bool __attribute__((warn_unused_result)) name(type a, type b, type *out) \
    {                                                                                      \
        type result;                                                                       \
        if (builtin(a, b, &result))                                                        \
            return false;                                                                  \
        *out = result;                                                                     \
        return true;                                                                       \
    }

CHECKED_ARITHMETIC(checked_add_u32, uint32_t, __builtin_add_overflow)
CHECKED_ARITHMETIC(checked_sub_u32, uint32_t, __builtin_sub_overflow)
CHECKED_ARITHMETIC(checked_mul_u32, uint32_t, __builtin_mul_overflow)
CHECKED_ARITHMETIC(checked_add_u64, uint64_t, __builtin_add_overflow)
CHECKED_ARITHMETIC(checked_sub_u64, uint64_t, __builtin_sub_overflow)
CHECKED_ARITHMETIC(checked_mul_u64, uint64_t, __builtin_mul_overflow)
CHECKED_ARITHMETIC(checked_add_size, size_t, __builtin_add_overflow)
CHECKED_ARITHMETIC(checked_mul_size, size_t, __builtin_mul_overflow)
#undef CHECKED_ARITHMETIC

/* Rounds up to a multiple of a power of two; false if that is 2^64 or more. */
static inline bool __attribute__((warn_unused_result))
checked_align_up_u64(uint64_t value, uint64_t power_of_two, uint64_t *out)
{
    uint64_t sum;
    if (!checked_add_u64(value, power_of_two - 1, &sum))
        return false;
    *out = sum & ~(power_of_two - 1);
    return true;
}
