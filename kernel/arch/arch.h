/*
 * What the portable kernel asks of the machine. Implemented by kernel/arch/x86_64 and kernel/dev, and by
 * fakes in host unit tests. Nothing here takes a lock of a class below LOCK_SERIAL unless it says so.
 *
 * Boot contract: the boot code (PVH or Multiboot2 entry) switches to long mode, builds the kernel's page
 * tables (docs/boot.md, docs/memory.md), sets up this CPU's GDT, IDT, TSS and stacks, fills struct boot_info,
 * and calls kernel_main on the boot stack with interrupts disabled.
 */
#pragma once
#include "core/types.h"

enum { BOOT_REGIONS_MAX = 64, BOOT_COMMAND_LINE_MAX = 512 };

struct boot_region {
    uint64_t base;
    uint64_t size_bytes;
    bool usable; /* RAM that nobody uses; the kernel image, the boot package and boot data are cut out */
};

struct boot_info {
    const char *protocol; /* "pvh" or "multiboot2" */
    char command_line[BOOT_COMMAND_LINE_MAX];
    struct boot_region regions[BOOT_REGIONS_MAX];
    size_t region_count;
    uint64_t module_base; /* physical; page-aligned or not */
    uint64_t module_size_bytes;
    size_t module_count; /* the kernel refuses any number but one */
    uint64_t memory_end; /* end of the direct map: one past the highest RAM address */
    uint64_t rsdp;       /* physical address of the ACPI root pointer; 0: the loader does not say */
};

_Noreturn void kernel_main(const struct boot_info *boot);

/* ---- Memory layout (virtual). The direct map covers [0, memory_end), never executable. */
#define KERNEL_DIRECT_MAP UINT64_C(0xffff800000000000)
#define KERNEL_IMAGE_BASE UINT64_C(0xffffffff80000000)

#ifndef CAPOS_HOST_TEST
static inline void *direct_map(paddr_t address)
{
    return (void *)(uintptr_t)(KERNEL_DIRECT_MAP + address.raw); /* the one place that says where RAM is */
}
static inline paddr_t direct_map_to_physical(const void *pointer)
{
    return (paddr_t){(uint64_t)(uintptr_t)pointer - KERNEL_DIRECT_MAP};
}
#else
void *direct_map(paddr_t address);
paddr_t direct_map_to_physical(const void *pointer);
#endif

/* The page table with nothing in the lower half. Its upper half (PML4 slots 256 to 511) is complete at boot
 * and never changes; a new address space copies it. */
paddr_t arch_kernel_page_table(void);

/* ---- Processor. */
/* How many CPUs the kernel can use; small per-CPU arrays are this long, large things are PERCPU (percpu.h).
 */
#ifndef ARCH_CPUS_MAX
#ifdef CAPOS_HOST_TEST
#define ARCH_CPUS_MAX 1
#else
#define ARCH_CPUS_MAX 16
#endif
#endif
/* CPUs that are up: their numbers are 0 (the boot CPU) to count - 1. Constant after arch_cpus_start. */
uint32_t arch_cpu_count(void);
/* Starts the other CPUs that the firmware's tables name, at most as many as `cpus=N` on the command line says
 * and at most ARCH_CPUS_MAX. One after the other; each ends up in kernel_cpu_main. What does not come up
 * within a second, has less features than the boot CPU, or a clock that cannot be brought in step, is logged
 * and left out. `frame_take` gives zeroed frames (stacks, PERCPU memory) and is called for each CPU that is
 * tried; false: no memory, and no further CPU is started. Called once, on the boot CPU, after clock_init, no
 * lock held. */
void arch_cpus_start(bool (*frame_take)(paddr_t *out));
/* In the portable kernel: where each further CPU arrives, once it is counted; on its own kernel stack,
 * interrupts disabled, no context, the kernel's page table loaded, its timer stopped. */
_Noreturn void kernel_cpu_main(void);
/* Makes another CPU (or this one) pass the scheduler: in user mode it comes to handle_interrupt, from the
 * idle loop to handle_idle_wakeup. A CPU that is in the kernel takes the interrupt as soon as it goes back to
 * either; at a preemption point it only acknowledges. So whoever wrote something that the scheduler of `cpu`
 * must see writes it before. Does not wait. Never lost: kicks that come close together may be one. */
void arch_cpu_kick(uint32_t cpu);
#ifndef CAPOS_HOST_TEST
/* GS holds the CPU's struct cpu (arch/x86_64/cpu.h, which asserts these offsets). */
enum { ARCH_CPU_CURRENT_OFFSET = 8, ARCH_CPU_NUMBER_OFFSET = 64, ARCH_CPU_SCHED_OFFSET = 80 };
static inline uint32_t arch_cpu_number(void) /* of the calling CPU, from 0 */
{
    uint32_t number;
    __asm__("movl %%gs:%c1, %0" : "=r"(number) : "i"(ARCH_CPU_NUMBER_OFFSET));
    return number;
}
/* What the scheduler keeps for each CPU. */
void arch_cpu_set_sched(uint32_t cpu, void *sched);
static inline void *arch_cpu_sched(void) /* of the calling CPU */
{
    void *sched;
    __asm__("movq %%gs:%c1, %0" : "=r"(sched) : "i"(ARCH_CPU_SCHED_OFFSET));
    return sched;
}
/* The context last switched to on this CPU; null: none. Volatile: a switch changes it. */
static inline struct user_context *arch_current_context(void)
{
    struct user_context *context;
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(context) : "i"(ARCH_CPU_CURRENT_OFFSET));
    return context;
}
#else
uint32_t arch_cpu_number(void);
#endif
uint64_t arch_read_tsc(void);
bool arch_random_u64(
    uint64_t *out); /* RDSEED or RDRAND with retries; false: the CPU has neither or they failed */
/* PAUSE, and what other CPUs want of this one: TLB shootdowns. Everything in the kernel that waits for
 * another CPU must call this in its loop, since interrupts are off. May be called with any lock held. */
void arch_relax(void);
_Noreturn void arch_halt_forever(void);
/* For a panic: brings the other CPUs to a halt wherever they are, waits a moment until they are. */
void arch_cpus_stop_others(void);
uint64_t arch_fault_address(void); /* of this CPU's last page fault */
/* Return addresses of the kernel's own call chain from a saved RBP outwards; reads nothing outside kernel
 * stacks. */
size_t arch_kernel_backtrace(uint64_t frame_pointer, uint64_t *addresses, size_t limit);
/* Interrupts on for a moment, so that a due timer or shootdown is served during a long operation. No lock
 * held. */
void arch_preemption_point(void);

/* Ends QEMU through isa-debug-exit with status (code << 1) | 1, else powers off or halts. Flushes the ports
 * first. */
_Noreturn void machine_exit(uint8_t code);
_Noreturn void machine_reboot(void);

/* ---- Devices (kernel/dev). */
void console_port_write(const char *bytes, size_t len); /* COM1, blocking until accepted by the UART */
/* What COM1 has received, at most `size` bytes; does not wait. *lost grows by the times that it had to throw
 * bytes away, which a serial line does when nobody reads and QEMU's does not. */
size_t console_port_read(char *bytes, size_t size, uint32_t *lost);
/* COM1 calls `arrived` (interrupts disabled, no lock held) when it has received something, until
 * console_port_quiet. False: its interrupt is not to be had, and it must be asked. May be called again and
 * again; `arrived` is always the same. */
bool console_port_listen(void (*arrived)(void));
/* For a reader that has no room: what comes now waits in the port. */
void console_port_quiet(void);
void log_port_write(const char *bytes, size_t len); /* as log= chose */
bool log_port_choose(const char *name,
                     size_t len); /* "com1", "debugcon", "none"; false: no such port, no change */
/* For a panic: from here on the ports take no lock, and a log port of "none" means COM1. */
void log_port_force(void);

/* Calibrated TSC clock. Monotonic ns since boot; never goes back. */
void clock_init(void);
uint64_t clock_now_ns(void);
/* Ticks of that clock, for one who takes times on one CPU and wants differences only: less exact between CPUs
 * by what a processor reads ahead. And a difference in ns. */
uint64_t clock_ticks(void);
uint64_t clock_ticks_ns(uint64_t ticks);
struct capos_clock_page;
void clock_fill_page(struct capos_clock_page *page); /* writes the page for user space */
int64_t clock_boot_unix_ns(void);                    /* RTC at the time that clock_now_ns() was 0 */

/* One-shot timer interrupt of this CPU at an absolute time (UINT64_MAX: none). It calls timer_interrupt(). */
void arch_timer_set(uint64_t deadline_ns);

/* ---- Faults inside user-memory access: umem.c's own instructions may fault and resume at their fixup.
 * Implemented in arch; each returns false if the range faulted and could not be resolved. The range is
 * already known to be user. */
bool arch_user_copy_in(void *kernel, uaddr_t user, size_t size_bytes);
bool arch_user_copy_out(uaddr_t user, const void *kernel, size_t size_bytes);
/* The same, but a fault is not resolved: false at once. May be called with any lock held. */
bool arch_user_try_copy_in(void *kernel, uaddr_t user, size_t size_bytes);
bool arch_user_try_copy_out(uaddr_t user, const void *kernel, size_t size_bytes);
/* An aligned word: ARCH_USER_LOADED and the value, by one access; 0: it faulted, which is not resolved. */
#define ARCH_USER_LOADED (UINT64_C(1) << 32)
uint64_t arch_user_try_load32(uaddr_t user);
#ifndef CAPOS_HOST_TEST
/* arch_user_try_copy_in for who has much in registers: it changes none but these. */
static inline __attribute__((always_inline)) bool arch_user_try_copy_in_place(void *kernel, uaddr_t user,
                                                                              size_t size_bytes)
{
    bool copied;
    __asm__ volatile("call arch_user_try_copy_in"
                     : "=a"(copied), "+D"(kernel), "+S"(user), "+d"(size_bytes)
                     :
                     : "rcx", "memory", "cc");
    return copied;
}
#else
#define arch_user_try_copy_in_place arch_user_try_copy_in
#endif
/* Fills a page of the direct map with zeros. */
#ifndef CAPOS_HOST_TEST
void arch_page_clear(void *page);
#else
static inline void arch_page_clear(void *page)
{
    __builtin_memset(page, 0, CAPOS_PAGE_SIZE);
}
#endif
/* An atomic write of one byte that changes nothing (lock or 0): true if the byte can be written. */
bool arch_user_probe_write(uaddr_t user);
