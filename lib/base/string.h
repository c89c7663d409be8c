/*
 * The memory and string functions of a freestanding build (kernel, libcapos), with the C standard's meaning.
 * A hosted build gets its C library's. Written for few executed instructions: `rep` works on 8-byte words and
 * the rest is done by overlapping loads and stores, never byte by byte.
 */
#pragma once
#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
void *memset(void *to, int byte, size_t size_bytes);
int memcmp(const void *a, const void *b, size_t size_bytes);
void *memchr(const void *bytes, int byte, size_t size_bytes);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int byte);
#endif
