/* See apic.h. xAPIC registers: Intel SDM volume 3, chapter 11. */
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/regs.h"
#include "core/panic.h"

enum apic_register {
    APIC_ID = 0x020,
    APIC_TASK_PRIORITY = 0x080,
    APIC_EOI = 0x0b0,
    APIC_SPURIOUS = 0x0f0,
    APIC_COMMAND_LOW = 0x300,
    APIC_COMMAND_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};
enum {
    APIC_BASE_X2APIC = 1 << 10,
    APIC_BASE_ENABLE = 1 << 11,
    APIC_ENABLE = 1 << 8,
    LVT_MASKED = 1 << 16,
    LVT_NMI = 4 << 8,
    COMMAND_NMI = 4 << 8,
    COMMAND_INIT = 5 << 8,
    COMMAND_STARTUP = 6 << 8,
    COMMAND_PENDING = 1 << 12,
    COMMAND_ASSERT = 1 << 14,
    ID_SHIFT = 24,
};
enum { DIVIDE_BY_1 = 0xb, DIVIDE_BY_16 = 0x3, TIMER_DIVISOR_LOG2 = 4 };

/* Timer ticks per ns, times 2^32; 0 until calibrated. */
static uint64_t timer_ticks_per_ns_q32;

static uint32_t apic_read(enum apic_register which)
{
    return *(volatile uint32_t *)(KERNEL_APIC + which);
}

static void apic_write(enum apic_register which, uint32_t value)
{
    *(volatile uint32_t *)(KERNEL_APIC + which) = value;
}

uint64_t apic_physical_base(void)
{
    if (!cpu_features.apic)
        panic("boot: this processor has no local APIC");
    if ((msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0)
        panic("boot: the firmware left the local APIC in x2APIC mode, which is not supported");
    return msr_read(MSR_APIC_BASE) & UINT64_C(0x000ffffffffff000);
}

void apic_init(void)
{
    msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LVT_LINT0, LVT_MASKED); /* the PICs: unused */
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_APIC_TIMER);
    apic_write(APIC_SPURIOUS, APIC_ENABLE | VECTOR_APIC_SPURIOUS);
}

void apic_timer_free_run(void)
{
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_APIC_TIMER);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t apic_timer_ticks(void)
{
    return UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
}

void apic_timer_calibrated(uint64_t frequency_hz)
{
    timer_ticks_per_ns_q32 = (frequency_hz << (32 - TIMER_DIVISOR_LOG2)) / 1000000000u;
    apic_timer_start();
}

void apic_timer_start(void)
{
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    apic_write(APIC_LVT_TIMER, VECTOR_APIC_TIMER);
}

uint8_t apic_own_id(void)
{
    return (uint8_t)(apic_read(APIC_ID) >> ID_SHIFT);
}

void apic_acknowledge(void)
{
    apic_write(APIC_EOI, 0);
}

/* Nothing comes between the two writes: interrupts are off, and an NMI does not return. */
static void command_send(uint8_t apic_id, uint32_t command)
{
    while ((apic_read(APIC_COMMAND_LOW) & COMMAND_PENDING) != 0)
        __asm__ volatile("pause");
    apic_write(APIC_COMMAND_HIGH, (uint32_t)apic_id << ID_SHIFT);
    apic_write(APIC_COMMAND_LOW, command);
}

void apic_send_vector(uint8_t apic_id, uint8_t vector)
{
    command_send(apic_id, COMMAND_ASSERT | vector);
}

void apic_send_nmi(uint8_t apic_id)
{
    command_send(apic_id, COMMAND_ASSERT | COMMAND_NMI);
}

void apic_send_init(uint8_t apic_id)
{
    command_send(apic_id, COMMAND_ASSERT | COMMAND_INIT);
}

void apic_send_startup(uint8_t apic_id, uint8_t page_number)
{
    command_send(apic_id, COMMAND_ASSERT | COMMAND_STARTUP | page_number);
}

/* Rounded up, so that the interrupt never comes before the time; 0 would stop the timer. */
static uint32_t ticks_until(uint64_t delta_ns)
{
    unsigned __int128 ticks = ((unsigned __int128)delta_ns * timer_ticks_per_ns_q32 >> 32) + 1;
    return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

static void timer_arm(uint64_t deadline_ns)
{
    const uint64_t now_ns = clock_now_ns();
    apic_write(APIC_TIMER_INITIAL, ticks_until(deadline_ns > now_ns ? deadline_ns - now_ns : 0));
}

void arch_timer_set(uint64_t deadline_ns)
{
    struct cpu *cpu = this_cpu();
    if (cpu->timer_deadline_ns == deadline_ns)
        return;
    cpu->timer_deadline_ns = deadline_ns;
    if (deadline_ns == UINT64_MAX)
        apic_write(APIC_TIMER_INITIAL, 0);
    else
        timer_arm(deadline_ns);
}

void apic_timer_fired(void)
{
    struct cpu *cpu = this_cpu();
    apic_acknowledge();
    if (cpu->timer_deadline_ns == UINT64_MAX)
        return; /* it was on its way when it was stopped */
    if (clock_now_ns() < cpu->timer_deadline_ns) {
        timer_arm(cpu->timer_deadline_ns); /* further away than the counter reaches */
        return;
    }
    cpu->timer_deadline_ns = UINT64_MAX;
    timer_interrupt();
}
