/* See idt.h. All gates are interrupt gates: the kernel runs with interrupts disabled. */
#include "arch/x86_64/idt.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"

enum { IDT_ENTRIES = 256, STUB_BYTES = 16, GATE_INTERRUPT = 0x8e00, GATE_USER = 0x6000 };

struct gate {
    uint16_t offset_low, selector, flags, offset_middle;
    uint32_t offset_high, reserved;
};
static struct gate idt[IDT_ENTRIES];

extern const char entry_stubs[]; /* entry.S: one stub each, STUB_BYTES apart */

static void gate_set(unsigned vector, unsigned flags)
{
    const uint64_t target = (uint64_t)entry_stubs + vector * STUB_BYTES;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)target,
        .selector = SELECTOR_KERNEL_CODE,
        .flags = (uint16_t)flags,
        .offset_middle = (uint16_t)(target >> 16),
        .offset_high = (uint32_t)(target >> 32),
    };
}

void idt_init(void)
{
    for (unsigned vector = 0; vector < IDT_ENTRIES; vector++)
        gate_set(vector, GATE_INTERRUPT);
    gate_set(VECTOR_BREAKPOINT, GATE_INTERRUPT | GATE_USER); /* so that int3 is reported as what it is */
    gate_set(VECTOR_DOUBLE_FAULT, GATE_INTERRUPT | (IST_DOUBLE_FAULT + 1));
    gate_set(VECTOR_NMI, GATE_INTERRUPT | (IST_NMI + 1));
    gate_set(VECTOR_MACHINE_CHECK, GATE_INTERRUPT | (IST_MACHINE_CHECK + 1));
}

void idt_load(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}
