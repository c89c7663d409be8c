/*
 * The upper half of the address space, in PML4 slots. All of them exist at boot and never change afterwards,
 * so that an address space gets the whole upper half by copying slots 256 to 511. Only the area of further
 * CPUs is filled in later, when they are started; nothing is ever taken out.
 *
 *   256 to 383   KERNEL_DIRECT_MAP   RAM, read-write (the kernel's text and rodata in it: read-only), no
 * execute 511          KERNEL_CPU_AREA     per CPU: kernel stack, interrupt stacks, PERCPU; unmapped gaps
 * between KERNEL_APIC         the local APIC's registers, uncached KERNEL_IMAGE_BASE   the kernel image
 */
#pragma once
#include "arch/arch.h"

#define KERNEL_CPU_AREA UINT64_C(0xffffffff40000000)
#define KERNEL_APIC     UINT64_C(0xffffffff401ff000)
#define KERNEL_IO_APIC  UINT64_C(0xffffffff401fe000)

/* One CPU's part of the area: stack ends by their offset. Below each stack the page is unmapped. Then, behind
 * another such page, its copy of the PERCPU variables (CPU 0's are in the image). */
enum {
    CPU_AREA_STRIDE = 0x1f000,
    CPU_KERNEL_STACK_BYTES = 0x4000,
    CPU_KERNEL_STACK_END = 0x6000,
    CPU_IST_STACK_BYTES = 0x1000,
    CPU_IST_STACK_FIRST_END = 0x8000,
    CPU_IST_STACK_STRIDE = 0x2000,
    CPU_PERCPU_START = 0xd000,
    CPU_PERCPU_MAX_BYTES = CPU_AREA_STRIDE - CPU_PERCPU_START - 0x1000,
};
extern const char image_percpu_start[], image_percpu_end[]; /* kernel.ld checks that it fits */
_Static_assert(ARCH_CPUS_MAX *CPU_AREA_STRIDE <= KERNEL_IO_APIC - KERNEL_CPU_AREA,
               "too many CPUs for their area");
enum { IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, IST_COUNT };

static inline uint64_t cpu_kernel_stack_end(uint32_t cpu)
{
    return KERNEL_CPU_AREA + (uint64_t)cpu * CPU_AREA_STRIDE + CPU_KERNEL_STACK_END;
}
static inline uint64_t cpu_percpu_start(uint32_t cpu)
{
    return KERNEL_CPU_AREA + (uint64_t)cpu * CPU_AREA_STRIDE + CPU_PERCPU_START;
}
static inline uint64_t cpu_ist_stack_end(uint32_t cpu, uint32_t ist)
{
    return KERNEL_CPU_AREA + (uint64_t)cpu * CPU_AREA_STRIDE + CPU_IST_STACK_FIRST_END +
           (uint64_t)ist * CPU_IST_STACK_STRIDE;
}
