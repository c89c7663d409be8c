/*
 * The processors of the machine, and where the first serial port interrupts, from ACPI's MADT.
 *
 * Firmware's tables are not trusted: each is reached through boot_physical, which bounds it, and is looked at
 * only with a right checksum and a length that its reader fits into. What is wrong costs processors, never
 * the boot. Runs on the boot tables, before any RAM is given out.
 */
#pragma once
#include "core/types.h"

enum { ACPI_APIC_ID_MAX = 254 }; /* what xAPIC mode can address; 255 is everybody */

/* How the interrupt of COM1, ISA line 4, comes to the I/O APIC. */
struct acpi_com1 {
    uint64_t io_apic; /* physical address of its registers; 0: the tables name none */
    uint32_t pin;
    bool active_low, level;
};

struct acpi_cpus {
    uint32_t count; /* enabled, each once, in the table's order */
    uint8_t apic_ids[ACPI_APIC_ID_MAX + 1];
    uint32_t unreachable; /* enabled, but with an APIC id above ACPI_APIC_ID_MAX */
    struct acpi_com1 com1;
};

/* `rsdp`: physical address of the root pointer, or 0 to search where a BIOS leaves it. Null on success, else
 * the sentence that says what is wrong; then *out is empty. */
const char *acpi_cpus_find(uint64_t rsdp, struct acpi_cpus *out);
