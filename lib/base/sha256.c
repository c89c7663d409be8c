#include "sha256.h"
#include "string.h"

enum { ROUNDS = 64, WORDS = SHA256_BYTES / 4, LENGTH_AT = 56 };

/* The fractions of the cube and square roots of the first primes; the unit test works them out again. */
static const uint32_t round_constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t start[WORDS] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32 - bits);
}

static void schedule(const uint8_t *block, uint32_t *w)
{
    for (unsigned i = 0; i < SHA256_BLOCK_BYTES / 4; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = SHA256_BLOCK_BYTES / 4; i < ROUNDS; i++) {
        uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
}

static void compress(struct sha256 *hash, const uint8_t *block)
{
    uint32_t w[ROUNDS], s[WORDS];
    schedule(block, w);
    memcpy(s, hash->state, sizeof s);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t first = s[7] + sum1 + choice + round_constants[i] + w[i];
        uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        for (unsigned to = WORDS - 1; to > 0; to--)
            s[to] = s[to - 1];
        s[4] += first;
        s[0] = first + sum0 + majority;
    }
    for (unsigned i = 0; i < WORDS; i++)
        hash->state[i] += s[i];
}

void sha256_init(struct sha256 *hash)
{
    memcpy(hash->state, start, sizeof start);
    hash->total_bytes = 0;
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    while (len > 0) {
        size_t at = (size_t)(hash->total_bytes % SHA256_BLOCK_BYTES);
        size_t piece = SHA256_BLOCK_BYTES - at < len ? SHA256_BLOCK_BYTES - at : len;
        memcpy(hash->block + at, from, piece);
        hash->total_bytes += piece;
        from += piece;
        len -= piece;
        if (at + piece == SHA256_BLOCK_BYTES)
            compress(hash, hash->block);
    }
}

void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES])
{
    static const uint8_t padding[SHA256_BLOCK_BYTES] = {0x80};
    uint64_t bits = hash->total_bytes * 8;
    size_t at = (size_t)(hash->total_bytes % SHA256_BLOCK_BYTES);
    uint8_t length[8];
    for (unsigned i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(hash, padding, (at < LENGTH_AT ? LENGTH_AT : LENGTH_AT + SHA256_BLOCK_BYTES) - at);
    sha256_add(hash, length, sizeof length);
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}
