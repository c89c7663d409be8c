/*
 * SHA-256 (FIPS 180-4), in pieces: init, add any number of times, finish. Freestanding; no allocation; not
 * constant-time in the length of what is hashed, which is no secret.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK_BYTES = 64 };

struct sha256 {
    uint32_t state[SHA256_BYTES / 4];
    uint8_t block[SHA256_BLOCK_BYTES];
    uint64_t total_bytes;
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
/* The hash must be initialised again before it is used for something else. */
void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);
