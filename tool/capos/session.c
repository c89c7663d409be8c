/* See session.h. */
#include "session.h"
#include "host.h"
#include "trace_lines.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    const struct session *session;
    struct kernel_log *log;
    struct trace_lines trace;
};

/* Straight to the file: what the guest prints is never kept back. */
static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno != EINTR)
            return;
        bytes += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
}

static void console_bytes(void *self, const char *bytes, size_t size)
{
    struct reader *reader = self;
    if (reader->session->show_console)
        write_all(STDOUT_FILENO, bytes, size);
    if (reader->session->output == SESSION_TOGETHER)
        kernel_log_feed(reader->log, bytes, size);
}

static void log_bytes(void *self, const char *bytes, size_t size)
{
    struct reader *reader = self;
    if (reader->session->show_log)
        write_all(STDERR_FILENO, bytes, size);
    else if (reader->session->show_trace)
        trace_lines_feed(&reader->trace, bytes, size);
    kernel_log_feed(reader->log, bytes, size);
}

char *session_kernel_path(void)
{
    return host_path("build/kernel/capos.elf");
}

static bool check_kernel(const char *kernel, struct sentence *why)
{
    if (access(kernel, R_OK) == 0)
        return true;
    return sentence_say(
        why, "the kernel is not built (%s is missing). Run make, or ./capos, which does it for you", kernel);
}

static bool judge_start(const struct guest_result *guest, int error, struct sentence *why)
{
    if (guest->end == GUEST_NOT_STARTED && error == ENOENT)
        return sentence_say(why,
                            "%s is not installed, and capOS runs inside QEMU. Install it: apt-get install "
                            "qemu-system-x86 (./capos does it for you)",
                            QEMU_COMMAND);
    if (guest->end == GUEST_NOT_STARTED)
        return sentence_say(why, "%s does not start: %s", QEMU_COMMAND, strerror(error));
    if (guest->end == GUEST_ENDED && guest->qemu_errors.size > 0 &&
        guest->qemu_status != QEMU_STATUS_GUEST_SUCCESS)
        return sentence_say(why, "QEMU failed (status %d): %.800s", guest->qemu_status,
                            guest->qemu_errors.data);
    /* A refusal without a word cannot be told from a guest that ended badly: the log decides. */
    return true;
}

bool session_run(const struct session *session, struct session_result *result, struct sentence *why)
{
    bool separate = session->output == SESSION_SEPARATE;
    char *built = session_kernel_path();
    const char *kernel = session->kernel != NULL ? session->kernel : built;
    struct words argv = {0};
    struct qemu_files files = {
        .kernel = kernel,
        .package = GUEST_PACKAGE_PATH,
        .iso = session->iso,
        .log = separate ? GUEST_LOG_PATH : NULL,
    };
    struct reader reader = {.session = session, .log = &result->log};
    *result = (struct session_result){0};
    bool ok = session->iso != NULL || check_kernel(kernel, why);
    if (ok) {
        qemu_command(session->machine, &files, &argv);
        struct guest guest = {
            .argv = &argv,
            .package = session->package,
            .timeout_s = session->timeout_s,
            .console = {console_bytes, &reader},
            .log = {log_bytes, &reader},
            .interactive = session->interactive,
        };
        guest_run(&guest, &result->guest);
        ok = judge_start(&result->guest, errno, why);
    }
    trace_lines_free(&reader.trace);
    words_free(&argv);
    free(built);
    return ok;
}

void session_result_free(struct session_result *result)
{
    buffer_free(&result->guest.qemu_errors);
    kernel_log_free(&result->log);
}

bool session_print(const struct session *session, const char *name)
{
    char *directory = host_path("build/run"), *built = session_kernel_path();
    char *package = must_printf("%s/%s.package", directory, name);
    struct words argv = {0};
    struct buffer text = {0};
    struct qemu_files files = {
        .kernel = session->kernel != NULL ? session->kernel : built,
        .package = package,
        .iso = session->iso,
        .log = session->output == SESSION_SEPARATE ? "/dev/stderr" : NULL,
    };
    bool ok = session->iso != NULL || (directory_make(directory) &&
                                       file_write(package, session->package->data, session->package->size));
    if (ok) {
        qemu_command(session->machine, &files, &argv);
        qemu_quote(&argv, &text);
        fputs(buffer_string(&text), stdout);
    } else {
        complain("%s cannot be written: %s", package, strerror(errno));
    }
    buffer_free(&text);
    words_free(&argv);
    free(package);
    free(built);
    free(directory);
    return ok;
}
