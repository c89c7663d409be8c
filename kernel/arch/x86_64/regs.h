/*
 * Instructions that C has no words for: ports, model-specific and control registers, CPUID.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    MSR_APIC_BASE = 0x1b,
    MSR_PAT = 0x277,
};
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

enum { EFER_SYSCALL = 1 << 0, EFER_NX = 1 << 11 };

#define CR0_MP UINT64_C(0x00000002)
#define CR0_EM UINT64_C(0x00000004)
#define CR0_TS UINT64_C(0x00000008)
#define CR0_NE UINT64_C(0x00000020)
#define CR0_WP UINT64_C(0x00010000)
#define CR0_AM UINT64_C(0x00040000)

#define CR4_TSD        UINT64_C(0x00000004)
#define CR4_PAE        UINT64_C(0x00000020)
#define CR4_MCE        UINT64_C(0x00000040)
#define CR4_PGE        UINT64_C(0x00000080)
#define CR4_OSFXSR     UINT64_C(0x00000200)
#define CR4_OSXMMEXCPT UINT64_C(0x00000400)
#define CR4_UMIP       UINT64_C(0x00000800)
#define CR4_FSGSBASE   UINT64_C(0x00010000)
#define CR4_OSXSAVE    UINT64_C(0x00040000)
#define CR4_SMEP       UINT64_C(0x00100000)
#define CR4_SMAP       UINT64_C(0x00200000)

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid id;
    __asm__ volatile("cpuid"
                     : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
                     : "a"(leaf), "c"(subleaf));
    return id;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

#define CONTROL_REGISTER(name)                                          \
    static inline uint64_t name##_read(void)                            \
    {                                                                   \
        uint64_t value;                                                 \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));          \
        return value;                                                   \
    }                                                                   \
    static inline void name##_write(uint64_t value)                     \
    {                                                                   \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory"); \
    }
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
#undef CONTROL_REGISTER

static inline void port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void port_write16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void port_write32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline uint8_t port_read8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
