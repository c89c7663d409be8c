/* The two system calls, and nothing else (abi/capos/ring.h says which registers they use). */
#include "internal.h"

int64_t capos_sys_cap_enter(uint32_t min_complete, uint64_t timeout_ns)
{
    return sys_cap_enter(min_complete, timeout_ns);
}

_Noreturn void capos_sys_exit(int64_t code)
{
    for (;;)
        __asm__ volatile("syscall"
                         :
                         : "a"((uint64_t)CAPOS_SYS_EXIT), "D"(code)
                         : "rcx", "r11", "rdx", "r8", "r9", "r10", "memory");
}
