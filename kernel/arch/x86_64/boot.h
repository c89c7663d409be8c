/*
 * Between the first instructions and kernel_main: what the loader left is turned into struct boot_info.
 *
 * boot.S reaches boot_start (boot.c) in 64-bit mode. boot_info.c reads the loader's structures,
 * boot_regions.c keeps the list of free RAM, kernel_map.c builds the page tables, cpu.c the processor's
 * tables.
 */
#pragma once

#define BOOT_PROTOCOL_PVH        1
#define BOOT_PROTOCOL_MULTIBOOT2 2

#ifndef __ASSEMBLER__
#include "arch/arch.h"

extern uint64_t boot_entry_tsc; /* the TSC at the kernel's first instructions */

/* `info`: physical address of hvm_start_info or of the Multiboot2 information structure. */
_Noreturn void boot_start(uint32_t protocol, uint32_t info);
/* In boot.S: loads the page table, takes the stack and goes on in boot_finish, still on the boot CPU. */
_Noreturn void boot_switch(struct boot_info *boot, paddr_t page_table, uint64_t stack_end);
_Noreturn void boot_finish(struct boot_info *boot);

/* Fills everything in *boot except that nothing is cut out of the regions but what the map itself says is not
 * RAM. Null on success, else the sentence that says what is wrong. The loader's structures are not needed
 * afterwards. */
const char *boot_info_read(struct boot_info *boot, uint32_t protocol, uint64_t info);

/* The loader's memory for reading: null unless [address, address + size_bytes) lies in the first 4 GiB, which
 * is what the boot tables map, and is not at 0. In boot.c; unit tests bring their own. */
const void *boot_physical(uint64_t address, uint64_t size_bytes);
#endif
