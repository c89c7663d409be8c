/* COM1 (16550) and QEMU's debug console. Output is polled; input interrupts where that can be routed. arch.h
 * declares what is written through them. */
#pragma once

/* Finds and programs COM1: 115200 baud, 8 bits, FIFO on. A missing port swallows what is written. */
void serial_init(void);
/* Waits until COM1 has sent everything. */
void serial_flush(void);
/* From its vector: calls console_port_listen's function. No lock held. */
void serial_interrupt(void);
