/*
 * Types every kernel file uses. Freestanding; no code but trivial inlines.
 */
#pragma once
#include <capos/errors.h>
#include <capos/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 or a negative enum capos_error. Results travel through trailing out parameters, untouched on failure. */
typedef int32_t status_t;
#define CHECKED __attribute__((warn_unused_result))

/* A function that its callers in other files have inline: link-time optimisation does that. gcc, which only
 * has an opinion on this code, has none of it in one file. */
#ifdef __clang__
#define INLINE_ACROSS_FILES __attribute__((always_inline))
#else
#define INLINE_ACROSS_FILES
#endif

/* A physical address. A struct so that it is never used as a pointer or a virtual address by mistake. */
typedef struct {
    uint64_t raw;
} paddr_t;

/* An address in some process' half of the address space: a number until kernel/core/umem.c has looked at it.
 */
typedef uint64_t uaddr_t;

#define PAGE_SIZE       ((uint64_t)CAPOS_PAGE_SIZE)
#define PAGE_MASK       (PAGE_SIZE - 1)
#define LARGE_PAGE_SIZE ((uint64_t)CAPOS_LARGE_PAGE_SIZE)

#define array_count(array)                  (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline uint64_t align_down(uint64_t value, uint64_t power_of_two)
{
    return value & ~(power_of_two - 1);
}

/* Wraps to a small value near 2^64: check the range first when the value is hostile. */
static inline uint64_t align_up(uint64_t value, uint64_t power_of_two)
{
    return (value + power_of_two - 1) & ~(power_of_two - 1);
}
