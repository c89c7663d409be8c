/* The local APIC: spurious vector, one-shot timer. Its registers are at KERNEL_APIC. */
#pragma once
#include "core/types.h"

uint64_t apic_physical_base(void); /* where the CPU has it */
void apic_init(void);              /* on each CPU; timer stopped */
void apic_timer_fired(void);       /* from the timer vector */

/* For calibration: the timer runs free, down from 2^32 - 1, at the full frequency. */
void apic_timer_free_run(void);
uint32_t apic_timer_ticks(void); /* since apic_timer_free_run */
void apic_timer_calibrated(uint64_t frequency_hz);
