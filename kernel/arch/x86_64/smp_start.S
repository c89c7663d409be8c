/*
 * Where another CPU begins: copied to a page below 1 MiB (smp.c) and entered there in real mode, at its first byte.
 *
 * From there to 32-bit mode, to 64-bit mode on tables that map the first 2 MiB one to one beside the kernel's own upper
 * half, and with a jump into the kernel's image to the kernel's tables. EBX: the page's address.
 */
#define EFER             0xc0000080
#define EFER_LME_NXE     0x900
#define CR4_PAE          0x020
#define CR0_PE           0x001
#define CR0_PG_WP_NE_PE  0x80010021
#define CODE_64          0x08
#define CODE_32          0x10
#define DATA_32          0x18
#define OFFSET(label)    (label - smp_start_page)

    .section .rodata.smp_start, "a"
    .global smp_start_page, smp_start_parameters, smp_start_end
    .balign 16
    .code16
smp_start_page:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx
    lgdtl OFFSET(gdt_pointer)
    movl %cr0, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl *OFFSET(far_32)

    .code32
start_32:
    movl $DATA_32, %eax
    movl %eax, %ds
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl OFFSET(low_table)(%ebx), %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl $CR0_PG_WP_NE_PE, %eax       /* and the cache on, which INIT leaves off */
    movl %eax, %cr0
    ljmpl *OFFSET(far_64)(%ebx)

    .code64
start_64:
    movl %ebx, %ebx
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movq OFFSET(kernel_table)(%rbx), %rsi
    movq OFFSET(stack_end)(%rbx), %rsp
    movq OFFSET(number)(%rbx), %rdi
    jmp *OFFSET(arrive)(%rbx)

    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff          /* 64-bit code */
    .quad 0x00cf9b000000ffff          /* 32-bit code */
    .quad 0x00cf93000000ffff          /* data */

/* struct start_parameters in smp.c, which adds the page's address to the first three offsets. */
    .balign 8
smp_start_parameters:
far_32:
    .long OFFSET(start_32)
    .long CODE_32
far_64:
    .long OFFSET(start_64)
    .long CODE_64
    .short 0
gdt_pointer:
    .short 4 * 8 - 1
    .long OFFSET(gdt)
low_table:      .quad 0
kernel_table:   .quad 0
stack_end:      .quad 0
number:         .quad 0
arrive:         .quad 0
smp_start_end:

    .text
    .global smp_arrive
smp_arrive:                           /* (number, page table) on the CPU's own stack */
    movq %rsi, %cr3
    xorl %ebp, %ebp
    call smp_main
    ud2

    .section .note.GNU-stack, "", @progbits
