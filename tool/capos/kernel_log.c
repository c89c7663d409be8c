/* See kernel_log.h. The kernel's sentences are fixed by docs/boot.md and docs/testing.md. */
#include "kernel_log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 };

/* Where console and log share a port, a sentence of the kernel may follow text that did not end its line. */
static void note_exit(struct kernel_log *log, const char *line)
{
    uint64_t id;
    int64_t code;
    const char *at = strstr(line, "proc: process ");
    if (at == NULL || sscanf(at, "proc: process %" SCNu64 " exited with code %" SCNd64, &id, &code) != 2)
        return;
    log->exits = must_realloc(log->exits, (log->exit_count + 1) * sizeof(struct kernel_exit));
    log->exits[log->exit_count++] = (struct kernel_exit){id, code};
}

static void note_crash(struct kernel_log *log, const char *line)
{
    const char *at = strstr(line, "crash: ");
    if (at != NULL)
        buffer_printf(&log->crash, "%s\n", at);
}

static void note_line(struct kernel_log *log, const char *line)
{
    note_exit(log, line);
    note_crash(log, line);
    if (strstr(line, "panic:") != NULL)
        log->panicked = true;
    if (strstr(line, "sched: last process exited, halting.") != NULL)
        log->halted = true;
    if (strstr(line, "check: all frames and objects returned") != NULL)
        log->balanced = true;
    if (strstr(line, "check: leaked") != NULL)
        log->leaked = true;
}

void kernel_log_feed(struct kernel_log *log, const char *bytes, size_t size)
{
    buffer_append(&log->text, bytes, size);
    for (;;) {
        const char *start = log->text.data + log->line_start;
        const char *end = memchr(start, '\n', log->text.size - log->line_start);
        if (end == NULL)
            return;
        char line[LINE_MAX_BYTES];
        size_t len = (size_t)(end - start);
        size_t kept = len < sizeof(line) ? len : sizeof(line) - 1;
        memcpy(line, start, kept);
        while (kept > 0 && line[kept - 1] == '\r')
            kept--;
        line[kept] = '\0';
        log->line_start += len + 1;
        note_line(log, line);
    }
}

bool kernel_log_exit_code(const struct kernel_log *log, uint64_t process_id, int64_t *out)
{
    for (size_t i = 0; i < log->exit_count; i++) {
        if (log->exits[i].process_id == process_id) {
            *out = log->exits[i].code;
            return true;
        }
    }
    return false;
}

void kernel_log_free(struct kernel_log *log)
{
    free(log->exits);
    buffer_free(&log->text);
    buffer_free(&log->crash);
    *log = (struct kernel_log){0};
}
