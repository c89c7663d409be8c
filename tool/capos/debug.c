/*
 * capos gdb: QEMU stopped at its first instruction, and gdb attached to it with the kernel's symbols, the
 * programs' and the helper commands of tool/gdb.
 */
#include "command.h"
#include "elf_file.h"
#include "host.h"
#include "manifest_file.h"
#include "options.h"
#include "package.h"
#include "session.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct debug_paths {
    char *directory;
    char *package;
    char *socket;
    char *console; /* what the machine prints; gdb has the terminal */
    char *program; /* the first service's ELF file, with debug information where it was built here */
};

static void paths_make(struct debug_paths *paths)
{
    paths->directory = host_path("build/run");
    paths->package = must_printf("%s/gdb-%d.package", paths->directory, (int)getpid());
    paths->socket = must_printf("%s/gdb-%d.socket", paths->directory, (int)getpid());
    paths->console = must_printf("%s/gdb-console.txt", paths->directory);
    paths->program = must_printf("%s/gdb-program.elf", paths->directory);
}

static void paths_free(struct debug_paths *paths)
{
    free(paths->directory);
    free(paths->package);
    free(paths->socket);
    free(paths->console);
    free(paths->program);
}

/* A child that ends with us. Its terminal is the file `console`. */
static bool start_qemu(const struct machine *machine, const char *kernel, const struct debug_paths *paths)
{
    struct words argv = {0};
    struct qemu_files files = {
        .kernel = kernel, .package = paths->package, .wait_for_gdb = true, .gdb_socket = paths->socket};
    qemu_command(machine, &files, &argv);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setpgid(0, 0); /* so that an interrupt typed in gdb reaches the guest through gdb alone */
        if (freopen("/dev/null", "r", stdin) == NULL || freopen(paths->console, "w", stdout) == NULL)
            _exit(1);
        execvp(argv.items[0], argv.items);
        complain("%s does not start: %s", argv.items[0], strerror(errno));
        _exit(1);
    }
    for (int tries = 0; tries < 100 && access(paths->socket, F_OK) != 0; tries++)
        usleep(50 * 1000);
    words_free(&argv);
    return access(paths->socket, F_OK) == 0;
}

/* Runs gdb on our terminal and waits for its end; an interrupt typed there is gdb's business. */
static void run_gdb(const struct words *argv)
{
    int status;
    signal(SIGINT, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        execvp("gdb", argv->items);
        complain("gdb does not start: %s. Install it: apt-get install gdb", strerror(errno));
        _exit(CAPOS_EXIT_TROUBLE);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
}

static void start_gdb(const struct debug_paths *paths, const char *kernel, bool have_program)
{
    char *helpers = host_path("tool/gdb/capos.py");
    struct words argv = {0};
    words_add(&argv, "gdb");
    words_add(&argv, "-q");
    words_add(&argv, kernel);
    words_add(&argv, "-ex");
    words_addf(&argv, "source %s", helpers);
    if (have_program) {
        words_add(&argv, "-ex");
        words_addf(&argv, "set $capos_program = \"%s\"", paths->program);
    }
    words_add(&argv, "-ex");
    words_addf(&argv, "target remote %s", paths->socket);
    printf("The machine prints into %s. `help capos` lists the helper commands.\n", paths->console);
    fflush(stdout);
    run_gdb(&argv);
    words_free(&argv);
    free(helpers);
}

/* The program's symbols: build/programs has a file with debug information, the package one without. */
static bool find_program(struct debug_paths *paths, const struct buffer *package)
{
    const char *name;
    const void *elf;
    size_t size;
    if (!package_program(package, 1, &name, &elf, &size))
        return false;
    char *debug = must_printf("%s/build/programs/%s.debug.elf", host_root(), name);
    if (access(debug, R_OK) != 0) {
        free(debug);
        return file_write(paths->program, elf, size);
    }
    free(paths->program);
    paths->program = debug;
    return true;
}

static bool write_package(const struct debug_paths *paths, const struct buffer *package)
{
    if (directory_make(paths->directory) && file_write(paths->package, package->data, package->size))
        return true;
    complain("%s cannot be written: %s", paths->package, strerror(errno));
    return false;
}

static bool debug_package(const struct options *options, const struct buffer *package)
{
    struct debug_paths paths;
    char *built = session_kernel_path();
    const char *kernel = options->kernel != NULL ? options->kernel : built;
    paths_make(&paths);
    bool ok = write_package(&paths, package);
    if (ok) {
        bool have_program = find_program(&paths, package);
        ok = start_qemu(&options->machine, kernel, &paths);
        if (ok)
            start_gdb(&paths, kernel, have_program);
        else
            complain("QEMU did not open its debugging socket");
    }
    unlink(paths.package);
    unlink(paths.socket);
    paths_free(&paths);
    free(built);
    return ok;
}

/* A demo's name or a manifest. */
static char *find_manifest(const char *subject)
{
    char *demo = must_printf("%s/build/demo/%s.package", host_root(), subject);
    if (strchr(subject, '/') == NULL && access(demo, R_OK) == 0)
        return demo;
    free(demo);
    return must_copy(subject, strlen(subject));
}

int command_gdb(int argc, char *const *argv)
{
    struct options options;
    struct sentence why;
    struct buffer package = {0};
    int status = CAPOS_EXIT_TROUBLE;
    if (options_parse(COMMAND_GDB, argc, argv, &options, &why)) {
        char *manifest = find_manifest(options.subject);
        if (manifest_load(manifest, &package) && debug_package(&options, &package))
            status = 0;
        free(manifest);
    } else {
        complain("%s", why.text);
    }
    buffer_free(&package);
    options_free(&options);
    return status;
}
