/*
 * First instructions: PVH and Multiboot2 entries, from 32-bit protected mode without paging to 64-bit C.
 *
 * Both protocols load the image where its program headers say and zero its bss. The tables made here map the first
 * 4 GiB three times with 2 MiB pages, all writable and executable: one to one (for the switch), at KERNEL_DIRECT_MAP
 * (where C reads what the loader left) and, the first GiB of them, at KERNEL_IMAGE_BASE. kernel_map.c replaces them.
 */
#include "arch/x86_64/boot.h"

#define PHYSICAL(symbol) ((symbol) - 0xffffffff80000000)

#define MB2_MAGIC        0xe85250d6
#define MB2_LOADER_MAGIC 0x36d76289
#define PTE_TABLE        0x003 /* present, writable */
#define PTE_LARGE        0x083 /* and a 2 MiB page */
#define EFER             0xc0000080
#define EFER_LME         0x100
#define CR4_PAE          0x020
#define CR0_PG_WP_NE_PE  0x80010021
#define COM1             0x3f8

    .section .boot.header, "a"
    .balign 8
multiboot2_header:
    .long MB2_MAGIC
    .long 0
    .long multiboot2_header_end - multiboot2_header
    .long -(MB2_MAGIC + (multiboot2_header_end - multiboot2_header))
    .balign 8
1:  .short 1, 0                       /* information request: command line, module, memory map */
    .long 2f - 1b
    .long 1, 3, 6
2:  .balign 8
1:  .short 3, 0                       /* entry address, physical; the ELF header's is virtual, as GRUB wants it */
    .long 2f - 1b
    .long PHYSICAL(boot_multiboot2_entry)
2:  .balign 8
1:  .short 6, 0                       /* modules page-aligned */
    .long 2f - 1b
2:  .balign 8
    .short 0, 0
    .long 8
multiboot2_header_end:

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18                    /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYSICAL(boot_pvh_entry)

    .section .boot.text, "ax"
    .code32
    .global boot_pvh_entry, boot_multiboot2_entry
boot_pvh_entry:                       /* EBX: physical address of struct hvm_start_info */
    movl $BOOT_PROTOCOL_PVH, %edi
    jmp boot_common
boot_multiboot2_entry:                /* EAX: magic, EBX: physical address of the information structure */
    movl $BOOT_PROTOCOL_MULTIBOOT2, %edi
    cmpl $MB2_LOADER_MAGIC, %eax
    jne boot_halt

boot_common:
    cli
    cld
    rdtsc                             /* monotonic time counts from here; EAX was checked, EDX is free */
    movl %eax, PHYSICAL(boot_entry_tsc)
    movl %edx, PHYSICAL(boot_entry_tsc) + 4
    movl %ebx, %esi                   /* EDI, ESI: the arguments of boot_start, kept from here on */
    movl $PHYSICAL(boot_stack_end), %esp

    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc boot_no_long_mode

    movl $PHYSICAL(boot_pml4), %eax
    movl $(PHYSICAL(boot_pdpt_low) + PTE_TABLE), %ecx
    movl %ecx, 0(%eax)                /* one to one */
    movl %ecx, 256 * 8(%eax)          /* KERNEL_DIRECT_MAP */
    movl $(PHYSICAL(boot_pdpt_high) + PTE_TABLE), %ecx
    movl %ecx, 511 * 8(%eax)
    movl $(PHYSICAL(boot_pd) + PTE_TABLE), %ecx
    movl %ecx, PHYSICAL(boot_pdpt_high) + 510 * 8
    xorl %edx, %edx
1:  movl %ecx, PHYSICAL(boot_pdpt_low)(, %edx, 8)
    addl $4096, %ecx
    incl %edx
    cmpl $4, %edx
    jne 1b
    movl $PTE_LARGE, %ecx
    xorl %edx, %edx
1:  movl %ecx, PHYSICAL(boot_pd)(, %edx, 8)
    addl $0x200000, %ecx
    incl %edx
    cmpl $(4 * 512), %edx
    jne 1b

    movl %cr4, %ecx
    orl $CR4_PAE, %ecx
    movl %ecx, %cr4
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $CR0_PG_WP_NE_PE, %eax
    movl %eax, %cr0
    lgdt PHYSICAL(boot_gdt_pointer)
    ljmp $8, $PHYSICAL(boot_64)

boot_no_long_mode:
    movl $PHYSICAL(boot_no_long_mode_text), %esi
    movw $COM1, %dx
1:  lodsb
    testb %al, %al
    jz boot_halt
    outb %al, %dx
    jmp 1b
boot_halt:
    cli
    hlt
    jmp boot_halt

    .code64
boot_64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movq $boot_stack_end, %rsp
    xorl %ebp, %ebp
    movl %edi, %edi                   /* the upper halves are undefined after the switch */
    movl %esi, %esi
    movq $boot_start, %rax
    call *%rax
    ud2

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff          /* 64-bit code */
boot_gdt_pointer:
    .short boot_gdt_pointer - boot_gdt - 1
    .long PHYSICAL(boot_gdt)
boot_no_long_mode_text:
    .asciz "capos: this processor has no 64-bit mode\n"

/* boot_switch(boot, page_table, stack_end): the boot stack is not mapped by the final tables, hence here. */
    .section .text.boot_switch, "ax"
    .global boot_switch
boot_switch:
    movq %rsi, %cr3
    movq %rdx, %rsp
    xorl %ebp, %ebp
    call boot_finish
    ud2

    .section .boot.bss, "aw", @nobits
    .balign 4096
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4 * 4096
boot_stack:     .skip 8192
boot_stack_end:

    .bss
    .balign 8
    .global boot_entry_tsc
boot_entry_tsc: .skip 8

    .section .note.GNU-stack, "", @progbits
