#include "core/entropy.h"
#include "arch/arch.h"
#include "core/lock.h"
#include <base/string.h>

static struct {
    struct spinlock lock;
    uint32_t key[8];
    bool seeded; /* from hardware */
    uint64_t bytes_since_seed;
} generator = {.lock = SPINLOCK_INIT(LOCK_ENTROPY)};

static uint32_t rotate_left(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void quarter_round(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 7);
}

void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64])
{
    const uint32_t start[16] = {
        0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, /* RFC 8439 section 2.3: "expand 32-byte k" */
        key[0],     key[1],     key[2],     key[3],     key[4],   key[5],
        key[6],     key[7],     counter,    nonce[0],   nonce[1], nonce[2],
    };
    uint32_t x[16];
    memcpy(x, start, sizeof(x));
    for (int i = 0; i < 10; i++) {
        quarter_round(x, 0, 4, 8, 12);
        quarter_round(x, 1, 5, 9, 13);
        quarter_round(x, 2, 6, 10, 14);
        quarter_round(x, 3, 7, 11, 15);
        quarter_round(x, 0, 5, 10, 15);
        quarter_round(x, 1, 6, 11, 12);
        quarter_round(x, 2, 7, 8, 13);
        quarter_round(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++)
        x[i] += start[i];
    memcpy(out, x, sizeof(x)); /* little-endian machine */
}

/* Mixes fresh hardware entropy into the key. All or nothing. */
static bool reseed_locked(void)
{
    uint64_t fresh[4];
    for (size_t i = 0; i < array_count(fresh); i++) {
        if (!arch_random_u64(&fresh[i]))
            return false;
    }
    for (size_t i = 0; i < array_count(fresh); i++) {
        generator.key[2 * i] ^= (uint32_t)fresh[i];
        generator.key[2 * i + 1] ^= (uint32_t)(fresh[i] >> 32);
    }
    memset(fresh, 0, sizeof(fresh));
    generator.bytes_since_seed = 0;
    return true;
}

void entropy_init(void)
{
    uint64_t tsc = arch_read_tsc();
    generator.key[0] = (uint32_t)tsc;
    generator.key[1] = (uint32_t)(tsc >> 32);
    generator.seeded = reseed_locked();
}

/* Up to 32 bytes; the first half of each block becomes the next key. */
static void generate_locked(uint8_t *out, size_t size_bytes)
{
    static const uint32_t nonce[3];
    uint8_t block[64];
    chacha20_block(generator.key, 0, nonce, block);
    memcpy(generator.key, block, sizeof(generator.key));
    memcpy(out, block + sizeof(generator.key), size_bytes);
    memset(block, 0, sizeof(block));
    __asm__ volatile("" : : "r"(block) : "memory"); /* the wipe is not optimised away */
    generator.bytes_since_seed += size_bytes;
}

static bool fill_locked(uint8_t *out, size_t size_bytes)
{
    if (!generator.seeded || generator.bytes_since_seed >= ENTROPY_RESEED_BYTES)
        generator.seeded = reseed_locked() || generator.seeded;
    if (!generator.seeded)
        return false;
    for (size_t done = 0; done < size_bytes;) {
        size_t now = size_bytes - done < 32 ? size_bytes - done : 32;
        generate_locked(out + done, now);
        done += now;
    }
    return true;
}

bool entropy_fill(void *out, size_t size_bytes)
{
    spinlock_acquire(&generator.lock);
    bool filled = fill_locked(out, size_bytes);
    spinlock_release(&generator.lock);
    return filled;
}

uint64_t entropy_random_u64(void)
{
    uint64_t value;
    spinlock_acquire(&generator.lock);
    if (!generator.seeded)
        generator.key[0] ^= (uint32_t)arch_read_tsc();
    generate_locked((uint8_t *)&value, sizeof(value));
    spinlock_release(&generator.lock);
    return value;
}
