/*
 * The kernel's random generator: ChaCha20 (RFC 8439) keyed from the processor's random instructions, with
 * fast key erasure (each request replaces the key by generator output first, so that a later leak reveals
 * nothing earlier), and fresh hardware entropy mixed into the key every ENTROPY_RESEED_BYTES of output. Lock:
 * LOCK_ENTROPY.
 */
#pragma once
#include "core/types.h"

enum { ENTROPY_RESEED_BYTES = 65536 };

void entropy_init(void);
/* Random bytes fit for keys. False, and nothing written, when the machine has no source of entropy. */
CHECKED bool entropy_fill(void *out, size_t size_bytes);
/* For address randomisation and canaries: as good as entropy_fill where there is a source, else from the TSC.
 */
uint64_t entropy_random_u64(void);

/* One ChaCha20 block: exposed for the test against RFC 8439 section 2.3.2. */
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64]);
