/* The engine's platform on Linux: malloc, and mmap for linear memories. */
#include "tool.h"
#include <stdlib.h>
#include <sys/mman.h>

static void *platform_alloc(void *context, size_t size_bytes)
{
    (void)context;
    return malloc(size_bytes);
}

static void platform_free(void *context, void *memory, size_t size_bytes)
{
    (void)context;
    (void)size_bytes;
    free(memory);
}

static void *platform_reserve(void *context, uint64_t size_bytes)
{
    (void)context;
    void *base = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static bool platform_commit(void *context, void *at, uint64_t size_bytes)
{
    (void)context;
    return mprotect(at, size_bytes, PROT_READ | PROT_WRITE) == 0;
}

static void platform_release(void *context, void *base, uint64_t size_bytes)
{
    (void)context;
    munmap(base, size_bytes);
}

const struct wasm_platform tool_platform = {
    .alloc = platform_alloc,
    .free = platform_free,
    .reserve = platform_reserve,
    .commit = platform_commit,
    .release = platform_release,
    .guard_bytes =
        (UINT64_C(4) << 30) + WASM_PAGE_SIZE, /* a 32-bit address plus a 32-bit offset stays inside */
};
