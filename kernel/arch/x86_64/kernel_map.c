/* See kernel_map.h. Built on the boot tables, whose direct map reaches the first 4 GiB. */
#include "arch/x86_64/kernel_map.h"
#include "arch/x86_64/boot_regions.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/page_entry.h"
#include "arch/x86_64/regs.h"
#include "core/panic.h"
#include <base/string.h>

enum { LEVEL_PAGE = 0, LEVEL_LARGE = 1, LEVEL_HUGE = 2, LEVEL_ROOT = 3 };
#define EARLY_MAPPED_END UINT64_C(0x100000000)

extern const char image_start[], image_text_end[], image_rodata_end[], image_end[];

static paddr_t kernel_page_table;
static struct boot_info *frame_source; /* while building */
static bool (*cpu_frame_take)(paddr_t *out);

paddr_t arch_kernel_page_table(void)
{
    return kernel_page_table;
}

static uint64_t frame_take(void)
{
    uint64_t frame;
    if (!boot_regions_take_page(frame_source, EARLY_MAPPED_END, &frame))
        panic("boot: no RAM for the kernel's page tables and stacks");
    memset(direct_map((paddr_t){frame}), 0, PAGE_SIZE);
    return frame;
}

static uint64_t level_size(unsigned level)
{
    return PAGE_SIZE << (9 * level);
}

/* The entry for `virtual` at `level`, with the tables above it made. */
static uint64_t *entry_find(uint64_t virtual, unsigned level)
{
    uint64_t table = kernel_page_table.raw;
    for (unsigned at = LEVEL_ROOT;; at--) {
        uint64_t *entries = direct_map((paddr_t){table});
        uint64_t *entry = &entries[virtual / level_size(at) % 512];
        if (at == level)
            return entry;
        if ((*entry & PAGE_PRESENT) == 0)
            *entry = frame_take() | PAGE_PRESENT | PAGE_WRITE;
        table = *entry & PAGE_ADDRESS_MASK;
    }
}

static unsigned largest_level(uint64_t virtual, uint64_t physical, uint64_t size_bytes)
{
    unsigned level = cpu_features.pages_1g ? LEVEL_HUGE : LEVEL_LARGE;
    while (level > LEVEL_PAGE &&
           ((virtual | physical) % level_size(level) != 0 || size_bytes < level_size(level)))
        level--;
    return level;
}

/* Maps with the largest pages that fit exactly. */
static void map_range(uint64_t virtual, uint64_t physical, uint64_t size_bytes, uint64_t flags)
{
    while (size_bytes != 0) {
        unsigned level = largest_level(virtual, physical, size_bytes);
        *entry_find(virtual, level) = physical | flags | PAGE_PRESENT |
                                      (cpu_features.global_pages ? PAGE_GLOBAL : 0) |
                                      (level == LEVEL_PAGE ? 0 : PAGE_LARGE);
        virtual += level_size(level);
        physical += level_size(level);
        size_bytes -= level_size(level);
    }
}

/* Part of the image, at both its addresses. */
static void map_image(const char *start, const char *end, uint64_t flags)
{
    uint64_t physical = (uint64_t)start - KERNEL_IMAGE_BASE;
    uint64_t size_bytes = (uint64_t)(end - start);
    map_range((uint64_t)start, physical, size_bytes, flags);
    map_range(KERNEL_DIRECT_MAP + physical, physical, size_bytes, (flags & PAGE_WRITE) | PAGE_NX);
}

static bool boot_frame_take(paddr_t *out)
{
    out->raw = frame_take();
    return true;
}

/* Memory of its own for the pages in [start, end) that have none. The whole CPU area has one leaf table,
 * which CPU 0's stacks brought, so that nothing else is needed. */
static bool map_private(uint64_t start, uint64_t end)
{
    for (uint64_t page = start; page < end; page += PAGE_SIZE) {
        paddr_t frame;
        if ((*entry_find(page, LEVEL_PAGE) & PAGE_PRESENT) != 0)
            continue;
        if (!cpu_frame_take(&frame))
            return false;
        map_range(page, frame.raw, PAGE_SIZE, PAGE_WRITE | PAGE_NX);
    }
    return true;
}

static bool map_cpu_stacks(uint32_t cpu)
{
    const uint64_t kernel_end = cpu_kernel_stack_end(cpu);
    bool good = map_private(kernel_end - CPU_KERNEL_STACK_BYTES, kernel_end);
    for (uint32_t ist = 0; ist < IST_COUNT && good; ist++) {
        const uint64_t end = cpu_ist_stack_end(cpu, ist);
        good = map_private(end - CPU_IST_STACK_BYTES, end);
    }
    return good;
}

bool kernel_map_cpu(uint32_t cpu, bool (*take)(paddr_t *out))
{
    const uint64_t percpu = cpu_percpu_start(cpu);
    const uint64_t percpu_bytes = (uint64_t)(image_percpu_end - image_percpu_start);
    cpu_frame_take = take;
    return map_cpu_stacks(cpu) && map_private(percpu, percpu + align_up(percpu_bytes, PAGE_SIZE));
}

void kernel_map_init(struct boot_info *boot, uint64_t apic_base, uint64_t io_apic_base)
{
    const uint64_t image_low = (uint64_t)image_start - KERNEL_IMAGE_BASE;
    const uint64_t image_high = (uint64_t)image_end - KERNEL_IMAGE_BASE;
    frame_source = boot;
    kernel_page_table.raw = frame_take();
    map_range(KERNEL_DIRECT_MAP, 0, image_low, PAGE_WRITE | PAGE_NX);
    map_image(image_start, image_text_end, 0);
    map_image(image_text_end, image_rodata_end, PAGE_NX);
    map_image(image_rodata_end, image_end, PAGE_WRITE | PAGE_NX);
    map_range(KERNEL_DIRECT_MAP + image_high, image_high, boot->memory_end - image_high,
              PAGE_WRITE | PAGE_NX);
    cpu_frame_take = boot_frame_take;
    (void)map_cpu_stacks(0);
    map_range(KERNEL_APIC, apic_base, PAGE_SIZE, PAGE_WRITE | PAGE_NX | PAGE_UNCACHED);
    if (io_apic_base != 0)
        map_range(KERNEL_IO_APIC, io_apic_base, PAGE_SIZE, PAGE_WRITE | PAGE_NX | PAGE_UNCACHED);
    frame_source = NULL;
}
