/* Position-independent user code for selftest_main.c, one page. Each part is entered at its own label. */
    .section .rodata.selftest, "a"
    .global selftest_user_start, selftest_user_end
    .balign 16
selftest_user_start:

/* Calls the kernel with marked registers and checks what comes back; exits with 7 if all is as promised. */
    .global selftest_user_calls
selftest_user_calls:
    movq $0x1111, %rbx
    movq $0x2222, %rbp
    movq $0x3333, %r12
    movq $0x4444, %r13
    movq $0x5555, %r14
    movq $0x6666, %r15
    movq $5, %rdi
    movq $6, %rsi
    movq $0x7777, %rdx
    movq $0x7777, %r8
    movq $0x7777, %r9
    movq $0x7777, %r10
    movq %rsp, (%rsp)
    movl $1, %eax
    std
    syscall
    pushfq
    popq %rcx
    cld
    btl $10, %ecx                     /* the thread's own flags are back */
    jnc bad
    cmpq $11, %rax
    jne bad
    orq %r8, %rdx
    orq %r9, %rdx
    orq %r10, %rdx
    jnz bad
    cmpq $0x1111, %rbx
    jne bad
    cmpq $0x2222, %rbp
    jne bad
    cmpq $0x3333, %r12
    jne bad
    cmpq $0x4444, %r13
    jne bad
    cmpq $0x5555, %r14
    jne bad
    cmpq $0x6666, %r15
    jne bad
    cmpq $5, %rdi
    jne bad
    cmpq $6, %rsi
    jne bad
    cmpq %rsp, (%rsp)
    jne bad
    movl $99, %eax
    syscall
    cmpq $-23, %rax
    jne bad
    movq $7, %rdi
    xorl %eax, %eax
    syscall
bad:
    movq $1, %rdi
    xorl %eax, %eax
    syscall
    ud2

    .global selftest_user_null, selftest_user_divide, selftest_user_halt, selftest_user_tsc, selftest_user_kernel
    .global selftest_user_wild, selftest_user_int3, selftest_user_port, selftest_user_int, selftest_user_execute
selftest_user_null:
    movq 0, %rax
selftest_user_divide:
    xorl %ecx, %ecx
    divl %ecx
selftest_user_halt:
    hlt
selftest_user_tsc:
    rdtsc
    movq $8, %rdi                     /* allowed: says so */
    xorl %eax, %eax
    syscall
selftest_user_kernel:
    movabsq $0xffffffff80100000, %rax
    movq (%rax), %rax
selftest_user_wild:
    movabsq $0x0000900000000000, %rax
    jmp *%rax
selftest_user_int3:
    int3
selftest_user_port:
    outb %al, $0xf4
selftest_user_int:
    int $0x40
selftest_user_execute:
    jmp *%rsp

/* Flags that must not reach the kernel: NT, AC, DF; they are back afterwards. Exits with 7. */
    .global selftest_user_flags
selftest_user_flags:
    pushq $0x44602                    /* IF reads as 1 anyway */
    popfq
    xorl %edi, %edi
    xorl %esi, %esi
    movl $1, %eax
    syscall
    pushfq
    popq %rcx
    pushq $2
    popfq
    andl $0x44600, %ecx
    cmpl $0x44600, %ecx
    jne bad
    movq $7, %rdi
    xorl %eax, %eax
    syscall

/* A single step over a system call: the trap comes behind it, in user mode. */
    .global selftest_user_step
selftest_user_step:
    xorl %edi, %edi
    xorl %esi, %esi
    movl $1, %eax
    pushq $0x302
    popfq
    syscall
    nop
    ud2

/* A GS base that looks like the kernel's, over a system call and into an exception (and, if it goes on, an NMI). */
    .global selftest_user_gs, selftest_user_gs_spin
selftest_user_gs:
    movabsq $0xffffffff80100000, %rax
    wrgsbase %rax
    xorl %edi, %edi
    xorl %esi, %esi
    movl $1, %eax
    syscall
    rdgsbase %rcx
    movabsq $0xffffffff80100000, %rax
    cmpq %rax, %rcx
    jne bad
    xorl %ecx, %ecx
    divl %ecx
selftest_user_gs_spin:
    movabsq $0xffffffff80100000, %rax
    wrgsbase %rax
1:  pause
    jmp 1b

/* What the last thread left in GS base must be gone: exits with its low bits, 0. */
    .global selftest_user_gs_read
selftest_user_gs_read:
    rdgsbase %rdi
    xorl %eax, %eax
    syscall

/* For the timer: nothing but time, with an x87 and an SSE register marked. */
    .global selftest_user_spin
selftest_user_spin:
    movq $0x123456789abcdef, %rax
    movq %rax, %xmm3
1:  pause
    movq %xmm3, %rcx
    cmpq %rax, %rcx
    je 1b
    ud2
selftest_user_end:

    .section .note.GNU-stack, "", @progbits
