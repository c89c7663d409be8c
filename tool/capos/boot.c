/*
 * capos boot: a whole manifest, console and kernel log on stdout; with --expect a transcript test.
 */
#include "command.h"
#include "expect.h"
#include "host.h"
#include "kvm.h"
#include "manifest_file.h"
#include "options.h"
#include "session.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESS_INIT = 1, EXIT_NOT_AS_EXPECTED = 1 };

static char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    path = slash == NULL ? path : slash + 1;
    return must_copy(path, strcspn(path, "."));
}

/* An ISO holds the package already (make iso). */
static bool is_iso(const char *path)
{
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, ".iso") == 0;
}

static bool load_expect(const char *path, struct expect *expect)
{
    struct buffer text = {0};
    struct sentence why;
    bool ok = file_read(path, &text);
    if (!ok) {
        complain("%s cannot be read: %s", path, strerror(errno));
    } else if (!expect_parse(path, buffer_string(&text), text.size, expect, &why)) {
        complain("%s", why.text);
        ok = false;
    }
    buffer_free(&text);
    return ok;
}

/* What every transcript demands without saying so: an orderly end with nothing leaked. */
static bool check_end(const struct expect *expect, const struct session_result *result, struct buffer *report)
{
    const struct kernel_log *log = &result->log;
    size_t before = report->size;
    int64_t code;
    if (result->guest.end == GUEST_TIMED_OUT)
        buffer_printf(report, "the guest did not end within %u s\n", expect->timeout_s);
    else if (!kernel_log_exit_code(log, PROCESS_INIT, &code))
        buffer_text(report, "init never exited\n");
    else if (code != expect->exit_code)
        buffer_printf(report, "init exited with code %" PRId64 " instead of %" PRId64 "\n", code,
                      expect->exit_code);
    else if (!log->halted)
        buffer_text(report, "the kernel did not say `sched: last process exited, halting.`\n");
    else if (!log->balanced)
        buffer_printf(report, "%s\n",
                      log->leaked ? "the kernel leaked frames or objects: see its `check:` line"
                                  : "the kernel did not say `check: all frames and objects returned`");
    else if ((result->guest.qemu_status == QEMU_STATUS_GUEST_SUCCESS) != (expect->exit_code == 0))
        buffer_printf(report, "QEMU ended with status %d\n", result->guest.qemu_status);
    return report->size == before;
}

static int judge_expected(const struct expect *expect, const struct session_result *result)
{
    struct buffer report = {0};
    const struct buffer *output = &result->log.text;
    bool matched = expect_compare(expect, buffer_string(output), output->size, &report);
    bool ended = check_end(expect, result, &report);
    if (!matched || !ended) {
        complain("not as expected (%.1f s):", result->guest.seconds);
        fprintf(stderr, "%s--- the output was:\n%s\n--- end of the output\n", buffer_string(&report),
                buffer_string(output));
    }
    buffer_free(&report);
    return matched && ended ? 0 : EXIT_NOT_AS_EXPECTED;
}

static int judge_plain(const struct options *options, const struct session_result *result)
{
    int64_t code;
    if (result->log.panicked)
        return CAPOS_EXIT_TROUBLE; /* the panic is on stdout already */
    if (result->guest.end == GUEST_LEFT) {
        fputs("\n", stderr);
        complain("left %s", options->subject);
        return CAPOS_EXIT_LEFT;
    }
    if (result->guest.end == GUEST_TIMED_OUT) {
        complain("%s did not end within %u s and was stopped; --timeout gives it more", options->subject,
                 options->timeout_s);
        return CAPOS_EXIT_TIMEOUT;
    }
    if (!kernel_log_exit_code(&result->log, PROCESS_INIT, &code)) {
        complain("the machine ended without init having ended (QEMU status %d)", result->guest.qemu_status);
        return CAPOS_EXIT_TROUBLE;
    }
    int status = (int)(code & 0xff);
    return status == 0 && code != 0 ? 0xff : status;
}

static void apply_expect(const struct expect *expect, struct options *options)
{
    options->timeout_s = expect->timeout_s;
    if (expect->cpus > 0 && !options->cpus_given)
        options->machine.cpus = expect->cpus;
    /* Counting instructions, QEMU runs all processors on one thread, one after the other, and one that
     * computes keeps the others from it: several processors have the real clock. */
    if (options->machine.cpus > 1)
        options->machine.virtual_time = false;
    if (expect->memory_mib > 0)
        options->machine.memory_mib = expect->memory_mib;
}

static int boot_package(struct options *options, const struct expect *expect, const struct buffer *package)
{
    struct sentence why;
    struct session_result result;
    struct session session = {
        .machine = &options->machine,
        .package = is_iso(options->subject) ? NULL : package,
        .iso = is_iso(options->subject) ? options->subject : NULL,
        .kernel = options->kernel,
        .timeout_s = options->timeout_s,
        .output = SESSION_TOGETHER,
        .show_console = expect == NULL || options->verbose,
        .interactive = expect == NULL,
    };
    if (options->print_qemu) {
        char *name = base_name(options->subject);
        bool ok = session_print(&session, name);
        free(name);
        return ok ? 0 : CAPOS_EXIT_TROUBLE;
    }
    kvm_choose(&options->machine, options->want_kvm);
    int status = CAPOS_EXIT_TROUBLE;
    if (!session_run(&session, &result, &why))
        complain("%s", why.text);
    else
        status = expect == NULL ? judge_plain(options, &result) : judge_expected(expect, &result);
    session_result_free(&result);
    return status;
}

static int boot_with(struct options *options)
{
    struct expect expect = {0};
    struct buffer package = {0};
    int status = CAPOS_EXIT_TROUBLE;
    bool ok = options->expect == NULL || load_expect(options->expect, &expect);
    if (is_iso(options->subject))
        options->machine.type = MACHINE_Q35;
    if (ok && (is_iso(options->subject) || manifest_load(options->subject, &package))) {
        if (options->expect != NULL)
            apply_expect(&expect, options);
        status = boot_package(options, options->expect == NULL ? NULL : &expect, &package);
    }
    buffer_free(&package);
    expect_free(&expect);
    return status;
}

int command_boot(int argc, char *const *argv)
{
    struct options options;
    struct sentence why;
    int status = CAPOS_EXIT_TROUBLE;
    if (options_parse(COMMAND_BOOT, argc, argv, &options, &why))
        status = boot_with(&options);
    else
        complain("%s", why.text);
    options_free(&options);
    return status;
}
