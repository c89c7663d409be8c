/*
 * A machine for host unit tests of kernel/mm and the memory objects: simulated physical memory on which the
 * real frame allocator and the real page-table code run, a processor with a TLB that walks those tables,
 * locks that check the lock order, and allocation failures.
 *
 * The heap is either the real one (heap.c) or fake_heap.c on malloc, so that AddressSanitizer sees every
 * object.
 */
#pragma once
#include "core/types.h"
#include "mm/aspace.h"
#include <setjmp.h>

/* ---- Machine. One usable region [first_usable, size), or regions of the test's own; boots frame_init. */
struct boot_info;
void fake_machine_start(uint64_t size_bytes);
void fake_machine_start_with(const struct boot_info *boot);
/* Checks the frame allocator and unmaps the memory. */
void fake_machine_stop(void);
/* What the next start fills memory with, as firmware may have left it. 0: fresh, and nothing is touched. */
extern uint8_t fake_dirt;
/* Physical memory that was ever touched. */
uint64_t fake_resident_bytes(void);

/* ---- Allocation failures. Off: none. On with one_in 0: whatever unit_alloc_should_fail says. Else one in
 * `one_in`, pseudo-random, the same every time. */
void fake_inject(bool on, unsigned one_in);
/* No failures from here to there. */
bool fake_inject_pause(void);
void fake_inject_resume(bool was_on);
/* Failures injected so far. */
unsigned fake_injected_count(void);

/* ---- Called at every preemption point, with no lock held; null: nothing. */
extern void (*fake_preemption_hook)(void *context);
extern void *fake_preemption_context;

/* ---- Processor. Access to user memory through the page table, as hardware would: through the TLB if the
 * address is cached there, else by a walk that fills the TLB. Null: page fault. */
void fake_tlb_clear(void);
void *fake_access(paddr_t root, uaddr_t address, enum aspace_access access);
/* The running thread's address space, for the user-copy functions: their faults go to fake_current_fault
 * unless it is null, and fail otherwise. */
extern paddr_t fake_current_root;
extern bool (*fake_current_fault)(uaddr_t address, enum aspace_access access);
/* True if everything in the TLB is what a walk would find now. */
bool fake_tlb_is_coherent(paddr_t root);
/* True if the TLB can still reach the frame. Frames must not be freed while this holds: checked by the fake.
 */
bool fake_tlb_reaches(paddr_t frame);
unsigned fake_flush_count(void);

/* ---- Panics. FAKE_PANICS(statement) is true if the statement panics. */
extern jmp_buf *fake_panic_target;
#define FAKE_PANICS(statement)                                \
    __extension__({                                           \
        jmp_buf fake_here;                                    \
        fake_panic_target = &fake_here;                       \
        bool volatile fake_panicked = setjmp(fake_here) != 0; \
        if (!fake_panicked) {                                 \
            statement;                                        \
        }                                                     \
        fake_panic_target = NULL;                             \
        fake_locks_forget();                                  \
        fake_panicked;                                        \
    })
void fake_locks_forget(void);
