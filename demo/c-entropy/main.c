/* Random bytes: as many as were asked for, different each time, and the refusals. */
#include "check.h"
#include <string.h>

enum { TRIES = 64, FILL = 64, BUFFER_WORDS = 128 };

static int32_t fill(cap_entropy_source entropy, uint8_t *out, uint32_t length)
{
    uint64_t words[BUFFER_WORDS];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_entropy_source_fill_results results;
    int32_t status = cap_entropy_source_fill(entropy, length, &results, &buffer);
    if (status >= 0 && results.data.len != length)
        return CAPOS_ERR_BAD_MESSAGE;
    if (status >= 0)
        memcpy(out, results.data.bytes, length);
    return status;
}

int main(void)
{
    static uint8_t bytes[TRIES][FILL];
    unsigned ones = 0, equal = 0;
    demo_begin("c-entropy");
    cap_entropy_source entropy = capos_need_entropy_source("entropy");
    for (unsigned i = 0; i < TRIES; i++) {
        int32_t status = fill(entropy, bytes[i], FILL);
        if (status < 0) {
            demo_expect(CAPOS_OK, status, "filling 64 bytes");
            return demo_end();
        }
        for (unsigned b = 0; b < FILL; b++)
            ones += (unsigned)__builtin_popcount(bytes[i][b]);
        for (unsigned k = 0; k < i; k++)
            equal += memcmp(bytes[i], bytes[k], FILL) == 0;
    }
    demo_check(equal == 0, "64 blocks of 64 bytes, no two of them equal");
    /* 32768 bits: the mean is 16384 and six deviations are 543. */
    demo_check(ones > 16384 - 543 && ones < 16384 + 543, "about half of the bits are ones");
    demo_expect(CAPOS_OK, fill(entropy, bytes[0], 1), "a single byte");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, fill(entropy, bytes[0], 0), "no bytes");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, fill(entropy, bytes[0], 65), "65 bytes");
    demo_expect_exception(CAPOS_EXCEPTION_INVALID_ARGUMENT, fill(entropy, bytes[0], UINT32_MAX),
                          "4 GiB of bytes");
    return demo_end();
}
