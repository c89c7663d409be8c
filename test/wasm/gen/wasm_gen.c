/*
 * Writes random valid WebAssembly modules and the calls to make.
 *
 *     wasm-gen FIRST_SEED COUNT DIRECTORY [FUNCTIONS]
 *
 * DIRECTORY/SEED.wasm for each seed, and DIRECTORY/calls with, per module,
 *
 *     module SEED.wasm
 *     call EXPORT TYPE:BITS ... -> TYPE ...
 */
#include "instruction.h"
#include "module.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    unsigned functions = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    if (argc < 4 || argc > 5 || functions > MAX_FUNCTIONS) {
        fprintf(stderr, "usage: wasm-gen FIRST_SEED COUNT DIRECTORY [FUNCTIONS]\n");
        return 1;
    }
    uint64_t first = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
    struct bytes calls = {0};
    char path[4096];
    instructions_init();
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct bytes binary = {0};
        snprintf(path, sizeof(path), "module %" PRIu64 ".wasm\n", seed);
        for (const char *p = path; *p; p++)
            bytes_put(&calls, (uint8_t)*p);
        module_write(seed, functions, &binary, &calls);
        snprintf(path, sizeof(path), "%s/%" PRIu64 ".wasm", argv[3], seed);
        bytes_write_file(&binary, path);
        bytes_free(&binary);
    }
    snprintf(path, sizeof(path), "%s/calls", argv[3]);
    bytes_write_file(&calls, path);
    bytes_free(&calls);
    return 0;
}
