/*
 * Writes random modules with a few bytes changed: most are refused, some are valid still.
 *
 *     wasm-mutate FIRST_SEED COUNT DIRECTORY
 *
 * DIRECTORY/SEED.wasm for each seed. A change replaces a byte, by any byte or one the format gives a meaning,
 * flips a bit, removes or doubles a few bytes, or cuts the end off.
 */
#include "../gen/instruction.h"
#include "../gen/module.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHANGES = 3, MAX_CHUNK = 6, HEADER_BYTES = 8 };

/* Type codes, prefixes, control instructions, limits: bytes that mean something in many places. */
static const uint8_t meaningful[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
                                     0x11, 0x1a, 0x1b, 0x1c, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x28,
                                     0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x60, 0x6a, 0x6f, 0x70, 0x7b,
                                     0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0xd0, 0xd1, 0xd2, 0xfc, 0xfd, 0xff};

static void remove_chunk(struct bytes *b, size_t at, size_t size)
{
    memmove(b->data + at, b->data + at + size, b->size - at - size);
    b->size -= size;
}

static void double_chunk(struct bytes *b, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes_put(b, 0);
    memmove(b->data + at + size, b->data + at, b->size - at - size);
}

static void change(struct bytes *b, struct rng *rng)
{
    size_t at = HEADER_BYTES + rng_below(rng, (uint32_t)b->size - HEADER_BYTES - MAX_CHUNK);
    size_t size = 1 + rng_below(rng, MAX_CHUNK);
    switch (rng_below(rng, 12)) {
    case 0:
        remove_chunk(b, at, size);
        break;
    case 1:
        double_chunk(b, at, size);
        break;
    case 2:
    case 3:
    case 4:
        b->data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
        break;
    case 5:
    case 6:
        b->data[at] = (uint8_t)rng_next(rng);
        break;
    case 7:
        if (rng_one_in(rng, 4))
            b->size = at;
        break;
    default:
        b->data[at] = meaningful[rng_below(rng, sizeof(meaningful))];
        break;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: wasm-mutate FIRST_SEED COUNT DIRECTORY\n");
        return 1;
    }
    uint64_t first = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
    instructions_init();
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct rng rng = {~seed};
        struct bytes binary = {0}, calls = {0};
        char path[4096];
        module_write(seed, 1, &binary, &calls);
        for (unsigned n = 1 + rng_below(&rng, MAX_CHANGES); n > 0 && binary.size > 2 * HEADER_BYTES; n--)
            change(&binary, &rng);
        snprintf(path, sizeof(path), "%s/%" PRIu64 ".wasm", argv[3], seed);
        bytes_write_file(&binary, path);
        bytes_free(&binary);
        bytes_free(&calls);
    }
    return 0;
}
