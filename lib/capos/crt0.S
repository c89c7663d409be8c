/*
 * The entry point. RDI = ring, RSI = process id, RDX = CapSet (abi/capos/capset.h); RSP is 16-byte aligned and holds no
 * return address. The address of _DYNAMIC must be found by instruction, since nothing is relocated yet; in a program
 * with a fixed address there is no _DYNAMIC and RCX becomes 0.
 */
    .text
    .globl _start
    .hidden _start
    .type _start, @function
    .weak _DYNAMIC
    .hidden _DYNAMIC
_start:
    xorl %ebp, %ebp              /* the outermost frame: backtraces end here */
    leaq _DYNAMIC(%rip), %rcx
    call capos_start
    ud2                          /* capos_start does not return */
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits
