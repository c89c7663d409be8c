/*
 * The kernel's final page tables (layout.h says what is where).
 *
 * Tables and stacks come from the lowest free RAM and are cut out of boot->regions. Protections: text read
 * and execute, rodata read, everything else read and write without execute; the direct map's alias of text
 * and rodata is read-only too. Nothing is mapped in the lower half.
 */
#pragma once
#include "arch/arch.h"

/* `io_apic_base`: 0 if there is none to map.
 * Builds them, with the stacks of CPU 0; boot.S loads them. Panics when RAM does not suffice. */
void kernel_map_init(struct boot_info *boot, uint64_t apic_base, uint64_t io_apic_base);
/* Maps stacks and PERCPU memory of a further CPU, with zeroed frames from `frame_take`, as far as they are
 * not there yet. False: there were not enough frames; the number can be tried again. On CPU 0 only. */
bool kernel_map_cpu(uint32_t cpu, bool (*frame_take)(paddr_t *out));
