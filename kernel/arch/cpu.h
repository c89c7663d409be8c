/*
 * Threads as the processor sees them: the saved user state, entering and leaving user space.
 *
 * The kernel is an event handler: a thread has no kernel stack. Each CPU has one kernel stack; an entry from
 * user space saves the user registers into the running thread's struct user_frame and runs C on the CPU's
 * stack; leaving means loading the frame of whatever thread is to run next. Blocking is therefore just not
 * returning to that thread.
 *
 * Entry calls, all with interrupts disabled, GS = the per-CPU block, on the CPU's kernel stack:
 *   handle_syscall(number, arg0, arg1)   from SYSCALL; returns the frame to resume
 *   handle_fault(frame, info)            from a CPU exception in user mode
 *   handle_interrupt()                   after a device or timer interrupt that came in user mode
 * An exception in kernel mode that is not a user-copy fault panics.
 */
#pragma once
#include "core/types.h"

/* Order is known to arch/x86_64/entry.S (offsets asserted there). */
struct user_frame {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector; /* how the kernel was entered: exception or interrupt vector, or FRAME_SYSCALL */
    uint64_t error_code;
    uint64_t rip, cs, rflags, rsp, ss;
} __attribute__((aligned(16))); /* the CPU rounds TSS.RSP0, the frame's end, down to 16 */
#define FRAME_SYSCALL UINT64_C(0x100)
/* Length of the instruction: a frame whose RIP is set back by it, with the number in RAX, makes the system
 * call again. */
enum { ARCH_SYSCALL_BYTES = 2 };

/* Extended state: FXSAVE or XSAVE image, 64-byte aligned, arch_fpu_size() bytes. */
size_t arch_fpu_size(void);

struct user_context {
    struct user_frame frame; /* must stay first: the TSS' RSP0 points to its end */
    uint64_t fs_base;
    void *fpu;        /* arch_fpu_size() bytes from the heap */
    bool tsc_allowed; /* CR4.TSD clear while this thread runs */
};

/* First-entry state: RIP, RSP, RDI, RSI, RDX as abi/capos/capset.h says, everything else zero, FPU at reset.
 */
void arch_context_init(struct user_context *context, uint64_t rip, uint64_t rsp, uint64_t ring,
                       uint64_t process_id, uint64_t capset, uint64_t fs_base);

/* A copy of the current context, which is in a system call, with its registers as they are in the processor
 * (FPU, FS base). `fpu` of the copy is zeroed memory. */
void arch_context_copy(struct user_context *copy, const struct user_context *current);

/* Makes `next` this CPU's current context: saves the FPU and FS base of the one that was current (null:
 * none), loads those of next, switches CR3 to page_table if it differs, sets TSS.RSP0 and CR4.TSD. Does not
 * enter it. Nothing is saved of a previous that is null. `resident` is the address space's mask of CPUs that
 * may have its translations: this CPU's bit is set before its page table is loaded, and cleared when a
 * shootdown finds it with another. It must stay where it is until the address space has been left by all
 * (arch_tlb_leave). */
void arch_context_switch(struct user_context *previous, struct user_context *next, paddr_t page_table,
                         uint64_t *resident);
/* Enters the current context, which waited in a system call since it was left and has nothing changed of its
 * frame; the call returns `value`. */
_Noreturn void arch_return_to_waiting(const struct user_context *context, int64_t value);
/* Saves the FPU and FS base of the current context, after which there is none: another CPU may now switch to
 * it. The page table stays loaded. Nothing if there is none. */
void arch_context_save(void);

/* No context is current any more (nothing is saved) and CR3 is the kernel's own page table: before an address
 * space is destroyed. */
void arch_leave_context(void);
/* Of the current context. Below CAPOS_USER_MAX. */
void arch_set_fs_base(struct user_context *context, uint64_t fs_base);
/* Lets the current context read the TSC (CR4.TSD clear) from now on. */
void arch_allow_tsc(struct user_context *context);

/* Leaves the kernel into the CPU's current context (SYSRET when it came by SYSCALL and its RIP is safe, else
 * IRET). */
_Noreturn void arch_enter_user(void);
/* Nothing to run: interrupts on, HLT, until an interrupt came; then calls handle_idle_wakeup() on a fresh
 * stack. */
_Noreturn void arch_idle(void);

/* ---- Called by arch, implemented in kernel/core. Each returns by arch_enter_user or arch_idle, chosen by
 * the scheduler. */
struct fault_info {
    uint8_t vector;
    uint64_t error_code;
    uint64_t address; /* CR2 for page faults */
};
_Noreturn void handle_fault(struct user_context *context, const struct fault_info *fault);
_Noreturn void handle_interrupt(void);
_Noreturn void handle_idle_wakeup(void);
/* Page fault at CPL 0 inside arch_user_copy_*: true if the page is now there and the access may be retried.
 */
bool handle_user_copy_fault(uaddr_t address, bool write);
/* System calls. cap_enter may return to arch with a value (the thread goes on) or not at all (another runs).
 */
int64_t syscall_cap_enter(uint32_t min_complete, uint64_t timeout_ns);
/* Where it returns to: in a backtrace while a CPU executes entries. */
extern const char entry_syscall_return[];
_Noreturn void syscall_exit(int64_t code);
/* From the timer vector, in any mode: due timers run. */
void timer_interrupt(void);
/* A kick (arch_cpu_kick) that came in kernel mode, at a preemption point or in the idle loop, and is used up.
 */
void kick_in_kernel(void);

/* Counters for SystemInfo.counters, per CPU, summed by the reader. */
struct cpu_counters {
    uint64_t kernel_entries;
    uint64_t cr3_writes;
    uint64_t page_faults;
    uint64_t context_switches;
};
void arch_counters_read(struct cpu_counters *out);
