/* The fake's TLB: fake_arch.c records what was flushed, and fake_touch in the tests looks up through it. */
#pragma once
#include <stdint.h>

void arch_tlb_flush_page(uint64_t va);
void arch_tlb_flush_all(void);
