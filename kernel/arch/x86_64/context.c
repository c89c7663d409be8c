/*
 * Switching what a CPU holds for a thread besides its general registers: FPU, FS and GS base, page table,
 * TSD, RSP0.
 *
 * A thread may change its own GS base and segment selectors. They do not survive a switch: nothing of one
 * thread's is ever seen by another.
 */
#include "arch/arch.h"
#include "arch/cpu.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/regs.h"
#include "core/panic.h"
#include <base/string.h>

/* FXSAVE and XSAVE images begin alike. */
enum { FPU_CONTROL_OFFSET = 0, FPU_MXCSR_OFFSET = 24, FPU_CONTROL_RESET = 0x37f, FPU_MXCSR_RESET = 0x1f80 };

size_t arch_fpu_size(void)
{
    return align_up(cpu_features.fpu_size_bytes, 64);
}

static inline void fpu_save_old(void *image)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(image) : "memory");
}

static inline void fpu_load_old(const void *image)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
}

static void fpu_save(void *image)
{
    if (!cpu_features.xsave) {
        fpu_save_old(image);
        return;
    }
    const uint32_t low = (uint32_t)cpu_features.xcr0, high = (uint32_t)(cpu_features.xcr0 >> 32);
    if (cpu_features.xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(image), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(low), "d"(high) : "memory");
}

static void fpu_load(const void *image)
{
    const uint32_t low = (uint32_t)cpu_features.xcr0, high = (uint32_t)(cpu_features.xcr0 >> 32);
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"(low), "d"(high) : "memory");
    else
        fpu_load_old(image);
}

void arch_context_init(struct user_context *context, uint64_t rip, uint64_t rsp, uint64_t ring,
                       uint64_t process_id, uint64_t capset, uint64_t fs_base)
{
    kassert((uint64_t)context % 16 == 0 && (uint64_t)context->fpu % 64 == 0);
    context->frame = (struct user_frame){
        .rdi = ring,
        .rsi = process_id,
        .rdx = capset,
        .rip = rip,
        .cs = SELECTOR_USER_CODE,
        .rflags = USER_FLAGS_ALWAYS,
        .rsp = rsp,
        .ss = SELECTOR_USER_DATA,
    };
    context->fs_base = fs_base;
    memset(context->fpu, 0, arch_fpu_size());
    const uint16_t control = FPU_CONTROL_RESET;
    const uint32_t mxcsr = FPU_MXCSR_RESET;
    memcpy((char *)context->fpu + FPU_CONTROL_OFFSET, &control, sizeof(control));
    memcpy((char *)context->fpu + FPU_MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}

static void bases_save(struct user_context *previous)
{
    /* Without FSGSBASE a thread cannot change its FS base but by a selector load, which is not kept. */
    if (cpu_features.fsgsbase)
        __asm__ volatile("rdfsbase %0" : "=r"(previous->fs_base));
}

void arch_context_copy(struct user_context *copy, const struct user_context *current)
{
    kassert((uint64_t)copy % 16 == 0 && (uint64_t)copy->fpu % 64 == 0 && this_cpu()->current == current);
    copy->frame = current->frame;
    copy->fs_base = current->fs_base;
    copy->tsc_allowed = current->tsc_allowed;
    fpu_save(copy->fpu);
    bases_save(copy);
}

static inline void segments_clear(void)
{
    uint32_t all;
    bool any;
    __asm__ volatile("movl %%ds, %0\n\t"
                     "movl %%es, %%ecx\n\t"
                     "orl %%ecx, %0\n\t"
                     "movl %%fs, %%ecx\n\t"
                     "orl %%ecx, %0\n\t"
                     "movl %%gs, %%ecx\n\t"
                     "orl %%ecx, %0"
                     : "=&r"(all), "=@ccnz"(any)
                     :
                     : "ecx");
    if (__builtin_expect(!any, 1))
        return;
    __asm__ volatile(
        "movl %0, %%ds\n\t"
        "movl %0, %%es\n\t"
        "movl %0, %%fs\n\t"
        "swapgs\n\t" /* so that the load, which may clear the active GS base, does not hit the kernel's */
        "movl %0, %%gs\n\t"
        "swapgs"
        :
        : "r"(0)
        : "memory");
}

static void bases_load(const struct user_context *next)
{
    segments_clear();             /* may change the FS base: after it was saved */
    if (!cpu_features.fsgsbase) { /* then the GS base of programs can only be a selector's: always zero */
        msr_write(MSR_FS_BASE, next->fs_base);
        return;
    }
    __asm__ volatile("wrfsbase %0\n\t"
                     "swapgs\n\t"
                     "wrgsbase %1\n\t"
                     "swapgs"
                     :
                     : "r"(next->fs_base), "r"(UINT64_C(0))
                     : "memory");
}

/* As the two halves that the instruction wants. */
static inline void fs_base_load(const uint64_t *base)
{
    const volatile union {
        uint64_t whole;
        uint32_t halves[2];
    } *parts = (const void *)base;
    __asm__ volatile("wrmsr" : : "c"(MSR_FS_BASE), "a"(parts->halves[0]), "d"(parts->halves[1]));
}

static inline void tsc_allow(struct cpu *cpu, bool allowed)
{
    if (cpu->tsc_allowed == allowed)
        return;
    cpu->tsc_allowed = allowed;
    cr4_write(cr4_read() ^ CR4_TSD);
}

/* Who has the kernel's own page table: nobody asks. */
static uint64_t kernel_resident;

/* In the mask before the page table can be used, and until the CPU is asked and has another: so a shootdown
 * may ask a CPU too many, once, but never one too few. See tlb.c. */
static inline __attribute__((always_inline)) void page_table_load(struct cpu *cpu, uint64_t page_table,
                                                                  uint64_t *resident)
{
    if (cpu->page_table == page_table)
        return;
    const uint64_t my_bit = cpu->number_bit;
    if (__builtin_expect((__atomic_load_n(resident, __ATOMIC_RELAXED) & my_bit) == 0, 0))
        __atomic_fetch_or(resident, my_bit, __ATOMIC_SEQ_CST);
    cpu->page_table = page_table;
    cpu->counters.cr3_writes++;
    cr3_write(page_table);
}

/* Becomes a part of the scheduler's one place that calls it, where link-time optimisation is on. */
INLINE_ACROSS_FILES void arch_context_switch(struct user_context *previous, struct user_context *next,
                                             paddr_t page_table, uint64_t *resident)
{
    struct cpu *cpu = this_cpu();
    const bool old = cpu_features.old_context;
    page_table_load(cpu, page_table.raw, resident);
    cpu->current = next;
    cpu->tss.rsp[0] = (uint64_t)(&next->frame + 1);
    cpu->counters.context_switches++;
    tsc_allow(cpu, next->tsc_allowed);
    if (old) { /* the same for such a processor, without asking again */
        if (__builtin_expect(previous != NULL, 1))
            fpu_save_old(previous->fpu);
        fpu_load_old(next->fpu);
        segments_clear();
        fs_base_load(&next->fs_base);
        return;
    }
    if (__builtin_expect(previous != NULL, 1)) {
        fpu_save(previous->fpu);
        bases_save(previous);
    }
    fpu_load(next->fpu);
    bases_load(next);
}

/* As the end of arch_enter_user, without looking at what the processor has put into the frame itself. */
INLINE_ACROSS_FILES void arch_return_to_waiting(const struct user_context *context, int64_t value)
{
    const struct user_frame *frame = &context->frame;
    __asm__ volatile("movq %c[rip](%%rdx), %%rcx\n\t"
                     "movq %c[rflags](%%rdx), %%r11\n\t"
                     "movq %c[rbx](%%rdx), %%rbx\n\t"
                     "movq %c[rsi](%%rdx), %%rsi\n\t"
                     "movq %c[rdi](%%rdx), %%rdi\n\t"
                     "movq %c[rbp](%%rdx), %%rbp\n\t"
                     "movq %c[r12](%%rdx), %%r12\n\t"
                     "movq %c[r13](%%rdx), %%r13\n\t"
                     "movq %c[r14](%%rdx), %%r14\n\t"
                     "movq %c[r15](%%rdx), %%r15\n\t"
                     "movq %c[rsp](%%rdx), %%rsp\n\t"
                     "xorl %%edx, %%edx\n\t"
                     "xorl %%r8d, %%r8d\n\t"
                     "xorl %%r9d, %%r9d\n\t"
                     "xorl %%r10d, %%r10d\n\t"
                     "swapgs\n\t"
                     "sysretq"
                     :
                     : "a"(value),
                       "d"(frame), [rip] "i"(FRAME_RIP), [rflags] "i"(FRAME_RFLAGS), [rbx] "i"(FRAME_RBX),
                       [rsi] "i"(FRAME_RSI), [rdi] "i"(FRAME_RDI), [rbp] "i"(FRAME_RBP), [r12] "i"(FRAME_R12),
                       [r13] "i"(FRAME_R13), [r14] "i"(FRAME_R14), [r15] "i"(FRAME_R15), [rsp] "i"(FRAME_RSP)
                     : "memory");
    __builtin_unreachable();
}

void arch_context_save(void)
{
    struct cpu *cpu = this_cpu();
    if (cpu->current == NULL)
        return;
    fpu_save(cpu->current->fpu);
    bases_save(cpu->current);
    cpu->current = NULL;
}

void context_leave_page_table(void)
{
    page_table_load(this_cpu(), arch_kernel_page_table().raw, &kernel_resident);
}

void arch_leave_context(void)
{
    struct cpu *cpu = this_cpu();
    cpu->current = NULL;
    context_leave_page_table();
}

void arch_allow_tsc(struct user_context *context)
{
    context->tsc_allowed = true;
    if (this_cpu()->current == context)
        tsc_allow(this_cpu(), true);
}

void arch_set_fs_base(struct user_context *context, uint64_t fs_base)
{
    context->fs_base = fs_base;
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(fs_base));
    else
        msr_write(MSR_FS_BASE, fs_base);
}

void arch_counters_read(struct cpu_counters *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < ARCH_CPUS_MAX; i++) {
        out->kernel_entries += cpus[i].counters.kernel_entries;
        out->cr3_writes += cpus[i].counters.cr3_writes;
        out->page_faults += cpus[i].counters.page_faults;
        out->context_switches += cpus[i].counters.context_switches;
    }
}
