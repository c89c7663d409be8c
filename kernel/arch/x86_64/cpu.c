/* See cpu.h. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/regs.h"
#include "arch/percpu.h"
#include "core/panic.h"
#include <base/string.h>

struct cpu_features cpu_features;
struct cpu cpus[ARCH_CPUS_MAX];

enum { TSS_AVAILABLE = 0x89, FXSAVE_BYTES = 512, DEFAULT_PHYSICAL_BITS = 36 };
enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4, XCR0_AVX512 = 0xe0 };

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

static bool bit(uint32_t word, unsigned number)
{
    return (word >> number & 1) != 0;
}

static uint32_t xsave_bytes(void)
{
    return cpuid_read(0xd, 0).ebx; /* for the components that are enabled */
}

static void detect_basic(struct cpu_features *features)
{
    struct cpuid id = cpuid_read(1, 0);
    features->mce = bit(id.edx, 7);
    features->apic = bit(id.edx, 9);
    features->global_pages = bit(id.edx, 13);
    features->xsave = bit(id.ecx, 26);
    features->avx = features->xsave && bit(id.ecx, 28);
    features->rdrand = bit(id.ecx, 30);
    features->hypervisor = bit(id.ecx, 31);
}

static void detect_structured(struct cpu_features *features)
{
    if (cpuid_read(0, 0).eax < 7)
        return;
    struct cpuid id = cpuid_read(7, 0);
    features->fsgsbase = bit(id.ebx, 0);
    features->smep = bit(id.ebx, 7);
    features->avx512 = features->avx && bit(id.ebx, 16);
    features->fast_strings = bit(id.ebx, 9);
    features->rdseed = bit(id.ebx, 18);
    features->smap = bit(id.ebx, 20);
    features->umip = bit(id.ecx, 2);
}

static void detect_extended(struct cpu_features *features)
{
    uint32_t last = cpuid_read(0x80000000u, 0).eax;
    struct cpuid id = cpuid_read(0x80000001u, 0);
    features->nx = bit(id.edx, 20);
    features->pages_1g = bit(id.edx, 26);
    features->physical_bits = DEFAULT_PHYSICAL_BITS;
    if (last >= 0x80000008u)
        features->physical_bits = cpuid_read(0x80000008u, 0).eax & 0xff;
}

static void detect(struct cpu_features *features)
{
    detect_basic(features);
    detect_structured(features);
    detect_extended(features);
    features->fpu_size_bytes = FXSAVE_BYTES;
    if (features->xsave) {
        uint64_t supported = cpuid_read(0xd, 0).eax;
        uint64_t wanted =
            XCR0_X87 | XCR0_SSE | (features->avx ? XCR0_AVX : 0) | (features->avx512 ? XCR0_AVX512 : 0);
        features->xcr0 = wanted & supported;
        features->xsaveopt = bit(cpuid_read(0xd, 1).eax, 0);
    }
    /* For x87 and SSE alone FXSAVE does. (QEMU 7.2 hangs in the write to CR4 on such a processor.) */
    if ((features->xcr0 & ~(uint64_t)(XCR0_X87 | XCR0_SSE)) == 0) {
        features->xsave = features->xsaveopt = false;
        features->xcr0 = 0;
    }
    features->old_context = !features->xsave && !features->fsgsbase;
}

void cpu_features_detect(void)
{
    detect(&cpu_features);
}

bool cpu_features_suffice(void)
{
    const struct cpu_features *wanted = &cpu_features;
    struct cpu_features mine = {.fpu_size_bytes = 0};
    detect(&mine);
    return mine.nx >= wanted->nx && mine.pages_1g >= wanted->pages_1g &&
           mine.global_pages >= wanted->global_pages && mine.smep >= wanted->smep &&
           mine.smap >= wanted->smap && mine.umip >= wanted->umip && mine.fsgsbase >= wanted->fsgsbase &&
           mine.xsave >= wanted->xsave && mine.xsaveopt >= wanted->xsaveopt &&
           mine.rdrand >= wanted->rdrand && mine.rdseed >= wanted->rdseed && mine.apic >= wanted->apic &&
           mine.mce >= wanted->mce && (mine.xcr0 & wanted->xcr0) == wanted->xcr0 &&
           mine.physical_bits >= wanted->physical_bits;
}

static void gdt_init(struct cpu *cpu)
{
    const uint64_t base = (uint64_t)&cpu->tss;
    const uint64_t limit = sizeof(cpu->tss) - 1;
    cpu->gdt[SELECTOR_KERNEL_CODE / 8] = UINT64_C(0x00af9b000000ffff);
    cpu->gdt[SELECTOR_KERNEL_DATA / 8] = UINT64_C(0x00cf93000000ffff);
    cpu->gdt[SELECTOR_USER_DATA / 8] = UINT64_C(0x00cff3000000ffff);
    cpu->gdt[SELECTOR_USER_CODE / 8] = UINT64_C(0x00affb000000ffff);
    cpu->gdt[SELECTOR_TSS / 8] =
        limit | (base & 0xffffff) << 16 | (uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
    cpu->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

static void tss_init(struct cpu *cpu)
{
    /* One word pair is left above each: the struct cpu's address, for the entries that cannot trust GS. */
    for (uint32_t ist = 0; ist < IST_COUNT; ist++)
        cpu->tss.ist[ist] = cpu_ist_stack_end(cpu->number, ist) - 16;
    cpu->tss.io_map_offset = sizeof(cpu->tss); /* beyond the limit: no ports for user mode */
}

static void segments_load(struct cpu *cpu)
{
    const struct table_pointer pointer = {sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "movl %1, %%ss\n\t"
                     "movl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%fs\n\t"
                     "movl %2, %%gs\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "r"(SELECTOR_KERNEL_DATA), "r"(0), "r"(SELECTOR_TSS)
                     : "memory");
}

void cpu_tables_init(uint32_t number)
{
    struct cpu *cpu = &cpus[number];
    cpu->self = cpu;
    cpu->number = number;
    cpu->number_bit = UINT64_C(1) << number;
    cpu->kernel_stack_end = cpu_kernel_stack_end(number);
    cpu->percpu_distance = number == 0 ? 0 : cpu_percpu_start(number) - (uint64_t)image_percpu_start;
    cpu->timer_deadline_ns = UINT64_MAX;
    gdt_init(cpu);
    tss_init(cpu);
    segments_load(cpu); /* the code selector is what the start-up GDT has already */
    msr_write(MSR_GS_BASE, (uint64_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    msr_write(MSR_FS_BASE, 0);
    idt_load();
}

static uint64_t cr4_value(const struct cpu_features *features)
{
    return CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_TSD | (features->mce ? CR4_MCE : 0) |
           (features->global_pages ? CR4_PGE : 0) | (features->smep ? CR4_SMEP : 0) |
           (features->smap ? CR4_SMAP : 0) | (features->umip ? CR4_UMIP : 0) |
           (features->fsgsbase ? CR4_FSGSBASE : 0) | (features->xsave ? CR4_OSXSAVE : 0);
}

static void fpu_enable(void)
{
    struct cpu_features *features = &cpu_features;
    cr0_write((cr0_read() & ~(CR0_EM | CR0_TS | CR0_AM)) | CR0_MP | CR0_NE | CR0_WP);
    if (!features->xsave)
        return;
    __asm__ volatile("xsetbv"
                     :
                     : "c"(0), "a"((uint32_t)features->xcr0), "d"((uint32_t)(features->xcr0 >> 32)));
    if (arch_cpu_number() == 0)
        features->fpu_size_bytes = xsave_bytes();
    else if (xsave_bytes() > features->fpu_size_bytes)
        panic("cpu: CPU %u saves more than the boot CPU", arch_cpu_number());
}

static void syscall_enable(void)
{
    msr_write(MSR_STAR, (uint64_t)SELECTOR_USER_BASE << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    msr_write(MSR_LSTAR, (uint64_t)entry_syscall);
    msr_write(MSR_SFMASK, SYSCALL_FLAGS_MASK);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SYSCALL);
}

void cpu_protection_init(void)
{
    struct cpu *cpu = this_cpu();
    for (uint32_t ist = 0; ist < IST_COUNT; ist++)
        *(struct cpu **)cpu->tss.ist[ist] = cpu;
    cpu->page_table = cr3_read();
    cpu->tsc_allowed = false;
    cr4_write(cr4_value(&cpu_features));
    fpu_enable();
    syscall_enable();
}

_Static_assert(offsetof(struct cpu, current) == ARCH_CPU_CURRENT_OFFSET, "arch_current_context");
_Static_assert(offsetof(struct cpu, number) == ARCH_CPU_NUMBER_OFFSET, "arch_cpu_number");
_Static_assert(offsetof(struct cpu, percpu_distance) == ARCH_CPU_PERCPU_OFFSET, "percpu_this");
_Static_assert(offsetof(struct cpu, sched) == ARCH_CPU_SCHED_OFFSET, "arch_cpu_sched");

void arch_cpu_set_sched(uint32_t cpu, void *sched)
{
    cpus[cpu].sched = sched;
}
