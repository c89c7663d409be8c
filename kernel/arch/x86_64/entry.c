/* See entry.h and entry.S. */
#include "arch/x86_64/entry.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/idt.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/smp.h"
#include "core/lock.h"
#include "core/panic.h"
#include "dev/serial.h"
#include <base/string.h>

enum { PAGE_FAULT_WRITE = 1 << 1 };

#define ASSERT_OFFSET(type, field, value) _Static_assert(offsetof(type, field) == (value), #field)
ASSERT_OFFSET(struct cpu, current, CPU_CURRENT);
ASSERT_OFFSET(struct cpu, kernel_stack_end, CPU_KERNEL_STACK);
ASSERT_OFFSET(struct cpu, scratch, CPU_SCRATCH);
ASSERT_OFFSET(struct cpu, counters.kernel_entries, CPU_KERNEL_ENTRIES);
ASSERT_OFFSET(struct user_context, frame, 0);
ASSERT_OFFSET(struct user_frame, rax, FRAME_RAX);
ASSERT_OFFSET(struct user_frame, rbx, FRAME_RBX);
ASSERT_OFFSET(struct user_frame, rcx, FRAME_RCX);
ASSERT_OFFSET(struct user_frame, rdx, FRAME_RDX);
ASSERT_OFFSET(struct user_frame, rsi, FRAME_RSI);
ASSERT_OFFSET(struct user_frame, rdi, FRAME_RDI);
ASSERT_OFFSET(struct user_frame, rbp, FRAME_RBP);
ASSERT_OFFSET(struct user_frame, r8, FRAME_R8);
ASSERT_OFFSET(struct user_frame, r15, FRAME_R15);
ASSERT_OFFSET(struct user_frame, vector, FRAME_VECTOR);
ASSERT_OFFSET(struct user_frame, error_code, FRAME_ERROR_CODE);
ASSERT_OFFSET(struct user_frame, rip, FRAME_RIP);
ASSERT_OFFSET(struct user_frame, cs, FRAME_CS);
ASSERT_OFFSET(struct user_frame, rflags, FRAME_RFLAGS);
ASSERT_OFFSET(struct user_frame, rsp, FRAME_RSP);
ASSERT_OFFSET(struct user_frame, ss, FRAME_SS);
_Static_assert(sizeof(struct user_frame) == FRAME_SIZE && FRAME_SIZE % 16 == 0, "the CPU aligns RSP0 to 16");
_Static_assert(FRAME_SYSCALL == FRAME_VECTOR_SYSCALL, "entry.S has its own spelling");
_Static_assert(CAPOS_ERR_BAD_SYSCALL == -23, "entry.S has its own spelling");

extern const char user_copy_start[], user_copy_end[], user_try_end[], user_copy_failed[];

struct smap_patch {
    uint64_t address, opcode;
};
extern const struct smap_patch patch_smap_start[], patch_smap_end[];

void user_copy_patch(void)
{
    if (!cpu_features.smap)
        return;
    for (const struct smap_patch *patch = patch_smap_start; patch < patch_smap_end; patch++)
        memcpy((void *)patch->address, &patch->opcode, 3);
}

static const char *exception_name(uint64_t vector)
{
    static const char *const names[VECTOR_EXCEPTIONS] = {
        "divide error",
        "debug",
        "non-maskable interrupt",
        "breakpoint",
        "overflow",
        "bound range",
        "invalid opcode",
        "no FPU",
        "double fault",
        "",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "protection fault",
        "page fault",
        "",
        "x87 error",
        "alignment check",
        "machine check",
        "SIMD error",
        "virtualization",
        "control protection",
    };
    return vector < VECTOR_EXCEPTIONS && names[vector] != NULL ? names[vector] : "interrupt";
}

/* Device interrupts, in any mode. */
static void interrupt_serve(uint64_t vector)
{
    if (vector == VECTOR_APIC_TIMER) {
        apic_timer_fired();
    } else if (vector == VECTOR_TLB) {
        apic_acknowledge(); /* before the inbox is looked at: what comes after that interrupts again */
        tlb_serve();
    } else if (vector == VECTOR_KICK) {
        apic_acknowledge(); /* the way out of the interrupt does the rest */
    } else if (vector == VECTOR_COM1) {
        serial_interrupt();
        apic_acknowledge();
    }
    /* Anything else is spurious: the APIC's own vector, or a masked PIC's. Neither wants an acknowledgement.
     */
}

static _Noreturn void user_fault(struct user_context *context, uint8_t vector)
{
    const struct fault_info fault = {
        .vector = vector,
        .error_code = context->frame.error_code,
        .address = vector == VECTOR_PAGE_FAULT ? cr2_read() : 0,
    };
    if (vector == VECTOR_PAGE_FAULT)
        this_cpu()->counters.page_faults++;
    handle_fault(context, &fault);
}

_Noreturn void entry_user_trap(struct user_frame *frame)
{
    if (frame->vector < VECTOR_EXCEPTIONS)
        user_fault((struct user_context *)frame, (uint8_t)frame->vector);
    interrupt_serve(frame->vector);
    if (frame->vector == VECTOR_TLB) /* none of the scheduler's business */
        arch_enter_user();
    handle_interrupt();
}

_Noreturn void entry_bad_rip(struct user_context *context)
{
    context->frame.vector = VECTOR_GENERAL_PROTECTION;
    context->frame.error_code = 0;
    user_fault(context, VECTOR_GENERAL_PROTECTION);
}

/* True if the fault was in the user-copy code and on a user address: the copy goes on or ends. */
static bool user_copy_fault(struct user_frame *frame)
{
    const uint64_t address = cr2_read();
    if (frame->vector != VECTOR_PAGE_FAULT || frame->rip < (uint64_t)user_copy_start ||
        frame->rip >= (uint64_t)user_try_end || address >= CAPOS_USER_MAX)
        return false;
    this_cpu()->counters.page_faults++;
    /* The try functions lie behind user_copy_end: they may be called with the very lock that resolving a
     * fault takes. */
    if (frame->rip >= (uint64_t)user_copy_end ||
        !handle_user_copy_fault(address, (frame->error_code & PAGE_FAULT_WRITE) != 0))
        frame->rip = (uint64_t)user_copy_failed;
    return true;
}

void entry_kernel_trap(struct user_frame *frame)
{
    if (frame->vector >= VECTOR_EXCEPTIONS) {
        interrupt_serve(frame->vector);
        if (frame->vector == VECTOR_KICK)
            kick_in_kernel();
        return;
    }
    if (!user_copy_fault(frame))
        panic_at(frame, "%s in the kernel", exception_name(frame->vector));
}

_Noreturn void entry_fatal_trap(struct user_frame *frame)
{
    if (frame->vector == VECTOR_NMI && smp_stop_requested())
        arch_halt_forever();
    panic_at(frame, "%s", exception_name(frame->vector));
}
