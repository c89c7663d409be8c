/*
 * The part of C's <string.h> that libcapos has, for programs without a C library: what compilers call on
 * their own, and a little more. With the C library of lib/posix its own header stands in front of this one.
 */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define CAPOS_RESTRICT
#else
#define CAPOS_RESTRICT restrict
#endif

void *memcpy(void *CAPOS_RESTRICT to, const void *CAPOS_RESTRICT from, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
void *memset(void *to, int byte, size_t size_bytes);
int memcmp(const void *a, const void *b, size_t size_bytes);
void *memchr(const void *bytes, int byte, size_t size_bytes);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int byte);

#undef CAPOS_RESTRICT
#ifdef __cplusplus
}
#endif
