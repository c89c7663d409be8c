/* The small services of arch.h that are an instruction or two; and the kernel's own call stack. */
#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/regs.h"

enum { RANDOM_RETRIES = 16 };

uint64_t arch_read_tsc(void)
{
    uint64_t low, high; /* RDTSC clears the upper halves */
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return high << 32 | low;
}

bool arch_random_u64(uint64_t *out)
{
    for (int tries = 0; cpu_features.rdseed && tries < RANDOM_RETRIES; tries++) {
        bool ok;
        __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
        arch_relax(); /* the seed source refills slowly */
    }
    for (int tries = 0; cpu_features.rdrand && tries < RANDOM_RETRIES; tries++) {
        bool ok;
        __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
    }
    return false;
}

_Noreturn void arch_halt_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

uint64_t arch_fault_address(void)
{
    return cr2_read();
}

/* True if a frame record (saved RBP, return address) may be read there: it lies in a stack of a started CPU.
 */
static bool frame_record_readable(uint64_t address)
{
    const uint64_t offset = address - KERNEL_CPU_AREA;
    const uint64_t in_cpu = offset % CPU_AREA_STRIDE;
    const uint64_t cpu = offset / CPU_AREA_STRIDE;
    if (address % 8 != 0 || cpu >= ARCH_CPUS_MAX || cpus[cpu].self == NULL)
        return false;
    if (in_cpu >= CPU_KERNEL_STACK_END - CPU_KERNEL_STACK_BYTES && in_cpu < CPU_KERNEL_STACK_END)
        return in_cpu + 16 <= CPU_KERNEL_STACK_END;
    for (uint64_t ist = 0; ist < IST_COUNT; ist++) {
        const uint64_t end = CPU_IST_STACK_FIRST_END + ist * CPU_IST_STACK_STRIDE;
        if (in_cpu >= end - CPU_IST_STACK_BYTES && in_cpu < end)
            return in_cpu + 16 <= end;
    }
    return false;
}

size_t arch_kernel_backtrace(uint64_t frame_pointer, uint64_t *addresses, size_t limit)
{
    size_t count = 0;
    while (count < limit && frame_record_readable(frame_pointer)) {
        const uint64_t *record = (const uint64_t *)frame_pointer;
        if (record[1] == 0)
            break;
        addresses[count++] = record[1];
        if (record[0] <= frame_pointer) /* outer frames lie higher; a cycle ends here */
            break;
        frame_pointer = record[0];
    }
    return count;
}
