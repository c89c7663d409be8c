/*
 * One processor: what it can do, its per-CPU block, and the tables that the hardware reads (GDT, TSS, IDT).
 *
 * In the kernel GS base points to the CPU's struct cpu; in user mode the hidden KERNEL_GS_BASE does. entry.S
 * swaps them on every way in and out, told apart by the privilege level saved on the stack. That is sound for
 * every exception and interrupt that can only come while the two agree. NMI, #MC and #DF can come in between:
 * they run on stacks of their own whose last word holds the struct cpu's address, set GS from it, and never
 * return.
 */
#pragma once
#include "arch/x86_64/cpu_offsets.h"
#include "arch/x86_64/selectors.h"
#include "arch/arch.h"
#include "arch/cpu.h"

struct cpu_features {
    bool nx, pages_1g, global_pages;
    bool smep, smap, umip, fsgsbase;
    bool xsave, xsaveopt, avx, avx512;
    bool rdrand, rdseed;
    bool apic, hypervisor, mce;
    bool fast_strings; /* ERMS: nothing clears memory faster than REP STOSB */
    bool old_context;  /* neither xsave nor fsgsbase: what a switch does is decided once */
    uint64_t xcr0;     /* state components that are saved, with xsave */
    uint32_t fpu_size_bytes;
    uint32_t physical_bits;
};
extern struct cpu_features cpu_features; /* of the boot CPU; immutable after cpu_features_detect */

struct __attribute__((packed)) task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_offset;
};

/* The first fields are known to entry.S by the CPU_* offsets. */
struct cpu {
    struct cpu *self;
    struct user_context *current; /* whose frame the next entry from user mode fills */
    uint64_t kernel_stack_end;
    uint64_t scratch; /* user RSP for the first instructions of a system call */
    struct cpu_counters counters;
    uint32_t number;
    bool tsc_allowed;           /* CR4.TSD as it is now */
    uint64_t percpu_distance;   /* percpu.h */
    void *sched;                /* arch_cpu_set_sched */
    uint64_t page_table;        /* CR3 as it is now */
    uint64_t number_bit;        /* 1 << number */
    uint64_t timer_deadline_ns; /* what the APIC timer is armed for, UINT64_MAX: nothing */
    uint64_t gdt[SELECTOR_COUNT];
    struct task_state tss;
} __attribute__((aligned(64)));
extern struct cpu cpus[ARCH_CPUS_MAX];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

void cpu_features_detect(void);
/* True if the calling CPU has all that the boot CPU has. */
bool cpu_features_suffice(void);
/* For the calling CPU. First: GS, GDT, TSS, IDT: from here on a fault panics legibly. Needs no memory. */
void cpu_tables_init(uint32_t number);
/* Then, with the final page tables loaded: control registers, system call entry, FPU, interrupt stacks. */
void cpu_protection_init(void);

/* In tlb.c: does what other CPUs ask of this one. Interrupts are off; any lock may be held. */
void tlb_serve(void);
/* In context.c: loads the kernel's own page table. */
void context_leave_page_table(void);
