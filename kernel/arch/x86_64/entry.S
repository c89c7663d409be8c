/*
 * Every way from user mode into the kernel and back.
 *
 * The user registers go into the current thread's struct user_frame: a system call stores them there, an exception or
 * interrupt finds RSP already at the frame's end (TSS.RSP0). C then runs on the CPU's kernel stack, from its end.
 * What is kept over a system call: RBX RBP R12-R15 RDI RSI RSP; RDX R8-R10 come back zero. On the short way back (the
 * same thread goes on) C has preserved RBX, RBP and R12-R15, so only the rest is loaded.
 * Interrupts stay disabled until SYSRET or IRET: GS and RSP are never seen half switched, but by NMI, #MC and #DF
 * (cpu.h says what those do).
 */
#include "arch/x86_64/cpu_offsets.h"
#include "arch/x86_64/selectors.h"

#define CAPOS_ERR_BAD_SYSCALL -23
#define CANONICAL_BITS 47

.macro SAVE_REGISTERS
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
.endm

.macro RESTORE_REGISTERS
    popq %rax
    popq %rbx
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    popq %rbp
    popq %r8
    popq %r9
    popq %r10
    popq %r11
    popq %r12
    popq %r13
    popq %r14
    popq %r15
.endm

    .text

    .global entry_syscall
    .balign 64
entry_syscall:
    swapgs
    movq %rsp, %gs:CPU_SCRATCH
    movq %gs:CPU_CURRENT, %rsp
    movq %rcx, FRAME_RIP(%rsp)
    movq %gs:CPU_SCRATCH, %rcx
    movq %r11, FRAME_RFLAGS(%rsp)
    movq %rcx, FRAME_RSP(%rsp)
    movq %rdi, FRAME_RDI(%rsp)
    movq %rsi, FRAME_RSI(%rsp)
    movq %rbx, FRAME_RBX(%rsp)
    movq %rbp, FRAME_RBP(%rsp)
    movq %r12, FRAME_R12(%rsp)
    movq %r13, FRAME_R13(%rsp)
    movq %r14, FRAME_R14(%rsp)
    movq %r15, FRAME_R15(%rsp)
    movq $FRAME_VECTOR_SYSCALL, FRAME_VECTOR(%rsp)
    movq %gs:CPU_KERNEL_STACK, %rsp
    incq %gs:CPU_KERNEL_ENTRIES
    cmpq $1, %rax
    jne not_cap_enter
    call syscall_cap_enter            /* (RDI, RSI); may not come back */
    .global entry_syscall_return
entry_syscall_return:
#ifdef CAPOS_DEBUG
    movq %rax, %rbx                   /* reloaded below */
    call spinlock_assert_none_held
    movq %rbx, %rax
    movq %gs:CPU_CURRENT, %rdx
    movq FRAME_RBX(%rdx), %rbx
#endif
    movq %gs:CPU_CURRENT, %rdx
    movq FRAME_RIP(%rdx), %rcx        /* canonical: the instruction before it ran in user space, whose last page */
    movq FRAME_RFLAGS(%rdx), %r11     /* is never mapped; and it is this thread's own, unchanged since the entry */
    movq FRAME_RDI(%rdx), %rdi
    movq FRAME_RSI(%rdx), %rsi
    movq FRAME_RSP(%rdx), %rsp
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    swapgs
    sysretq

not_cap_enter:
    testq %rax, %rax
    jnz 1f
    call syscall_exit
    ud2
1:  movq $CAPOS_ERR_BAD_SYSCALL, %rax
    jmp entry_syscall_return

/* arch_enter_user(): whatever the current context is, on any stack. */
    .global arch_enter_user
    .balign 64
arch_enter_user:
#ifdef CAPOS_DEBUG
    movq %gs:CPU_KERNEL_STACK, %rsp
    call spinlock_assert_none_held
#endif
    movq %gs:CPU_CURRENT, %rsp
    cmpq $FRAME_VECTOR_SYSCALL, FRAME_VECTOR(%rsp)
    jne enter_user_by_iret
    movq FRAME_RIP(%rsp), %rcx        /* of a system call: canonical, see above, and a system call's flags */
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_RBX(%rsp), %rbx
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RBP(%rsp), %rbp
    movq FRAME_R12(%rsp), %r12
    movq FRAME_R13(%rsp), %r13
    movq FRAME_R14(%rsp), %r14
    movq FRAME_R15(%rsp), %r15
    movq FRAME_RSP(%rsp), %rsp
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    swapgs
    sysretq

enter_user_by_iret:
    movq FRAME_RIP(%rsp), %rdx
    movq FRAME_RFLAGS(%rsp), %r11
    shrq $CANONICAL_BITS, %rdx
    jnz enter_user_bad_rip
    andl $USER_FLAGS_MASK, %r11d
    orl $USER_FLAGS_ALWAYS, %r11d
    movq %r11, FRAME_RFLAGS(%rsp)
    movq $SELECTOR_USER_CODE, FRAME_CS(%rsp)
    movq $SELECTOR_USER_DATA, FRAME_SS(%rsp)
    RESTORE_REGISTERS
    addq $16, %rsp                    /* vector, error code */
    swapgs
    iretq                             /* cannot fault: RIP is canonical, CS and SS are ours */

/* A thread whose RIP is not canonical cannot be entered; it gets the fault that it would have met there. */
enter_user_bad_rip:
    movq %rsp, %rdi
    movq %gs:CPU_KERNEL_STACK, %rsp
    xorl %ebp, %ebp
    call entry_bad_rip
    ud2


/* Exceptions and interrupts: RSP at vector, error code, RIP, CS, RFLAGS, RSP, SS. */
    .balign 64
entry_common:
    testb $3, 24(%rsp)
    jz entry_from_kernel
    swapgs
    SAVE_REGISTERS
    incq %gs:CPU_KERNEL_ENTRIES
    movq %rsp, %rdi
    movq %gs:CPU_KERNEL_STACK, %rsp
    pushq $2
    popfq                             /* a gate leaves DF and AC as the thread had them */
    xorl %ebp, %ebp
    call entry_user_trap
    ud2

entry_from_kernel:
    SAVE_REGISTERS
    pushq $2
    popfq
    movq %rsp, %rdi
    movq %rsp, %rbx
    andq $-16, %rsp
    call entry_kernel_trap            /* comes back after interrupts and resolved user-copy faults */
    movq %rbx, %rsp
    RESTORE_REGISTERS
    addq $16, %rsp
    iretq

/* NMI, #MC, #DF: on their own stack, in any state. The struct cpu's address lies above the frame. */
    .balign 16
entry_paranoid:
    SAVE_REGISTERS
    pushq $2
    popfq
    movl $0xc0000101, %ecx            /* MSR_GS_BASE */
    movl FRAME_SIZE(%rsp), %eax
    movl FRAME_SIZE + 4(%rsp), %edx
    wrmsr
    movq %rsp, %rdi
    call entry_fatal_trap
    ud2

/* One stub per vector. Vectors 8, 10-14, 17, 21, 29 and 30 push an error code themselves. */
    .global entry_stubs
    .balign 16
entry_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    .if vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_NMI || vector == VECTOR_MACHINE_CHECK
    jmp entry_paranoid
    .else
    jmp entry_common
    .endif
    .set vector, vector + 1
    .endr
    .balign 16

/* arch_idle(): a wake-up interrupt can only come at the HLT, whose STI delays it until then. */
    .global arch_idle
arch_idle:
    movq %gs:CPU_KERNEL_STACK, %rsp
    xorl %ebp, %ebp
#ifdef CAPOS_DEBUG
    call spinlock_assert_none_held
#endif
    sti
    hlt
    cli
    call handle_idle_wakeup
    ud2

    .global arch_preemption_point
arch_preemption_point:
    sti
    nop                               /* STI takes effect after the next instruction */
    cli
    ret

/*
 * arch_user_copy_in(kernel, user, size) and arch_user_copy_out(user, kernel, size): both are a copy from RSI to RDI; the
 * faults of the instructions between user_copy_start and user_copy_end are resolved or end at user_copy_failed.
 * STAC and CLAC are NOPs until user_copy_patch puts them in. Aligned 4 and 8 bytes are one access.
 */
    .macro PATCH_SMAP opcode
7:  .byte 0x0f, 0x1f, 0x00
    .pushsection .patch.smap, "a"
    .quad 7b
    .quad \opcode
    .popsection
    .endm
    .macro STAC
    PATCH_SMAP 0xcb010f
    .endm
    .macro CLAC
    PATCH_SMAP 0xca010f
    .endm

    .global arch_user_copy_in, arch_user_copy_out, user_copy_start, user_copy_end, user_copy_failed
    .balign 64
arch_user_copy_in:
arch_user_copy_out:
    STAC
    cmpq $8, %rdx
    je 8f
    cmpq $4, %rdx
    je 4f
    movq %rdx, %rcx
    shrq $3, %rcx
user_copy_start:
    rep movsq
    movl %edx, %ecx
    andl $7, %ecx
    jz 1f
    rep movsb
1:  CLAC
    movl $1, %eax
    ret
    .global arch_user_probe_write
arch_user_probe_write:                /* (user) */
    STAC
    lock orb $0, (%rdi)
    jmp 1b
8:  movq (%rsi), %rax
    movq %rax, (%rdi)
    jmp 1b
4:  movl (%rsi), %eax
    movl %eax, (%rdi)
    jmp 1b
user_copy_end:
/* The same in a range of their own, whose faults always end at user_copy_failed: arch_user_try_copy_*. */
    .global arch_user_try_copy_in, arch_user_try_copy_out, user_try_end
    .balign 64
arch_user_try_copy_in:
arch_user_try_copy_out:
    STAC
    cmpq $8, %rdx
    je 8f
    movl %edx, %ecx
    shrl $3, %ecx
    rep movsq
    andl $7, %edx
    jz 1f
    movl %edx, %ecx
    rep movsb
1:  CLAC
    movl $1, %eax
    ret
8:  movq (%rsi), %rax
    movq %rax, (%rdi)
    jmp 1b
    .global arch_user_try_load32
arch_user_try_load32:                 /* (user) */
    STAC
    movl (%rdi), %eax
    CLAC
    btsq $32, %rax                    /* ARCH_USER_LOADED */
    ret
user_try_end:
user_copy_failed:
    CLAC
    xorl %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
