/*
 * Small formatted printing for programs without a C library.
 *
 * Conversions: %d %i %u %x %X %o %c %s %p %%, with the length modifiers hh h l ll z j t, a field width and a
 * precision (both also as *), and the flags - + space 0 #. There is no floating point (%f and relatives), no
 * %n and no locale. A conversion that does not exist is copied to the output as it stands. %s of a null
 * pointer prints "(null)".
 */
#pragma once
#include <capos/console.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Formats into the `size` bytes at `out`, cut to fit and always NUL-terminated (unless size is 0). Returns
 * the length that the whole text has, without the NUL: >= size means that it was cut. */
int capos_snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int capos_vsnprintf(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The article of an interface's name, or of any noun that is spelled as it is spoken: "an" before a vowel. */
const char *capos_article(const char *noun);

/* Formats and writes to a console, in pieces of up to 1024 bytes; text up to that length appears in one
 * piece, never mixed with other output. Blocks until the console has taken it. Returns the bytes written, or
 * the negative capos_error of Console.write. Allocates nothing. */
int capos_printf(cap_console console, const char *format, ...) __attribute__((format(printf, 2, 3)));
int capos_vprintf(cap_console console, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#ifdef __cplusplus
}
#endif
