/*
 * The kernel's text formatter. Conversions: %s %.*s %.Ns %c %d %i %u %x %p %%, with l, ll, z, field width and
 * the flags 0 and -. Anything else is copied as it stands.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* Writes at most size_bytes - 1 characters and a NUL; returns the number of characters written. size_bytes >
 * 0. */
size_t format_text(char *out, size_t size_bytes, const char *format, va_list arguments);
