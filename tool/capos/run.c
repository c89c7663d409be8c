/*
 * capos run: one program, its grants, its output, its exit code.
 */
#include "command.h"
#include "crash_lines.h"
#include "elf_file.h"
#include "host.h"
#include "kvm.h"
#include "options.h"
#include "package.h"
#include "package_dirs.h"
#include "session.h"
#include "snapshot.h"
#include "package_tracer.h"
#include <capos/fs.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PACKAGE "build/system/shell.package"
#define SHELL_SERVICE   "session"

enum { MEMORY_BASE_MIB = 128, MEMORY_OF_SERVER_MIB = 132 };

enum { PROCESS_INIT = 1, PROCESS_PROGRAM = 2, CRASH_CODE_BASE = 128, CRASH_CODE_LAST = CRASH_CODE_BASE + 31 };

static bool ends_in(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* "dir/hello.c" -> "hello" */
static char *program_name(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base == NULL ? path : base + 1;
    const char *dot = strrchr(base, '.');
    return must_copy(base, dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* Compiles FILE.c; the result's path is the caller's. Always anew: what it includes may have changed. */
static char *compile(const char *source, const char *name)
{
    char *full = realpath(source, NULL), *directory = host_path("build/run");
    char *output =
        must_printf("%s/%s-%016" PRIx64 ".elf", directory, name, hash_text(full == NULL ? source : full));
    struct words argv = {0};
    words_addf(&argv, "%s/tool/capos-cc", host_root());
    words_add(&argv, "-O2");
    words_add(&argv, "-g");
    words_add(&argv, "-Wall");
    words_add(&argv, "-o");
    words_add(&argv, output);
    words_add(&argv, source);
    int status = directory_make(directory) ? command_run(&argv, NULL, NULL) : -1;
    if (status != 0) {
        if (status < 0)
            complain("%s does not start: %s", argv.items[0], strerror(errno));
        complain("%s does not compile; the compiler's words are above", source);
        free(output);
        output = NULL;
    }
    words_free(&argv);
    free(full);
    free(directory);
    return output;
}

/* A name without a slash that is no file may be one of capOS' own programs, ls for instance. Those write to
 * `out` or `io` (app/stream.h): the console, if nothing else was granted so. */
static void find_system_program(struct options *options)
{
    struct sentence why;
    const char *name = options->subject;
    if (strchr(name, '/') != NULL || access(name, F_OK) == 0)
        return;
    char *path = must_printf("%s/build/programs/%s.elf", host_root(), name);
    if (access(path, R_OK) != 0) {
        free(path);
        return;
    }
    options->system_program = path;
    if (!options->no_default && !grant_list_has(&options->grants, "out") &&
        !grant_list_has(&options->grants, "io"))
        (void)grant_add(&options->grants, "console:out", &why);
}

/* Reads the program, compiling it first where it is C; *elf_path is the file that was read, the caller's.
 * Returns 0 or the exit status, having complained. */
static int load_program(const char *path, const char *name, struct buffer *out, char **elf_path)
{
    struct stat info;
    struct sentence why;
    if (stat(path, &info) != 0) {
        complain("there is no program %s (%s)", path, strerror(errno));
        return CAPOS_EXIT_NOT_FOUND;
    }
    if (S_ISDIR(info.st_mode)) {
        complain("%s is a directory; give a .c file or a capOS program", path);
        return CAPOS_EXIT_NOT_RUNNABLE;
    }
    *elf_path = ends_in(path, ".c") ? compile(path, name) : must_copy(path, strlen(path));
    if (*elf_path == NULL)
        return CAPOS_EXIT_NOT_RUNNABLE;
    if (!file_read(*elf_path, out))
        complain("%s cannot be read: %s", *elf_path, strerror(errno));
    else if (!elf_check_program(out->data, out->size, &why))
        complain("%s %s.", path, why.text);
    else
        return 0;
    return CAPOS_EXIT_NOT_RUNNABLE;
}

/* What is started besides the program: init, the tracer, a server. */
static bool load_built(const char *name, struct buffer *out)
{
    char *path = must_printf("%s/build/programs/%s.elf", host_root(), name);
    bool ok = file_read(path, out);
    if (!ok)
        complain("%s is not built (%s: %s). Run make, or ./capos, which does it for you", name, path,
                 strerror(errno));
    free(path);
    return ok;
}

static void explain_dirs(const struct dir_list *dirs)
{
    for (size_t i = 0; i < dirs->count; i++) {
        const struct dir *dir = &dirs->items[i];
        printf("  %-16s %-18s 0x%016" PRIx64 "  a copy of %s as it is now%s\n", dir->name, "Directory",
               CAP_DIRECTORY_INTERFACE_ID, dir->host, dir->read_only ? ", read-only" : "");
    }
}

static int explain(const char *subject, const struct grant_list *grants, const struct dir_list *dirs)
{
    if (grants->count + dirs->count == 0) {
        printf("%s would hold no capability at all.\n", subject);
        return 0;
    }
    printf("%s would hold these capabilities and no others:\n", subject);
    for (size_t i = 0; i < grants->count; i++) {
        const struct grant_kind *kind = grants->items[i].kind;
        printf("  %-16s %-18s 0x%016" PRIx64 "  %s\n", grants->items[i].name, grant_interface_name(kind),
               kind->interface_id, kind->what);
    }
    explain_dirs(dirs);
    return 0;
}

static void show_log_tail(const struct kernel_log *log)
{
    enum { TAIL_BYTES = 4000 };
    size_t from = log->text.size > TAIL_BYTES ? log->text.size - TAIL_BYTES : 0;
    fprintf(stderr, "%.*s", (int)(log->text.size - from), buffer_string(&log->text) + from);
}

static void show_crash(const char *subject, const struct kernel_log *log, const char *elf_path)
{
    struct buffer text = {0};
    crash_add_lines(buffer_string(&log->crash), elf_path, &text);
    complain("%s crashed:", subject);
    fputs(buffer_string(&text), stderr);
    buffer_free(&text);
}

/* A process' exit code is any 64-bit number; ours has 8 bits, and only zero may become zero. */
static int status_of_code(int64_t code)
{
    int status = (int)(code & 0xff);
    return status == 0 && code != 0 ? 0xff : status;
}

/* `process`: whose exit code it is; of a system that was booted as a whole (elf_path null) init's. */
static int judge(const struct options *options, const struct session_result *result, uint64_t process,
                 const char *elf_path)
{
    const struct kernel_log *log = &result->log;
    int64_t code;
    if (log->panicked) {
        complain("the kernel panicked, which is a bug in capOS. Its log ends so:");
        show_log_tail(log);
        return CAPOS_EXIT_TROUBLE;
    }
    if (result->guest.end == GUEST_LEFT) {
        fputs("\n", stderr);
        complain("left %s", options->subject);
        return CAPOS_EXIT_LEFT;
    }
    if (result->guest.end == GUEST_TIMED_OUT) {
        complain("%s did not end within %u s and was stopped. --timeout gives it more, --verbose shows the "
                 "kernel's log",
                 options->subject, options->timeout_s);
        return CAPOS_EXIT_TIMEOUT;
    }
    if (!kernel_log_exit_code(log, process, &code)) {
        complain("the machine ended without %s having ended (QEMU status %d). The kernel's log ends so:",
                 options->subject, result->guest.qemu_status);
        show_log_tail(log);
        return CAPOS_EXIT_TROUBLE;
    }
    if (elf_path != NULL && log->crash.size > 0 && code >= CRASH_CODE_BASE && code <= CRASH_CODE_LAST)
        show_crash(options->subject, log, elf_path);
    if (log->leaked)
        complain("the kernel did not get back everything it had lent, which is a bug in capOS; --verbose "
                 "shows its log");
    return status_of_code(code);
}

static int boot_program(struct options *options, const char *name, const struct buffer *package,
                        uint64_t process, const char *elf_path)
{
    struct session_result result;
    struct sentence why;
    struct session session = {
        .machine = &options->machine,
        .package = package,
        .kernel = options->kernel,
        .timeout_s = options->timeout_s,
        .show_console = true,
        .show_log = options->verbose,
        .show_trace = options->trace,
        .interactive = true,
    };
    if (options->print_qemu)
        return session_print(&session, name) ? 0 : CAPOS_EXIT_TROUBLE;
    kvm_choose(&options->machine, options->want_kvm);
    int status = CAPOS_EXIT_TROUBLE;
    if (session_run(&session, &result, &why))
        status = judge(options, &result, process, elf_path);
    else
        complain("%s", why.text);
    session_result_free(&result);
    return status;
}

static bool package_or_complain(const struct package_request *request, struct buffer *package)
{
    struct sentence why;
    bool ok = package_build(request, package, &why);
    if (!ok)
        complain("%s", why.text);
    return ok;
}

/* The folders' snapshots, and a machine that has room for them: the package and the copy that the server
 * makes of it, with blocks that are not full. */
static bool take_snapshots(struct options *options, struct buffer *server)
{
    struct sentence why;
    size_t bytes = 0;
    for (size_t i = 0; i < options->dirs.count; i++) {
        struct dir *dir = &options->dirs.items[i];
        if (!snapshot_take(dir->host, &dir->tree, &why)) {
            complain("%s", why.text);
            return false;
        }
        bytes += dir->tree.size;
    }
    if (options->dirs.count == 0)
        return true;
    unsigned needed_mib = MEMORY_BASE_MIB + (unsigned)options->dirs.count * MEMORY_OF_SERVER_MIB +
                          (unsigned)(7 * (bytes >> 20));
    if (options->machine.memory_mib < needed_mib)
        options->machine.memory_mib = needed_mib;
    return load_built("fs", server);
}

/* All that goes into the package beside the program. */
static bool load_parts(struct options *options, struct package_request *request)
{
    bool good = load_built("init", &request->init) && take_snapshots(options, &request->files) &&
                (!grant_needs_terminal(&options->grants) || load_built("terminal", &request->terminal)) &&
                (!options->trace || load_built("tracer", &request->tracer));
    request->machine_bytes = (uint64_t)options->machine.memory_mib << 20; /* that the snapshots need, too */
    return good;
}

static int run_with(struct options *options, const char *name)
{
    struct package_request request = {.program_name = name, .grants = &options->grants, .env = &options->env};
    const struct trace_wishes wishes = {options->trace_calls, options->trace_sched, options->trace_times};
    struct words args = {0};
    struct buffer package = {0};
    words_add(&args, name);
    for (size_t i = 0; i < options->arg_count; i++)
        words_add(&args, options->args[i]);
    request.args = &args;
    request.trace = options->trace ? &wishes : NULL;
    char *elf_path = NULL;
    const char *path = options->system_program != NULL ? options->system_program : options->subject;
    int status = load_program(path, name, &request.program, &elf_path);
    if (status == 0) {
        status = CAPOS_EXIT_TROUBLE;
        request.dirs = &options->dirs;
        if (load_parts(options, &request) && package_or_complain(&request, &package))
            status = boot_program(options, name, &package,
                                  PROCESS_PROGRAM + package_services_before(&request), elf_path);
    }
    free(elf_path);
    words_free(&args);
    buffer_free(&package);
    buffer_free(&request.init);
    buffer_free(&request.program);
    buffer_free(&request.files);
    buffer_free(&request.terminal);
    buffer_free(&request.tracer);
    return status;
}

static bool add_dirs(const struct options *options, const struct buffer *server, struct buffer *package)
{
    struct buffer with = {0};
    struct sentence why;
    bool good = options->dirs.count == 0 ||
                package_add_dirs(package, SHELL_SERVICE, &options->dirs, server, &with, &why);
    if (!good)
        complain("%s", why.text);
    if (!good || options->dirs.count == 0)
        return good;
    buffer_free(package);
    *package = with;
    return true;
}

/* Without a program it is the system as a whole that boots: a shell. */
static int boot_default(struct options *options)
{
    char *path = host_path(DEFAULT_PACKAGE);
    struct buffer package = {0}, server = {0};
    int status = CAPOS_EXIT_TROUBLE;
    options->subject = "shell";
    if (!file_read(path, &package))
        complain("%s cannot be read: %s; make builds it", path, strerror(errno));
    else if (take_snapshots(options, &server) && add_dirs(options, &server, &package))
        status = boot_program(options, "shell", &package, PROCESS_INIT, NULL);
    buffer_free(&package);
    buffer_free(&server);
    free(path);
    return status;
}

static int run_subject(struct options *options)
{
    find_system_program(options);
    char *name = program_name(options->subject);
    int status = options->explain ? explain(options->subject, &options->grants, &options->dirs)
                                  : run_with(options, name);
    free(name);
    return status;
}

int command_run_program(int argc, char *const *argv)
{
    struct options options;
    struct sentence why;
    int status = CAPOS_EXIT_TROUBLE;
    if (!options_parse(COMMAND_RUN, argc, argv, &options, &why))
        complain("%s", why.text);
    else
        status = options.subject == NULL ? boot_default(&options) : run_subject(&options);
    options_free(&options);
    return status;
}
