/*
 * build/capos, the host program behind ./capos: finds the subcommand and explains itself.
 */
#include "command.h"
#include "grants.h"
#include "host.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char version[] = "capos 0.1";

static const char usage[] =
    "capOS runs a program with exactly the capabilities you name, in a small virtual machine of its own.\n"
    "\n"
    "  capos run [OPTION]...                    boot into the shell\n"
    "  capos run [OPTION]... PROGRAM [ARG]...   run one program: a .c file, what capos cc made, or one of "
    "capOS' own (ls)\n"
    "  capos cc [clang's options] FILE.c -o F   compile a C program for capOS\n"
    "  capos boot [OPTION]... MANIFEST          boot a whole system (.capnp, .json, .cue, .package, .iso)\n"
    "  capos test [SUITE]...                    run all the tests, or these suites (--list shows their "
    "names)\n"
    "  capos gdb NAME | FILE.package            boot under the debugger\n"
    "  capos help                               this text\n"
    "  capos --version\n"
    "\n"
    "Options of run:\n"
    "  --grant CAP[:NAME]  give the program this capability; it finds it under NAME (by default the same "
    "word)\n"
    "  --dir FOLDER[:NAME[:ro]]  give it a copy of this folder as a Directory called NAME (by default root,\n"
    "                      in the shell host); ro: read-only. At most 64 MiB. Links are kept, "
    "not\n"
    "                      followed; what is written stays in the machine; a CACHEDIR.TAG leaves a folder "
    "out\n"
    "  --no-default        do not give it console and memory, which every program gets otherwise\n"
    "  --env KEY=value     an entry of its environment\n"
    "  --trace[=calls,sched]  show on stderr what it calls and what that answers (calls, the default), and "
    "when it runs\n"
    "  --trace-times       with the seconds since its begin\n"
    "  --explain           say what the program would hold, and do not run it\n"
    "Options of run and boot:\n"
    "  --memory SIZE       of the machine, for instance 64M (default 128M)\n"
    "  --cpus N            processors (default 1)\n"
    "  --timeout SECONDS   stop the machine after that time (exit status 124)\n"
    "  --machine TYPE      microvm (default) or q35\n"
    "  --kernel FILE       another kernel, for instance build/kernel-debug/capos.elf\n"
    "  --kvm               use KVM, if a probe guest shows that it works here\n"
    "  --virtual-time      the machine's clock counts instructions: a busy host does not show in it\n"
    "  --verbose           show the kernel's log\n"
    "  --print-qemu        print QEMU's command line and do not run it\n"
    "Options of boot:\n"
    "  --uefi              of an .iso: with UEFI firmware instead of BIOS\n"
    "  --expect FILE       compare the output with a transcript; exit status 0 if it matches\n"
    "\n"
    "Exit status of run: the program's own; 128 + the exception's number if it crashed; 123 if you left "
    "it (Ctrl-A x);\n"
    "124 if it was stopped; "
    "125 if capos could not do its work; 126 if PROGRAM cannot be run; 127 if it is not there.\n"
    "\n"
    "Try:  ./capos run demo/c-hello/main.c\n"
    "\n"
    "Capabilities to grant:\n";

static int command_help(int argc, char *const *argv)
{
    size_t count;
    (void)argc;
    (void)argv;
    fputs(usage, stdout);
    const struct grant_kind *kinds = grant_kinds(&count);
    for (size_t i = 0; i < count; i++)
        printf("  %-14s %-18s %s\n", kinds[i].word, grant_interface_name(&kinds[i]), kinds[i].what);
    kinds = grant_terminal_kinds(&count);
    for (size_t i = 0; i < count; i++)
        printf("  %-14s %-18s %s\n", kinds[i].word, grant_interface_name(&kinds[i]), kinds[i].what);
    return 0;
}

static int command_version(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    puts(version);
    return 0;
}

/* Becomes another program; returns only if that fails. */
static int become(const struct words *argv)
{
    execvp(argv->items[0], argv->items);
    complain("%s does not start: %s", argv->items[0], strerror(errno));
    return errno == ENOENT ? CAPOS_EXIT_NOT_FOUND : CAPOS_EXIT_NOT_RUNNABLE;
}

int command_test(int argc, char *const *argv)
{
    struct words command = {0};
    if (chdir(host_root()) != 0) {
        complain("%s: %s", host_root(), strerror(errno));
        return CAPOS_EXIT_TROUBLE;
    }
    words_add(&command, argc == 0 ? "make" : "tool/check");
    if (argc == 0) {
        words_add(&command, "--no-print-directory");
        words_add(&command, "check");
    }
    for (int i = 0; i < argc; i++)
        words_add(&command, argv[i]);
    int status = become(&command);
    words_free(&command);
    return status;
}

int command_cc(int argc, char *const *argv)
{
    struct words command = {0};
    words_addf(&command, "%s/tool/capos-cc", host_root());
    for (int i = 0; i < argc; i++)
        words_add(&command, argv[i]);
    int status = become(&command);
    words_free(&command);
    return status;
}

static const struct {
    const char *name;
    int (*run)(int argc, char *const *argv);
} commands[] = {
    {"run", command_run_program}, {"boot", command_boot},
    {"test", command_test},       {"cc", command_cc},
    {"gdb", command_gdb},         {"help", command_help},
    {"--help", command_help},     {"-h", command_help},
    {"version", command_version}, {"--version", command_version},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        command_help(0, NULL);
        return CAPOS_EXIT_TROUBLE;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return host_init() ? commands[i].run(argc - 2, argv + 2) : CAPOS_EXIT_TROUBLE;
    }
    complain("there is no command '%s'. There are: run, boot, cc, test, gdb, help", argv[1]);
    return CAPOS_EXIT_TROUBLE;
}
