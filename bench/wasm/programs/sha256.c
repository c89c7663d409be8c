/* SHA-256 (FIPS 180-4) over a block of pseudo-random bytes, the digest fed back. */
#include "bench.h"

static uint32_t k[64], initial[8];

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* The constants are the first 32 bits of the fractions of the cube and square roots of the first primes. */
static uint32_t root_fraction(uint32_t prime, unsigned power)
{
    uint64_t low = 0, high = (uint64_t)1 << 36;
    while (low < high) {
        uint64_t x = (low + high + 1) / 2;
        unsigned __int128 y = power == 2 ? (unsigned __int128)x * x : (unsigned __int128)x * x * x;
        if (y <= (unsigned __int128)prime << (32 * power))
            low = x;
        else
            high = x - 1;
    }
    return (uint32_t)low;
}

static void make_constants(void)
{
    unsigned found = 0;
    for (uint32_t n = 2; found < 64; n++) {
        uint32_t d = 2;
        while (d * d <= n && n % d)
            d++;
        if (d * d <= n)
            continue;
        k[found] = root_fraction(n, 3);
        if (found < 8)
            initial[found] = root_fraction(n, 2);
        found++;
    }
}

static void compress(uint32_t *state, const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    memcpy(s, state, sizeof(s));
    for (unsigned i = 0; i < 64; i++) {
        uint32_t e = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t t1 = s[7] + e + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        uint32_t a = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t t2 = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
}

/* The one-block message "abc" must give the published digest. */
static int self_check(void)
{
    uint8_t block[64] = {'a', 'b', 'c', 0x80};
    uint32_t state[8];
    block[63] = 24;
    memcpy(state, initial, sizeof(state));
    compress(state, block);
    return state[0] == 0xba7816bf && state[7] == 0xf20015ad;
}

int main(int argc, char **argv)
{
    uint32_t blocks = bench_size(argc, argv, 400000), random = 1, state[8];
    static uint8_t buffer[64 * 64];
    make_constants();
    if (!self_check())
        return 1;
    for (size_t i = 0; i < sizeof(buffer); i++)
        buffer[i] = (uint8_t)bench_random(&random);
    memcpy(state, initial, sizeof(state));
    for (uint32_t i = 0; i < blocks; i++)
        compress(state, buffer + 64 * (i % 64));
    return bench_report("sha256", (uint64_t)state[0] << 32 | state[1]);
}
