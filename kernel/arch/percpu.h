/*
 * Variables of which each CPU has its own copy.
 *
 *   static PERCPU uint8_t bounce[4096];
 *   uint8_t *buffer = *percpu_this(bounce);
 *
 * CPU 0 works on the variable itself. Every other CPU gets memory for a copy, zeroed, when it is started
 * (arch_cpus_start): so sixteen possible CPUs cost a machine with one nothing. Hence no initialisers: the
 * memory begins zeroed on all CPUs, and what needs more does it in kernel_cpu_main. For what is small or is
 * looked at from other CPUs (a run queue, say), an array of ARCH_CPUS_MAX is the better choice.
 */
#pragma once
#include <stdint.h>

#ifndef CAPOS_HOST_TEST
#define PERCPU __attribute__((section(".bss.percpu")))

enum { ARCH_CPU_PERCPU_OFFSET = 72 }; /* in struct cpu */
/* What lies between a variable and this CPU's copy of it. */
static inline uint64_t arch_percpu_distance(void)
{
    uint64_t distance;
    __asm__("movq %%gs:%c1, %0" : "=r"(distance) : "i"(ARCH_CPU_PERCPU_OFFSET));
    return distance;
}
#define percpu_this(variable) ((__typeof__(&(variable)))((uint64_t) & (variable) + arch_percpu_distance()))
#else
#define PERCPU
#define percpu_this(variable) (&(variable))
#endif
