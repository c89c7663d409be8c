/* Fresh zeroed memory: a page at a time, and by faulting a larger mapping in. */
#include "guest.h"

enum { PAGE_BYTES = 4096, PROT_READ_WRITE = 3, FAULT_PAGES = 512, FAULT_PROFILE_PAGES = 16 };

static volatile char *map_pages(uint32_t pages)
{
    struct cap_virtual_memory_map_results mapped;
    guest_require(
        cap_virtual_memory_map(guest.memory, 0, (uint64_t)pages * PAGE_BYTES, PROT_READ_WRITE, &mapped),
        "VirtualMemory.map");
    return (volatile char *)(uintptr_t)mapped.address;
}

static void unmap_pages(volatile char *address, uint32_t pages)
{
    guest_require(cap_virtual_memory_unmap(guest.memory, (uintptr_t)address, (uint64_t)pages * PAGE_BYTES),
                  "VirtualMemory.unmap");
}

static void run_map_touch_unmap(void *context, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        volatile char *page = map_pages(1);
        *page = 1;
        unmap_pages(page, 1);
    }
}

static void begin_fault(void *context, uint32_t count)
{
    *(volatile char **)context = map_pages(count);
}

static void run_fault(void *context, uint32_t count)
{
    volatile char *pages = *(volatile char **)context;
    for (uint32_t i = 0; i < count; i++)
        pages[(size_t)i * PAGE_BYTES] = 1;
}

static void end_fault(void *context, uint32_t count)
{
    unmap_pages(*(volatile char **)context, count);
}

void memory_fault_pages(uint32_t count)
{
    volatile char *pages = map_pages(count);
    run_fault(&pages, count);
    unmap_pages(pages, count);
}

void rows_memory(void)
{
    volatile char *pages = NULL;
    const struct measure_task fault = {.key = "page_fault",
                                       .count = FAULT_PAGES,
                                       .context = &pages,
                                       .begin = begin_fault,
                                       .run = run_fault,
                                       .end = end_fault};
    guest_row(&(struct measure_task){.key = "map_touch_unmap", .count = 500, .run = run_map_touch_unmap}, 1);
    guest_row(&fault, FAULT_PROFILE_PAGES);
}
