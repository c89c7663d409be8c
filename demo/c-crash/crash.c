/* Doing what a program must not. */
#include "crash.h"
#include <capos/capos.h>
#include <string.h>

enum { NOT_CRASHED = 99 };

#define WILD_ADDRESS UINT64_C(0x0000123456789000)

static void null_read(void)
{
    (void)*(volatile int *)(uintptr_t)8;
}

static void wild_jump(void)
{
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)WILD_ADDRESS;
    nowhere();
}

static void write_to_code(void)
{
    *(volatile char *)(uintptr_t)&write_to_code = 0;
}

static void write_to_constant(void)
{
    static const char constant[] = "constant";
    *(volatile char *)(uintptr_t)constant = 'C';
}

static unsigned char instructions[16] = {0xc3}; /* ret */

static void execute_data(void)
{
    void (*volatile data)(void) = (void (*)(void))(uintptr_t)instructions;
    data();
}

static void execute_stack(void)
{
    unsigned char local[16] = {0xc3};
    void (*volatile data)(void) = (void (*)(void))(uintptr_t)local;
    data();
}

static __attribute__((noinline)) int deeper(volatile char *outer)
{
    volatile char frame[1000];
    frame[0] = outer[0];
    if (frame[0] != 0) /* never, but the compiler does not know */
        return 0;
    return deeper(frame) + frame[0]; /* the addition keeps it from becoming a loop */
}

static void stack_overflow(void)
{
    volatile char outermost[1] = {0};
    (void)deeper(outermost);
}

static void divide(void)
{
    __asm__ volatile("xorl %%ecx, %%ecx\n\tmovl $1, %%eax\n\tcltd\n\tidivl %%ecx" : : : "eax", "ecx", "edx");
}

static void privileged(void)
{
    __asm__ volatile("cli");
}

static void port_output(void)
{
    __asm__ volatile("outb %%al, $0xf4" : : "a"(0)); /* would end the virtual machine */
}

static void read_control_register(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
}

static void read_tsc(void)
{
    __asm__ volatile("rdtsc" : : : "eax", "edx");
}

static void non_canonical(void)
{
    (void)*(volatile char *)(uintptr_t)UINT64_C(0x8000000000000000);
}

static void non_canonical_jump(void)
{
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)UINT64_C(0x0000800000000000);
    nowhere();
}

static void non_canonical_stack(void)
{
    __asm__ volatile("movq %0, %%rsp\n\tpushq $0" : : "r"(UINT64_C(0x8000000000000000)));
}

static void kernel_read(void)
{
    (void)*(volatile char *)(uintptr_t)UINT64_C(0xffffffff80100000);
}

static void undefined(void)
{
    capos_abort("no one hears this");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void old_system_call(void)
{
    __asm__ volatile("int $0x80" : : "a"(1));
}

const struct crash_kind crash_kinds[] = {
    {"null", 14, 4, 8, null_read},
    {"wild-jump", 14, 4 | 16, WILD_ADDRESS, wild_jump},
    {"write-to-code", 14, 1 | 2 | 4, ANY_ADDRESS, write_to_code},
    {"write-to-constant", 14, 1 | 2 | 4, ANY_ADDRESS, write_to_constant},
    {"execute-data", 14, 1 | 4 | 16, ANY_ADDRESS, execute_data},
    {"execute-stack", 14, 1 | 4 | 16, ANY_ADDRESS, execute_stack},
    {"stack-overflow", 14, 2 | 4, ANY_ADDRESS, stack_overflow},
    {"kernel-read", 14, 1 | 4, UINT64_C(0xffffffff80100000), kernel_read},
    {"divide", 0, 0, 0, divide},
    {"privileged", 13, 0, 0, privileged},
    {"port-output", 13, 0, 0, port_output},
    {"control-register", 13, 0, 0, read_control_register},
    {"tsc-without-timer", 13, 0, 0, read_tsc},
    {"non-canonical", 13, 0, 0, non_canonical},
    {"non-canonical-jump", 13, 0, 0, non_canonical_jump},
    {"non-canonical-stack", 12, 0, 0, non_canonical_stack}, /* QEMU's TCG says 13 */
    {"undefined", 6, 0, 0, undefined},
    {"breakpoint", 3, 0, 0, breakpoint},
    {"old-system-call", 13, 0, 0, old_system_call},
};
const size_t crash_kind_count = sizeof crash_kinds / sizeof crash_kinds[0];

int crash_as(const char *name)
{
    for (size_t i = 0; i < crash_kind_count; i++)
        if (strcmp(crash_kinds[i].name, name) == 0)
            crash_kinds[i].crash();
    return NOT_CRASHED;
}
