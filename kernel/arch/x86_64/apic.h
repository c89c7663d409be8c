/* The local APIC: spurious vector, one-shot timer, interrupts to other CPUs. Its registers are at
 * KERNEL_APIC. */
#pragma once
#include "core/types.h"

uint64_t apic_physical_base(void); /* where the CPU has it */
void apic_init(void);              /* on each CPU; timer stopped */
void apic_timer_fired(void);       /* from the timer vector */

/* For calibration: the timer runs free, down from 2^32 - 1, at the full frequency. */
void apic_timer_free_run(void);
uint32_t apic_timer_ticks(void);                   /* since apic_timer_free_run */
void apic_timer_calibrated(uint64_t frequency_hz); /* on the boot CPU; includes apic_timer_start */
/* On each CPU, once the boot CPU's is calibrated: one-shot mode, stopped. */
void apic_timer_start(void);

/* Interrupts to the CPU with that APIC id. They return as soon as the APIC has taken it. */
uint8_t apic_own_id(void);
void apic_acknowledge(void); /* at the end of each interrupt that is not an NMI */
void apic_send_vector(uint8_t apic_id, uint8_t vector);
void apic_send_nmi(uint8_t apic_id);
/* Starting a CPU: INIT makes it wait for a start-up, which makes it run in real mode from page page_number.
 */
void apic_send_init(uint8_t apic_id);
void apic_send_startup(uint8_t apic_id, uint8_t page_number);
