/*
 * The end of the road: bugs in the kernel itself. Never reached because of anything a process does.
 */
#pragma once
#include "core/types.h"

/* Prints the reason and a symbolised backtrace on the log port, stops the other CPUs, ends QEMU with a
 * failing status. printf subset as log_print's. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a CPU exception: registers and backtrace are those of the interrupted code. */
struct user_frame;
_Noreturn void panic_at(const struct user_frame *frame, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is behind the reason and the backtrace if the CPU is in cap_enter: the kernel's core has it
 * (call_name.h), the machine layer's self test has none. */
bool call_describe_current(char *out, size_t size_bytes);

#define kassert(condition)                                                             \
    do {                                                                               \
        if (__builtin_expect(!(condition), 0))                                         \
            panic("%s:%d: assertion failed: %s", __FILE_NAME__, __LINE__, #condition); \
    } while (0)
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif
