/* What entry.S calls, each with interrupts disabled. `frame` is a user_frame for kernel-mode traps as well.
 */
#pragma once
#include "arch/cpu.h"

/* From user mode: exceptions and interrupts. Leaves through the scheduler. */
_Noreturn void entry_user_trap(struct user_frame *frame);
/* From kernel mode. Returns where the interrupted code may go on; panics otherwise. */
void entry_kernel_trap(struct user_frame *frame);
/* NMI, #MC, #DF, on their own stacks: the end. */
_Noreturn void entry_fatal_trap(struct user_frame *frame);
/* A thread was to be entered at an RIP that is not canonical. */
_Noreturn void entry_bad_rip(struct user_context *context);

/* Puts STAC and CLAC into the user-copy code; while the text is still writable. */
void user_copy_patch(void);
