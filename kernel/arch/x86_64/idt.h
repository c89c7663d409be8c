/*
 * The interrupt table, shared by all CPUs, and the vectors in use.
 *
 *   0-31    CPU exceptions; 2 (NMI) also stops this CPU when another one panics
 *   32-47   the PICs, masked
 *   64      this CPU's APIC timer
 *   65      another CPU wants this one to pass the scheduler (arch_cpu_kick)
 *   66      another CPU wants translations forgotten (tlb.c)
 *   67      COM1 has received something (io_apic.c)
 *   255     the APIC's spurious interrupt
 */
#pragma once

enum {
    VECTOR_BREAKPOINT = 3,
    VECTOR_GENERAL_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_EXCEPTIONS = 32, /* below: CPU exceptions */
    VECTOR_PIC_FIRST = 32,  /* 16 vectors, all masked; spurious ones may come and are ignored */
    VECTOR_APIC_TIMER = 64,
    VECTOR_KICK = 65,
    VECTOR_TLB = 66,
    VECTOR_COM1 = 67,
    VECTOR_APIC_SPURIOUS = 255,
};

void idt_init(void); /* once */
void idt_load(void); /* on each CPU */

void entry_syscall(void); /* entry.S */
