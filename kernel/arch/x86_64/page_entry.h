/* Page table entry bits of x86_64, all levels. */
#pragma once
#include <stdint.h>

#define PAGE_PRESENT      UINT64_C(0x001)
#define PAGE_WRITE        UINT64_C(0x002)
#define PAGE_USER         UINT64_C(0x004)
#define PAGE_UNCACHED     UINT64_C(0x018) /* PWT and PCD: strong uncacheable in the PAT's reset state */
#define PAGE_LARGE        UINT64_C(0x080)
#define PAGE_GLOBAL       UINT64_C(0x100)
#define PAGE_NX           (UINT64_C(1) << 63)
#define PAGE_ADDRESS_MASK UINT64_C(0x000ffffffffff000)
