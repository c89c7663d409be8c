/* The I/O APIC: the interrupt lines of devices. Only COM1's is in use. Its registers are at KERNEL_IO_APIC.
 */
#pragma once
#include "core/types.h"

/* The page that its registers lie in; 0: there is none that COM1 interrupts at. From smp_find on. */
uint64_t io_apic_physical_page(void);
/* COM1's interrupt comes to the boot CPU as this vector. False: it cannot. Again does nothing. */
bool io_apic_route_com1(uint8_t vector);
