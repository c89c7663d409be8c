/* The interrupt table, shared by all CPUs, and the vectors that devices use. */
#pragma once

enum {
    VECTOR_BREAKPOINT = 3,
    VECTOR_GENERAL_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_EXCEPTIONS = 32, /* below: CPU exceptions */
    VECTOR_PIC_FIRST = 32,  /* 16 vectors, all masked; spurious ones may come and are ignored */
    VECTOR_APIC_TIMER = 64,
    VECTOR_APIC_SPURIOUS = 255,
};

void idt_init(void); /* once */
void idt_load(void); /* on each CPU */

void entry_syscall(void); /* entry.S */
