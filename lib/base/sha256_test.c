/* SHA-256 against the standard's examples, in pieces of every size. (Its constants: the examples would not
 * come out with a wrong one, as each block uses them all.) */
#include "unit.h"
#include <base/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *message, size_t len, size_t piece, const char *expected)
{
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    sha256_init(&hash);
    for (size_t at = 0; at < len; at += piece)
        sha256_add(&hash, message + at, len - at < piece ? len - at : piece);
    sha256_finish(&hash, digest);
    for (int i = 0; i < SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void standard_examples(void)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (size_t piece = 1; piece <= 130; piece++) {
        expect("", 0, piece, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        expect("abc", 3, piece, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        expect(two_blocks, sizeof two_blocks - 1, piece,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
}

static void a_million(void)
{
    enum { MILLION = 1000000 };
    char *text = malloc(MILLION);
    assert_non_null(text);
    memset(text, 'a', MILLION);
    expect(text, MILLION, 997, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(text);
}

int main(void)
{
    static const struct unit_test tests[] = {UNIT_TEST(standard_examples), UNIT_TEST(a_million)};
    return UNIT_MAIN(tests, NULL, NULL);
}
