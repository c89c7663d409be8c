/* See boot_regions.h. Ends are exclusive; no end is above BOOT_MEMORY_MAX, so nothing here can overflow. */
#include "arch/x86_64/boot_regions.h"

static uint64_t region_end(const struct boot_region *region)
{
    return region->base + region->size_bytes;
}

static uint64_t range_end(uint64_t base, uint64_t size_bytes)
{
    uint64_t end;
    if (__builtin_add_overflow(base, size_bytes, &end) || end > BOOT_MEMORY_MAX)
        return BOOT_MEMORY_MAX;
    return end;
}

static void region_remove(struct boot_info *boot, size_t index)
{
    boot->region_count--;
    for (size_t i = index; i < boot->region_count; i++)
        boot->regions[i] = boot->regions[i + 1];
}

static void region_drop_smallest(struct boot_info *boot)
{
    size_t smallest = 0;
    for (size_t i = 1; i < boot->region_count; i++)
        if (boot->regions[i].size_bytes < boot->regions[smallest].size_bytes)
            smallest = i;
    region_remove(boot, smallest);
}

/* Puts [base, end), which touches no region of the list, into its place. */
static void region_insert(struct boot_info *boot, uint64_t base, uint64_t end)
{
    if (boot->region_count == BOOT_REGIONS_MAX)
        region_drop_smallest(boot);
    size_t place = boot->region_count++;
    for (; place > 0 && boot->regions[place - 1].base > base; place--)
        boot->regions[place] = boot->regions[place - 1];
    boot->regions[place] = (struct boot_region){.base = base, .size_bytes = end - base, .usable = true};
}

void boot_regions_add(struct boot_info *boot, uint64_t base, uint64_t size_bytes)
{
    uint64_t end = align_down(range_end(base, size_bytes), PAGE_SIZE);
    if (base > BOOT_MEMORY_MAX - PAGE_SIZE)
        return;
    base = align_up(base, PAGE_SIZE);
    if (base >= end)
        return;
    for (size_t i = 0; i < boot->region_count;) {
        const struct boot_region region = boot->regions[i];
        if (region.base > end || region_end(&region) < base) {
            i++;
            continue;
        }
        base = region.base < base ? region.base : base;
        end = region_end(&region) > end ? region_end(&region) : end;
        region_remove(boot, i);
    }
    region_insert(boot, base, end);
}

void boot_regions_cut(struct boot_info *boot, uint64_t base, uint64_t size_bytes)
{
    if (size_bytes == 0 || base >= BOOT_MEMORY_MAX)
        return;
    uint64_t end = align_up(range_end(base, size_bytes), PAGE_SIZE);
    base = align_down(base, PAGE_SIZE);
    for (size_t i = 0; i < boot->region_count;) {
        const struct boot_region region = boot->regions[i];
        if (region.base >= end || region_end(&region) <= base) {
            i++;
            continue;
        }
        region_remove(boot, i);
        if (region_end(&region) > end)
            region_insert(boot, end, region_end(&region));
        if (region.base < base)
            region_insert(boot, region.base, base);
        i = 0; /* an insertion may have moved or dropped any entry; what was cut cannot match again */
    }
}

bool boot_regions_contain(const struct boot_info *boot, uint64_t base, uint64_t size_bytes)
{
    for (size_t i = 0; i < boot->region_count; i++) {
        const struct boot_region *region = &boot->regions[i];
        if (base >= region->base && base < region_end(region) && size_bytes <= region_end(region) - base)
            return true;
    }
    return false;
}

bool boot_regions_take_page(struct boot_info *boot, uint64_t below, uint64_t *out)
{
    if (boot->region_count == 0 || boot->regions[0].base + PAGE_SIZE > below)
        return false;
    struct boot_region *lowest = &boot->regions[0];
    *out = lowest->base;
    lowest->base += PAGE_SIZE;
    lowest->size_bytes -= PAGE_SIZE;
    if (lowest->size_bytes == 0)
        region_remove(boot, 0);
    return true;
}
