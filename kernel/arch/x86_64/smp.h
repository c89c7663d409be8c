/*
 * More than one CPU: finding and starting them, and interrupts between them.
 *
 * Each is known by its number (arch.h); what the hardware calls it (its APIC id) is only known here.
 */
#pragma once
#include "arch/arch.h"

/* Reads which CPUs there are and takes the RAM below 1 MiB that they start in out of boot->regions. On the
 * boot tables, before the regions are used. What goes wrong is reported by arch_cpus_start. */
void smp_find(struct boot_info *boot);

/* From smp_find on: how COM1 interrupts. */
struct acpi_com1;
const struct acpi_com1 *smp_com1(void);
uint8_t smp_boot_apic_id(void); /* from arch_cpus_start on */

/* Sends an interrupt vector to a CPU that is up. */
void smp_interrupt(uint32_t cpu, uint8_t vector);
/* In the NMI's handler: true if it was sent to stop this CPU, which must then halt. */
bool smp_stop_requested(void);
