/* The generator against RFC 8439's published block, and its behaviour with and without a source. */
#include "core/entropy.h"
#include "world.h"
#include <string.h>

/* RFC 8439 section 2.3.2. */
static void test_block_matches_the_rfc(void)
{
    static const uint8_t expected[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4,
        0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e,
        0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2,
        0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
    };
    uint32_t key[8];
    uint8_t key_bytes[32], out[64];
    for (uint8_t i = 0; i < 32; i++)
        key_bytes[i] = i;
    memcpy(key, key_bytes, sizeof(key));
    static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0x00000000};
    chacha20_block(key, 1, nonce, out);
    assert_memory_equal(out, expected, sizeof(out));
}

static void test_fill_never_repeats(void)
{
    uint8_t first[48], second[48];
    entropy_init();
    assert_true(entropy_fill(first, sizeof(first)));
    assert_true(entropy_fill(second, sizeof(second)));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first, first + 32, 16);
    assert_int_not_equal(entropy_random_u64(), entropy_random_u64());
}

static void test_no_source_is_refused_until_there_is_one(void)
{
    uint8_t bytes[8] = {0};
    static const uint8_t zero[8];
    world_set_entropy(false);
    entropy_init();
    assert_false(entropy_fill(bytes, sizeof(bytes)));
    assert_memory_equal(bytes, zero, sizeof(bytes));
    assert_int_not_equal(entropy_random_u64(), entropy_random_u64()); /* addresses are still spread */
    world_set_entropy(true);
    assert_true(entropy_fill(bytes, sizeof(bytes)));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(test_no_source_is_refused_until_there_is_one),
        UNIT_TEST(test_block_matches_the_rfc),
        UNIT_TEST(test_fill_never_repeats),
    };
    return UNIT_MAIN(tests, world_reset, world_check_empty);
}
