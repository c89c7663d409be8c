/*
 * Forgetting translations, for whoever changes page tables. On the calling CPU only, until other CPUs run.
 * The kernel half is mapped with global pages and never changes: nothing here has to reach it.
 */
#pragma once
#include "core/types.h"

/* One page of the current address space, of whatever size the page is. */
void arch_tlb_flush_page(uaddr_t address);
/* All user translations of the current address space. Counts as a CR3 write. */
void arch_tlb_flush_all(void);
