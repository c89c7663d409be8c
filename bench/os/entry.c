/* The entry point: keeps the ring's address, which libcapos has for itself, then goes on as any program does.
 */
#include "guest.h"

struct capos_ring_header *guest_ring_at_entry;

__asm__("    .text\n"
        "    .global bench_start\n"
        "bench_start:\n"
        "    movq %rdi, guest_ring_at_entry(%rip)\n"
        "    jmp _start\n");
