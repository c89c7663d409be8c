/* SHA-256 (FIPS 180-4) of files, or of what it reads. */
#include "app.h"

enum { BLOCK = 64, ROUNDS = 64, DIGEST_WORDS = 8, LENGTH_AT = 56 };

static uint32_t round_constants[ROUNDS], start[DIGEST_WORDS];
static uint32_t state[DIGEST_WORDS];
static uint8_t block[BLOCK];
static uint64_t total_bytes;

/* The first 32 bits behind the point of the root of `prime`, found by bisection in integers: the largest x
 * with x^power <= prime * 2^(32 * power). */
static uint32_t root_fraction(uint32_t prime, unsigned power)
{
    uint64_t low = 0, high = UINT64_C(1) << 37;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        /* Cubes have up to 111 bits, and prime * 2^96 up to 105: both fit 128. */
        unsigned __int128 value = middle;
        for (unsigned i = 1; i < power; i++)
            value *= middle;
        if (value <= (unsigned __int128)prime << 32 * power)
            low = middle;
        else
            high = middle - 1;
    }
    return (uint32_t)low;
}

/* The constants are defined by the first primes: computed, they cannot be mistyped. */
static void make_constants(void)
{
    uint32_t count = 0;
    for (uint32_t candidate = 2; count < ROUNDS; candidate++) {
        bool prime = true;
        for (uint32_t divisor = 2; divisor * divisor <= candidate; divisor++)
            prime = prime && candidate % divisor != 0;
        if (!prime)
            continue;
        if (count < DIGEST_WORDS)
            start[count] = root_fraction(candidate, 2);
        round_constants[count++] = root_fraction(candidate, 3);
    }
}

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32 - bits);
}

static void schedule(uint32_t *w)
{
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < ROUNDS; i++) {
        uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
}

static void compress(void)
{
    uint32_t w[ROUNDS], s[DIGEST_WORDS];
    schedule(w);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t first = s[7] + sum1 + choice + round_constants[i] + w[i];
        uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += first;
        s[0] = first + sum0 + majority;
    }
    for (unsigned i = 0; i < DIGEST_WORDS; i++)
        state[i] += s[i];
}

static void add(uint8_t byte)
{
    block[total_bytes++ % BLOCK] = byte;
    if (total_bytes % BLOCK == 0)
        compress();
}

static void reset(void)
{
    memcpy(state, start, sizeof state);
    total_bytes = 0;
}

static void finish(const char *name)
{
    uint64_t bits = total_bytes * 8;
    add(0x80);
    while (total_bytes % BLOCK != LENGTH_AT)
        add(0);
    for (unsigned i = 0; i < 8; i++)
        add((uint8_t)(bits >> (56 - 8 * i)));
    for (unsigned i = 0; i < DIGEST_WORDS; i++)
        app_printf("%08x", state[i]);
    app_printf("  %s\n", name);
    reset();
}

static void take(const char *name, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        add(bytes[i]);
    if (bytes == NULL)
        finish(name);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv, "sha256sum [FILE]...  prints SHA-256 checksums of files, or of what it reads");
    (void)app_options(&argc, argv, "");
    make_constants();
    reset();
    app_each_file(argc, argv, take);
    return app_end();
}
