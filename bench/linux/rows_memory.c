/* Fresh zeroed memory: a page at a time, and by faulting a larger mapping in. Huge pages are off for both. */
#include "guest.h"
#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };

static volatile char *map_pages(uint32_t pages)
{
    size_t size_bytes = (size_t)pages * PAGE_BYTES;
    char *at = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    guest_require(at != MAP_FAILED, "mmap");
    return at;
}

static void run_map_touch_unmap(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        volatile char *page = map_pages(1);
        *page = 1;
        munmap((void *)page, PAGE_BYTES);
    }
}

static void begin_fault(void *context, uint32_t count)
{
    volatile char **pages = context;
    *pages = map_pages(count);
    madvise((void *)*pages, (size_t)count * PAGE_BYTES, MADV_NOHUGEPAGE); /* refused where there are none */
    **pages = 1; /* page tables for the first page; one fault of `count` is cheaper, as anywhere */
}

static void run_fault(void *context, uint32_t count)
{
    volatile char *pages = *(volatile char **)context;
    for (uint32_t i = 0; i < count; i++)
        pages[(size_t)i * PAGE_BYTES] = 1;
}

static void end_fault(void *context, uint32_t count)
{
    munmap(*(void **)context, (size_t)count * PAGE_BYTES);
}

void memory_fault_pages(uint32_t count)
{
    volatile char *pages = NULL;
    begin_fault(&pages, count);
    run_fault(&pages, count);
    end_fault(&pages, count);
}

void rows_memory(void)
{
    volatile char *pages = NULL;
    guest_row(&(struct measure_task){.key = "map_touch_unmap", .count = 500, .run = run_map_touch_unmap});
    guest_row(&(struct measure_task){.key = "page_fault",
                                     .count = 512,
                                     .context = &pages,
                                     .begin = begin_fault,
                                     .run = run_fault,
                                     .end = end_fault});
}
