/* The fake's TLB: fake_arch.c records what was flushed, and fake_touch in the tests looks up through it. */
#pragma once
#include "core/types.h"

void arch_tlb_flush_page(uint64_t va);
void arch_tlb_flush_all(void);
/* The fake machine has one CPU, and everything is loaded on it. */
void arch_tlb_shootdown(uint64_t *resident, paddr_t page_table, uint64_t start, uint64_t end);
void arch_tlb_leave(uint64_t *resident, paddr_t page_table);
