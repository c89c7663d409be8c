/*
 * QEMU's command line, in one place: two machines, TCG or KVM, PVH or an ISO, console on COM1, kernel log on
 * COM1 or on the debug console, exit through isa-debug-exit.
 */
#pragma once
#include "buffer.h"

#define QEMU_COMMAND "qemu-system-x86_64"

enum machine_type { MACHINE_MICROVM, MACHINE_Q35 };

struct machine {
    enum machine_type type;
    unsigned memory_mib;
    unsigned cpus;
    bool kvm;
    bool virtual_time; /* the clock counts instructions, and waiting takes no time: TCG only */
    bool uefi;         /* with an ISO: UEFI firmware instead of BIOS */
};

struct machine machine_default(void);
bool machine_type_parse(const char *text, enum machine_type *out);
const char *machine_type_name(enum machine_type type);

struct qemu_files {
    const char *kernel;
    const char *package;
    const char *iso; /* boots this instead of kernel and package; q35 only */
    const char *log; /* a path for the kernel's log; null: the log goes to COM1 with the console */
    bool wait_for_gdb;
    const char *gdb_socket; /* with wait_for_gdb */
};

/* Appends the whole command; COM1 is QEMU's stdout. */
void qemu_command(const struct machine *machine, const struct qemu_files *files, struct words *argv);
/* Appends the command quoted for a shell, with a newline. */
void qemu_quote(const struct words *argv, struct buffer *out);

/* isa-debug-exit makes an exit status of what the guest wrote: success is a zero written. */
enum { QEMU_STATUS_GUEST_SUCCESS = 1 };
