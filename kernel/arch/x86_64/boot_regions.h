/*
 * The free RAM of struct boot_info: a sorted list of disjoint, page-aligned regions, at most
 * BOOT_REGIONS_MAX.
 *
 * A list that is full drops the smallest region rather than refuse: losing some RAM is better than not
 * booting.
 */
#pragma once
#include "arch/arch.h"

/* RAM above this is not used: the direct map has 128 of the upper half's 256 PML4 slots. */
#define BOOT_MEMORY_MAX (UINT64_C(1) << 46)

/* Adds RAM; the parts of pages at both ends are left out. Overlaps and neighbours merge. */
void boot_regions_add(struct boot_info *boot, uint64_t base, uint64_t size_bytes);
/* Takes a range out, whole pages of it and of what it touches. */
void boot_regions_cut(struct boot_info *boot, uint64_t base, uint64_t size_bytes);
/* True if the whole range lies in one region. */
bool boot_regions_contain(const struct boot_info *boot, uint64_t base, uint64_t size_bytes);
/* Takes one page out of the lowest region that lies below `below`; false if there is none. */
bool boot_regions_take_page(struct boot_info *boot, uint64_t below, uint64_t *out);
