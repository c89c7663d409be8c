/*
 * Forgetting translations, for whoever changes page tables. The kernel half is mapped with global pages and
 * only ever grows: nothing here has to reach it.
 *
 * A shootdown is synchronous: on return none of the CPUs can use the old translations. The caller may hold
 * locks (LOCK_ASPACE usually): every loop that waits with interrupts off serves requests (arch_relax), every
 * other stay in the kernel ends, and user mode and the idle loop are interrupted.
 */
#pragma once
#include "core/types.h"

/* One page of the current address space, of whatever size the page is; on this CPU. */
void arch_tlb_flush_page(uaddr_t address);
/* All user translations of the current address space, on this CPU. Counts as a CR3 write. */
void arch_tlb_flush_all(void);

/* The CPUs in the mask `*resident` forget [start, end) of the page table; entries written before the call are
 * what they see from then on. A CPU that enters the mask during the call sees them anyhow; one that has
 * another page table loaded leaves it. */
void arch_tlb_shootdown(uint64_t *resident, paddr_t page_table, uaddr_t start, uaddr_t end);
/* The CPUs in the mask load the kernel's own page table instead of this one; the mask is empty afterwards.
 * Nobody may switch to it any more. */
void arch_tlb_leave(uint64_t *resident, paddr_t page_table);
