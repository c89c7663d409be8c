/*
 * The smallest Linux program: no C library. As the process that spawn_wait starts it exits at once; with an
 * argument it waits for its end; as a machine's /init (process 1) it says hello, which is what the smallest
 * memory is searched with.
 */
#include <stdint.h>
#include <sys/syscall.h>

void tiny_main(const uint64_t *stack); /* called by _start below */

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

/* The kernel enters with the stack pointer at argc and no return address; C wants it in a register. */
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall tiny_main\n\thlt\n");

void tiny_main(const uint64_t *stack)
{
    static const char hello[] = "bench-hello\n";
    if (call(SYS_getpid, 0, 0, 0) == 1)
        call(SYS_write, 1, (long)hello, sizeof(hello) - 1);
    else if (stack[0] == 1)
        call(SYS_exit_group, 0, 0, 0);
    for (;;)
        call(SYS_pause, 0, 0, 0);
}
