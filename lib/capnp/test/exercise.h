/* What the property tests and the fuzz target do with bytes from an enemy. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * Reads `len` bytes (8-byte aligned) as each of several message types and as parameters of each method of a
 * server, and writes what was read out again, which visits every field and element. Aborts if
 *   - what was written is not read back, or is written differently the second time (the two differ in a
 * value),
 *   - T_size is not the number of bytes that T_encode wrote.
 * That nothing outside the message is touched is the sanitizers' business.
 */
void exercise(const void *bytes, size_t len);
