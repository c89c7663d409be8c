/*
 * Memory and string functions; see string.h. In a hosted build this file is empty unless the test, which
 * renames the functions, asks for it. The compiler may turn a C loop into a call of the very function that it
 * is in, hence the pragma for GCC and, for clang, -ffreestanding.
 */
#include <base/string.h>
#include <stdbool.h>
#include <stdint.h>

#if !__STDC_HOSTED__ || defined(BASE_STRING_TEST)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* Unaligned access to memory of any type, which the compiler turns into one move. */
typedef uint64_t __attribute__((may_alias, aligned(1))) any_u64;
typedef uint32_t __attribute__((may_alias, aligned(1))) any_u32;
typedef uint16_t __attribute__((may_alias, aligned(1))) any_u16;

/* Below 32 bytes: all loads come before all stores, so it serves memmove too. */
static inline void move_small(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size >= 16) {
        uint64_t a = *(const any_u64 *)from, b = *(const any_u64 *)(from + 8);
        uint64_t c = *(const any_u64 *)(from + size - 16), d = *(const any_u64 *)(from + size - 8);
        *(any_u64 *)to = a;
        *(any_u64 *)(to + 8) = b;
        *(any_u64 *)(to + size - 16) = c;
        *(any_u64 *)(to + size - 8) = d;
    } else if (size >= 8) {
        uint64_t a = *(const any_u64 *)from, b = *(const any_u64 *)(from + size - 8);
        *(any_u64 *)to = a;
        *(any_u64 *)(to + size - 8) = b;
    } else if (size >= 4) {
        uint32_t a = *(const any_u32 *)from, b = *(const any_u32 *)(from + size - 4);
        *(any_u32 *)to = a;
        *(any_u32 *)(to + size - 4) = b;
    } else if (size >= 2) {
        uint16_t a = *(const any_u16 *)from, b = *(const any_u16 *)(from + size - 2);
        *(any_u16 *)to = a;
        *(any_u16 *)(to + size - 2) = b;
    } else if (size == 1) {
        *to = *from;
    }
}

static inline void copy_words(uint8_t *to, const uint8_t *from, size_t words)
{
#if defined(__x86_64__)
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
    for (size_t i = 0; i < words; i++)
        *(any_u64 *)(to + 8 * i) = *(const any_u64 *)(from + 8 * i);
#endif
}

static inline void set_words(uint8_t *to, uint64_t pattern, size_t words)
{
#if defined(__x86_64__)
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
#else
    for (size_t i = 0; i < words; i++)
        *(any_u64 *)(to + 8 * i) = pattern;
#endif
}

void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (size_bytes < 32) {
        move_small(t, f, size_bytes);
        return to;
    }
    uint64_t last = *(const any_u64 *)(f + size_bytes - 8);
    copy_words(t, f, size_bytes / 8);
    *(any_u64 *)(t + size_bytes - 8) = last;
    return to;
}

void *memmove(void *to, const void *from, size_t size_bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (size_bytes < 32) {
        move_small(t, f, size_bytes);
    } else if ((uintptr_t)t - (uintptr_t)f >=
               size_bytes) { /* also when `to` is the lower one: the difference wraps */
        uint64_t last = *(const any_u64 *)(f + size_bytes - 8);
        copy_words(t, f, size_bytes / 8);
        *(any_u64 *)(t + size_bytes - 8) = last;
    } else {
        /* `to` lies inside [from, from + size): from the end, a word at a time. The first word is read before
         * all stores, since with a distance under 8 the store above it reaches into it. */
        uint64_t first = *(const any_u64 *)f;
        for (size_t end = size_bytes; end > 8; end -= 8)
            *(any_u64 *)(t + end - 8) = *(const any_u64 *)(f + end - 8);
        *(any_u64 *)t = first;
    }
    return to;
}

void *memset(void *to, int byte, size_t size_bytes)
{
    uint8_t *t = to;
    uint64_t pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);
    if (size_bytes >= 16) {
        set_words(t, pattern, size_bytes / 8);
        *(any_u64 *)(t + size_bytes - 8) = pattern;
    } else if (size_bytes >= 8) {
        *(any_u64 *)t = pattern;
        *(any_u64 *)(t + size_bytes - 8) = pattern;
    } else if (size_bytes >= 4) {
        *(any_u32 *)t = (uint32_t)pattern;
        *(any_u32 *)(t + size_bytes - 4) = (uint32_t)pattern;
    } else if (size_bytes >= 2) {
        *(any_u16 *)t = (uint16_t)pattern;
        *(any_u16 *)(t + size_bytes - 2) = (uint16_t)pattern;
    } else if (size_bytes == 1) {
        *t = (uint8_t)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size_bytes)
{
    const uint8_t *x = a, *y = b;
    size_t i = 0;
    while (i + 8 <= size_bytes && *(const any_u64 *)(x + i) == *(const any_u64 *)(y + i))
        i += 8;
    for (; i < size_bytes; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

void *memchr(const void *bytes, int byte, size_t size_bytes)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < size_bytes; i++)
        if (b[i] == (uint8_t)byte)
            return (void *)(uintptr_t)(b + i);
    return NULL;
}

size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

size_t strnlen(const char *text, size_t limit)
{
    size_t len = 0;
    while (len < limit && text[len] != '\0')
        len++;
    return len;
}

int strncmp(const char *a, const char *b, size_t limit)
{
    for (size_t i = 0; i < limit; i++) {
        uint8_t x = (uint8_t)a[i], y = (uint8_t)b[i];
        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *text, int byte)
{
    for (;; text++) {
        if (*text == (char)byte)
            return (char *)(uintptr_t)text;
        if (*text == '\0')
            return NULL;
    }
}

#endif
