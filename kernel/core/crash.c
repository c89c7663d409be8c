#include "core/crash.h"
#include "arch/arch.h"
#include "core/log.h"
#include "core/umem.h"
#include "mm/aspace.h"
#include <base/string.h>

enum { VECTOR_PROTECTION = 13, VECTORS = 32, PAGE_FAULT_WRITE = 2, PAGE_FAULT_FETCH = 16 };

static const char *const vector_names[VECTORS] = {
    [0] = "division by zero or overflow",
    [1] = "debug trap",
    [3] = "breakpoint",
    [4] = "overflow trap",
    [5] = "bound range exceeded",
    [6] = "invalid instruction",
    [7] = "no floating-point unit",
    [11] = "segment not present",
    [12] = "stack access at a non-canonical address",
    [13] = "privileged instruction or access at a non-canonical address",
    [14] = "page fault",
    [16] = "x87 floating-point exception",
    [17] = "unaligned access with alignment checking on",
    [19] = "SIMD floating-point exception",
};

/* RDTSC is 0f 31, RDTSCP 0f 01 f9. */
static bool is_rdtsc(uaddr_t rip)
{
    uint8_t code[3];
    if (umem_copy_in(code, rip, 2) == CAPOS_OK && code[0] == 0x0f && code[1] == 0x31)
        return true;
    return umem_copy_in(code, rip, 3) == CAPOS_OK && code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9;
}

enum aspace_access fault_access(const struct fault_info *fault)
{
    if ((fault->error_code & PAGE_FAULT_FETCH) != 0)
        return ACCESS_EXEC;
    return (fault->error_code & PAGE_FAULT_WRITE) != 0 ? ACCESS_WRITE : ACCESS_READ;
}

bool crash_is_forgivable(struct thread *thread, const struct fault_info *fault)
{
    if (fault->vector != VECTOR_PROTECTION ||
        __atomic_load_n(&thread->process->clock_page, __ATOMIC_RELAXED) == 0 ||
        !is_rdtsc(thread->context.frame.rip))
        return false;
    arch_allow_tsc(&thread->context);
    return true;
}

static const char *fault_reason(struct thread *thread, const struct fault_info *fault)
{
    if (fault->vector == VECTOR_PAGE_FAULT)
        return aspace_fault_reason(thread->process->aspace, fault->address, fault_access(fault));
    if (fault->vector == VECTOR_PROTECTION && !thread->context.tsc_allowed &&
        is_rdtsc(thread->context.frame.rip))
        return "RDTSC without a Timer capability whose clock was mapped";
    const char *name = fault->vector < VECTORS ? vector_names[fault->vector] : NULL;
    return name == NULL ? "processor exception" : name;
}

/* Follows saved frame pointers while they stay in user memory and move up the stack. */
static size_t walk_stack(const struct user_frame *frame, uint64_t *out)
{
    size_t count = 0;
    uint64_t fp = frame->rbp;
    out[count++] = frame->rip;
    while (count < CAPOS_BACKTRACE_MAX && (fp & 7) == 0 && fp != 0) {
        uint64_t link[2]; /* caller's frame pointer, return address */
        if (umem_copy_in(link, fp, sizeof(link)) < 0 || link[1] == 0)
            break;
        out[count++] = link[1];
        if (link[0] <= fp)
            break;
        fp = link[0];
    }
    return count;
}

void crash_describe(struct thread *thread, const struct fault_info *fault, struct crash_record *out)
{
    const struct user_frame *frame = &thread->context.frame;
    const uint64_t registers[CRASH_REGISTERS] = {
        frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi, frame->rbp, frame->r8,
        frame->r9,  frame->r10, frame->r11, frame->r12, frame->r13, frame->r14, frame->r15, frame->rflags,
    };
    memset(out, 0, sizeof(*out));
    out->vector = fault->vector;
    out->error_code = fault->error_code;
    out->fault_address = fault->vector == VECTOR_PAGE_FAULT ? fault->address : 0;
    out->rip = frame->rip;
    out->rsp = frame->rsp;
    memcpy(out->registers, registers, sizeof(registers));
    out->backtrace_len = walk_stack(frame, out->backtrace);
    const char *reason = fault_reason(thread, fault);
    size_t len = strlen(reason);
    memcpy(out->reason, reason, len < sizeof(out->reason) ? len : sizeof(out->reason) - 1);
}

static void log_registers(const struct crash_record *crash)
{
    static const char *const names[CRASH_REGISTERS] = {"rax", "rbx", "rcx", "rdx",   "rsi", "rdi",
                                                       "rbp", "r8",  "r9",  "r10",   "r11", "r12",
                                                       "r13", "r14", "r15", "rflags"};
    for (size_t i = 0; i < CRASH_REGISTERS; i += 4)
        log_print(LOG_ERROR, "crash:   %-6s %016lx  %-6s %016lx  %-6s %016lx  %-6s %016lx", names[i],
                  crash->registers[i], names[i + 1], crash->registers[i + 1], names[i + 2],
                  crash->registers[i + 2], names[i + 3], crash->registers[i + 3]);
}

static void log_frame(const struct process *process, size_t depth, uint64_t address)
{
    char name[64];
    uint64_t offset;
    /* A return address may be just behind its function: look up the call instead. */
    uint64_t lookup = address - process->image_base - (depth > 0 ? 1 : 0);
    if (elf_symbol(&process->image, lookup, name, sizeof(name), &offset))
        log_print(LOG_ERROR, "crash:   #%zu 0x%lx %s+0x%lx", depth, address, name,
                  offset + (depth > 0 ? 1 : 0));
    else
        log_print(LOG_ERROR, "crash:   #%zu 0x%lx", depth, address);
}

void crash_log(const struct thread *thread, const struct crash_record *crash)
{
    const struct process *process = thread->process;
    log_print(LOG_ERROR, "crash: process %lu (%s) thread %u: %s", process->id, process->name, thread->number,
              crash->reason);
    log_print(LOG_ERROR, "crash:   vector %u error 0x%lx address 0x%lx rip 0x%lx rsp 0x%lx base 0x%lx",
              crash->vector, crash->error_code, crash->fault_address, crash->rip, crash->rsp,
              process->image_base);
    log_registers(crash);
    for (size_t i = 0; i < crash->backtrace_len; i++) {
        log_frame(process, i, crash->backtrace[i]); /* reads all of a symbol table: up to 65,536 of them */
        arch_preemption_point();
    }
}
