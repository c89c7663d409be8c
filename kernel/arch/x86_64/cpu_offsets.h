/* What entry.S knows of the C structures; asserted in entry.c. */
#pragma once

#define CPU_CURRENT        8
#define CPU_KERNEL_STACK   16
#define CPU_SCRATCH        24
#define CPU_KERNEL_ENTRIES 32

#define FRAME_RAX        0
#define FRAME_RBX        8
#define FRAME_RCX        16
#define FRAME_RDX        24
#define FRAME_RSI        32
#define FRAME_RDI        40
#define FRAME_RBP        48
#define FRAME_R8         56
#define FRAME_R9         64
#define FRAME_R10        72
#define FRAME_R11        80
#define FRAME_R12        88
#define FRAME_R13        96
#define FRAME_R14        104
#define FRAME_R15        112
#define FRAME_VECTOR     120
#define FRAME_ERROR_CODE 128
#define FRAME_RIP        136
#define FRAME_CS         144
#define FRAME_RFLAGS     152
#define FRAME_RSP        160
#define FRAME_SS         168
#define FRAME_SIZE       176

#define FRAME_VECTOR_SYSCALL 0x100

#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_NMI           2
#define VECTOR_MACHINE_CHECK 18

/* User-visible flags a thread may have: CF PF AF ZF SF TF DF OF RF NT AC ID; IF and bit 1 are always on. */
#define USER_FLAGS_MASK   0x254dd5
#define USER_FLAGS_ALWAYS 0x202
/* Cleared by SYSCALL on entry: all of them. */
#define SYSCALL_FLAGS_MASK 0x277fd5
