/*
 * The ways into the kernel from a program: system calls, faults, interrupts (arch/cpu.h). cap_enter is in
 * ring.c.
 */
#include "arch/arch.h"
#include "core/crash.h"
#include "core/process.h"
#include "core/sched.h"
#include "mm/aspace.h"

void syscall_exit(int64_t code)
{
    process_end_current(code, NULL);
}

void handle_fault(struct user_context *context, const struct fault_info *fault)
{
    struct thread *thread = container_of(context, struct thread, context);
    if (fault->vector == VECTOR_PAGE_FAULT && fault->address < CAPOS_USER_MAX &&
        aspace_fault(thread->process->aspace, fault->address, fault_access(fault)) == CAPOS_OK)
        arch_enter_user();
    if (crash_is_forgivable(thread, fault))
        arch_enter_user();
    struct crash_record crash;
    crash_describe(thread, fault, &crash);
    process_end_current(128 + fault->vector, &crash);
}

bool handle_user_copy_fault(uaddr_t address, bool write)
{
    struct thread *thread = thread_current();
    return thread != NULL && address < CAPOS_USER_MAX &&
           aspace_fault(thread->process->aspace, address, write ? ACCESS_WRITE : ACCESS_READ) == CAPOS_OK;
}

void timer_interrupt(void)
{
    timer_queue_run();
    sched_timer_changed(); /* at a preemption point of a long operation nobody else would */
}

/* Whoever kicked wants this CPU to pass the scheduler, which the long operation it is in the middle of may
 * not do on its way out: the timer sees to it. */
void kick_in_kernel(void)
{
    sched_timer_changed();
}

void handle_interrupt(void)
{
    sched_resume();
}

void handle_idle_wakeup(void)
{
    sched_next();
}
