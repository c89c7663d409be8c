/*
 * The shell as a process: what its files share. The language (syntax.h, eval.h, commands.h) knows nothing of
 * this.
 *
 * One thread evaluates; another answers the terminal's questions about completion while the first waits for a
 * line. Whoever touches `names` or asks the schema holds `lock`, which the first thread lets go only while it
 * waits for a line.
 */
#pragma once
#include "commands.h"
#include <capos/lookup.h>
#include <capos/sync.h>

struct shell {
    struct names names;
    struct line line;
    struct eval eval;
    struct shell_system system;
    struct capos_mutex lock;
    cap_schema_registry registry;
    cap_terminal_session terminal; /* id 0: none, then the console */
    cap_console console;
    char **script; /* lines to run instead of asking; null: none */
    int script_left;
    bool line_interrupted; /* the last line asked for: by Ctrl-C */
    bool ended;
    int64_t exit_code;
};

extern struct shell shell;

/* Runs one line; says what was wrong with it. False: it was. */
bool shell_run_line(const char *text, size_t len);
/* The next line into `to` (of SYNTAX_LINE_MAX + 1 bytes), with history and completion if there is a terminal.
 * False: no more will come. */
bool shell_read_line(const char *prompt, char *to, size_t *len);
void shell_write(void *self, const char *bytes, size_t len);
void shell_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* system.c: calls, schemas and names below the language. */
void system_init(struct shell_system *system);

/* interrupt.c: Ctrl-C. Waits for one of these or for Ctrl-C: the index, or -1 for Ctrl-C. Null entries are
 * skipped; at most INTERRUPT_WAITS_MAX. */
enum { INTERRUPT_WAITS_MAX = 8 };
int interrupt_wait(struct cap_pending *const *pending, size_t count);
/* Forgets a Ctrl-C that nobody waited for: before a line is asked for. One that comes while a line's programs
 * are being started is for them, and is kept until they are waited for. */
void interrupt_forget(void);

/* jobs.c: processes. As commands_run. */
bool jobs_run(struct eval *eval, bool *handled);
/* Says which jobs in the background have ended. */
void jobs_report(void);

/* complete.c: answers the terminal from a thread of its own. */
void complete_start(void);

/* tour.c */
void tour_run(void);
