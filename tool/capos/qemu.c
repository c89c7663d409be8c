/* See qemu.h. */
#include "qemu.h"
#include <string.h>

enum { DEFAULT_MEMORY_MIB = 128 };

static const char *const type_names[] = {[MACHINE_MICROVM] = "microvm", [MACHINE_Q35] = "q35"};
enum { TYPE_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

/* What a microvm does without unless told: the PIT and PIC calibrate, the RTC gives the time of day, COM1 is
 * the console. Without option ROMs and a generated command line it starts at once and gets exactly ours. */
static const char microvm_machine[] =
    "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off";

static const char uefi_firmware[] = "/usr/share/ovmf/OVMF.fd"; /* Debian's package ovmf */

struct machine machine_default(void)
{
    return (struct machine){.type = MACHINE_MICROVM, .memory_mib = DEFAULT_MEMORY_MIB, .cpus = 1};
}

bool machine_type_parse(const char *text, enum machine_type *out)
{
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *out = (enum machine_type)i;
            return true;
        }
    }
    return false;
}

const char *machine_type_name(enum machine_type type)
{
    return type_names[type];
}

static void add_pair(struct words *argv, const char *option, const char *value)
{
    words_add(argv, option);
    words_add(argv, value);
}

static void add_machine(const struct machine *machine, struct words *argv)
{
    add_pair(argv, "-M", machine->type == MACHINE_MICROVM ? microvm_machine : type_names[machine->type]);
    add_pair(argv, "-accel", machine->kvm ? "kvm" : "tcg");
    add_pair(argv, "-cpu", machine->kvm ? "host" : "max");
    if (machine->virtual_time) {
        add_pair(argv, "-icount", "shift=0,sleep=off");
        add_pair(argv, "-rtc", "base=2026-01-01,clock=vm");
    }
    words_add(argv, "-smp");
    words_addf(argv, "%u", machine->cpus);
    words_add(argv, "-m");
    words_addf(argv, "%uM", machine->memory_mib);
}

/* An ISO brings its own kernel, package and command line. */
static void add_software(const struct machine *machine, const struct qemu_files *files, struct words *argv)
{
    if (files->iso != NULL) {
        add_pair(argv, "-cdrom", files->iso);
        if (machine->uefi)
            add_pair(argv, "-bios", uefi_firmware);
        return;
    }
    add_pair(argv, "-kernel", files->kernel);
    add_pair(argv, "-initrd", files->package);
    add_pair(argv, "-append", files->log != NULL ? "log=debugcon" : "log=com1");
}

void qemu_command(const struct machine *machine, const struct qemu_files *files, struct words *argv)
{
    words_add(argv, QEMU_COMMAND);
    add_machine(machine, argv);
    words_add(argv, "-no-user-config");
    words_add(argv, "-nodefaults");
    words_add(argv, "-no-reboot");
    add_pair(argv, "-display", "none");
    add_software(machine, files, argv);
    add_pair(argv, "-chardev", "stdio,id=console,signal=off");
    add_pair(argv, "-serial", "chardev:console");
    if (files->log != NULL) {
        words_add(argv, "-chardev");
        words_addf(argv, "file,id=log,path=%s", files->log);
        add_pair(argv, "-device", "isa-debugcon,iobase=0xe9,chardev=log");
    }
    add_pair(argv, "-device", "isa-debug-exit,iobase=0xf4,iosize=4");
    if (files->wait_for_gdb) {
        words_add(argv, "-S");
        words_add(argv, "-gdb");
        words_addf(argv, "unix:%s,server=on,wait=off", files->gdb_socket);
    }
}

static bool needs_quotes(const char *word)
{
    return word[0] == '\0' ||
           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "-_=+./,:@%")] != '\0';
}

void qemu_quote(const struct words *argv, struct buffer *out)
{
    for (size_t i = 0; i < argv->count; i++) {
        const char *word = argv->items[i];
        if (i > 0)
            buffer_text(out, " ");
        if (!needs_quotes(word)) {
            buffer_text(out, word);
            continue;
        }
        buffer_text(out, "'");
        for (; *word != '\0'; word++)
            buffer_text(out, *word == '\'' ? "'\\''" : (const char[]){*word, '\0'});
        buffer_text(out, "'");
    }
    buffer_text(out, "\n");
}
