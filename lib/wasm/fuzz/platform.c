/* See fuzz.h. Memory is exactly as large as asked for, so that AddressSanitizer sees every step too far. */
#include "fuzz.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { REQUEST_MAX = 64 << 20 };

static void *fuzz_alloc(void *context, size_t size_bytes)
{
    (void)context;
    return size_bytes > REQUEST_MAX ? NULL : malloc(size_bytes);
}

static void fuzz_free(void *context, void *memory, size_t size_bytes)
{
    (void)context;
    (void)size_bytes;
    free(memory);
}

static void *fuzz_reserve(void *context, uint64_t size_bytes)
{
    (void)context;
    void *base = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static bool fuzz_commit(void *context, void *at, uint64_t size_bytes)
{
    (void)context;
    return mprotect(at, size_bytes, PROT_READ | PROT_WRITE) == 0;
}

static void fuzz_release(void *context, void *base, uint64_t size_bytes)
{
    (void)context;
    munmap(base, size_bytes);
}

const struct wasm_platform fuzz_platform = {
    .alloc = fuzz_alloc,
    .free = fuzz_free,
    .reserve = fuzz_reserve,
    .commit = fuzz_commit,
    .release = fuzz_release,
    .guard_bytes = WASM_PAGE_SIZE,
};
