/*
 * See panic.h. Uses no lock and no memory but its stack: whatever is broken, it must still get its lines out.
 * A panic inside a panic prints one line more and ends.
 */
#include "core/panic.h"
#include "arch/arch.h"
#include "arch/cpu.h"
#include "core/format.h"
#include "core/ksyms.h"

enum { PANIC_STATUS = 1, LINE_MAX = 256, BACKTRACE_MAX = 24 };

static uint32_t panicking_cpu; /* the first one's number + 1: only it goes on */
static uint32_t panic_level;   /* how often it came here */

static __attribute__((format(printf, 1, 2))) void print_line(const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    size_t len = format_text(line, sizeof(line), format, arguments);
    va_end(arguments);
    line[len] = '\n';
    log_port_write(line, len + 1);
}

static void print_address(uint64_t address)
{
    uint64_t offset;
    const char *name = ksyms_find(address, &offset);
    if (name != NULL)
        print_line("  %016lx %s+0x%lx", address, name, offset);
    else
        print_line("  %016lx", address);
}

/* And what cap_enter is at, if that is where the CPU is. */
static void print_backtrace(uint64_t frame_pointer)
{
    char call[LINE_MAX - 16];
    bool entered = false;
    uint64_t addresses[BACKTRACE_MAX];
    const size_t count = arch_kernel_backtrace(frame_pointer, addresses, BACKTRACE_MAX);
    for (size_t i = 0; i < count; i++) {
        print_address(addresses[i]);
        entered |= addresses[i] == (uint64_t)entry_syscall_return;
    }
    if (entered && call_describe_current(call, sizeof(call)))
        print_line("  in: %s", call);
}

static void print_registers(const struct user_frame *frame)
{
    print_line("  vector %lu error %lx address %lx", frame->vector, frame->error_code, arch_fault_address());
    print_line("  rip %016lx rsp %016lx rfl %016lx cs %lx", frame->rip, frame->rsp, frame->rflags, frame->cs);
    print_line("  rax %016lx rbx %016lx rcx %016lx", frame->rax, frame->rbx, frame->rcx);
    print_line("  rdx %016lx rsi %016lx rdi %016lx", frame->rdx, frame->rsi, frame->rdi);
    print_line("  rbp %016lx r8  %016lx r9  %016lx", frame->rbp, frame->r8, frame->r9);
    print_line("  r10 %016lx r11 %016lx r12 %016lx", frame->r10, frame->r11, frame->r12);
    print_line("  r13 %016lx r14 %016lx r15 %016lx", frame->r13, frame->r14, frame->r15);
}

/* Prints the reason; true if more may be tried. */
static bool panic_begin(const char *format, va_list arguments)
{
    char reason[LINE_MAX - 16];
    const uint32_t me = arch_cpu_number() + 1;
    uint32_t first = 0;
    if (!__atomic_compare_exchange_n(&panicking_cpu, &first, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        first != me)
        arch_halt_forever(); /* one report that can be read is worth more than two that cannot */
    const uint32_t level = panic_level++;
    if (level == 0)
        arch_cpus_stop_others();
    log_port_force();
    if (level > 1)
        return false;
    format_text(reason, sizeof(reason), format, arguments);
    print_line(level == 0 ? "panic: %s" : "panic in a panic: %s", reason);
    return level == 0;
}

_Noreturn void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (panic_begin(format, arguments))
        print_backtrace((uint64_t)__builtin_frame_address(0));
    va_end(arguments);
    machine_exit(PANIC_STATUS);
}

_Noreturn void panic_at(const struct user_frame *frame, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (panic_begin(format, arguments)) {
        print_registers(frame);
        print_address(frame->rip);
        print_backtrace(frame->rbp);
    }
    va_end(arguments);
    machine_exit(PANIC_STATUS);
}
