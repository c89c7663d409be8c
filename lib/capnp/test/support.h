/*
 * For the tests of the codec: the real `capnp` tool as the other side, random numbers, and memory that ends
 * where the message ends, so that AddressSanitizer sees any read behind it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Runs `capnp encode lib/capnp/test/FILE TYPE` on `text`. The bytes belong to the caller (free). Ends the
 * test run if the tool refuses. */
void *tool_encode(const char *file, const char *type, const char *text, size_t *len_out);
/* Runs `capnp decode --short`; the text, without its newline, belongs to the caller. */
char *tool_decode(const char *file, const char *type, const void *bytes, size_t len);

/* A copy in a heap block of exactly `len` bytes (free). */
void *exact_copy(const void *bytes, size_t len);

/* A small repeatable generator. */
uint64_t random_next(void);
void random_seed(uint64_t seed);
/* Below `limit` (not 0). */
uint32_t random_below(uint32_t limit);
