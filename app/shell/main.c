/*
 * The shell. Grants: whatever its user is to hold; the shell itself uses, if they are there,
 *   terminal   TerminalSession: lines come from there; otherwise `console`
 *   registry   SchemaRegistry: without it nothing can be called by name
 *   launcher   RestrictedLauncher: programs
 *   ipc        IpcFactory: pipes, completion
 *   memory, and for completion threads, thread, park
 * Arguments: `-c LINE...`: runs these lines and ends.
 */
#include "shell.h"
#include <capos/print.h>
#include <stdarg.h>
#include <string.h>

enum { PRINT_BYTES = 1024, WRITE_BYTES = 1000, FAILED = 1 };

struct shell shell;

/* ---- The terminal or the console. */

void shell_write(void *self, const char *bytes, size_t len)
{
    (void)self;
    for (size_t at = 0; at < len;) {
        size_t piece = len - at < WRITE_BYTES ? len - at : WRITE_BYTES;
        struct cap_terminal_session_write_results written = {0};
        if (shell.terminal.id == 0) {
            (void)cap_console_write(shell.console, capnp_data_of(bytes + at, piece));
        } else {
            if (cap_terminal_session_write(shell.terminal, capnp_data_of(bytes + at, piece), &written) < 0 ||
                written.written == 0)
                return;
            piece = written.written < piece ? written.written : piece;
        }
        at += piece;
    }
}

void shell_print(const char *format, ...)
{
    char text[PRINT_BYTES];
    va_list args;
    va_start(args, format);
    int len = capos_vsnprintf(text, sizeof text, format, args);
    va_end(args);
    shell_write(NULL, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
}

static bool read_script(const char *prompt, char *to, size_t *len)
{
    if (shell.script_left == 0)
        return false;
    *len = strnlen(*shell.script, SYNTAX_LINE_MAX);
    memcpy(to, *shell.script, *len);
    to[*len] = '\0';
    shell.script++;
    shell.script_left--;
    shell_print("%s%s\n", prompt, to);
    return true;
}

static bool read_terminal(const char *prompt, char *to, size_t *len)
{
    static uint64_t words[SYNTAX_LINE_MAX / 8 + 100];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_terminal_session_read_line_results results = {0};
    interrupt_forget();
    capos_mutex_unlock(&shell.lock);
    int32_t error = cap_terminal_session_read_line(shell.terminal, capnp_text_of(prompt), true,
                                                   capnp_text_of(""), &results, &buffer);
    capos_mutex_lock(&shell.lock);
    *len = 0;
    shell.line_interrupted = error >= 0 && results.interrupted;
    if (error == CAPOS_ERR_RESULT_TRUNCATED) {
        shell_print("a line has at most %d bytes\n", SYNTAX_LINE_MAX);
        return true;
    }
    if (error < 0 || (results.end_of_file && results.line.len == 0))
        return false;
    if (results.interrupted || results.line.len > SYNTAX_LINE_MAX)
        return true;
    memcpy(to, results.line.bytes, results.line.len);
    *len = results.line.len;
    while (*len > 0 && (to[*len - 1] == '\n' || to[*len - 1] == '\r'))
        (*len)--;
    to[*len] = '\0';
    return true;
}

bool shell_read_line(const char *prompt, char *to, size_t *len)
{
    *len = 0;
    to[0] = '\0';
    if (shell.script != NULL)
        return read_script(prompt, to, len);
    return shell.terminal.id != 0 && read_terminal(prompt, to, len);
}

/* ---- Lines. */

static bool run_parsed(bool *tour)
{
    struct line *line = &shell.line;
    bool handled;
    *tour = line->command == COMMAND_HELP && syntax_text_is(line->word, "tour");
    if (*tour)
        return true;
    if (line->command == COMMAND_EXIT) {
        shell.ended = true;
        shell.exit_code = line->number_count == 0 ? 0 : (int64_t)line->numbers[0].value;
        return true;
    }
    bool good = commands_run(&shell.eval, &handled);
    return good && (handled || jobs_run(&shell.eval, &handled));
}

bool shell_run_line(const char *text, size_t len)
{
    bool tour = false;
    eval_begin(&shell.eval, &shell.system, &shell.names, &shell.line);
    bool good = syntax_parse(&shell.line, text, len) && run_parsed(&tour);
    if (!good)
        commands_show_problem(&shell.eval);
    eval_end(&shell.eval);
    if (tour)
        tour_run();
    return good;
}

/* ---- The start. */

static void hold_grants(void)
{
    static const char *const needed[] = {"console", "terminal", "registry", "memory",
                                         "threads", "thread",   "park"};
    const struct capos_capset_header *capset = capos_capset();
    struct held old;
    for (uint32_t i = 0; i < capset->entry_count; i++) {
        const struct capos_capset_entry *entry = capos_capset_entry(i);
        const struct held held = {.id = entry->cap_id, .interface_id = entry->interface_id};
        (void)names_bind(&shell.names, capnp_text_n(entry->name, entry->name_len), held, "granted", &old);
    }
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        struct name *name = names_find(&shell.names, capnp_text_of(needed[i]));
        if (name != NULL)
            name->needed = true;
    }
}

/* @out: what a program is given as its stream, for those who write `with` themselves. */
static void hold_out(void)
{
    struct cap_terminal_session_stdio_results made = {0};
    struct held old, out = {.id = shell.console.id, .interface_id = CAP_CONSOLE_INTERFACE_ID};
    const char *origin = "the console";
    if (shell.terminal.id != 0 &&
        cap_terminal_session_stdio(shell.terminal, capnp_text_of("out"), &made) >= 0) {
        out = (struct held){.id = made.io.id, .interface_id = CAP_STD_IO_INTERFACE_ID};
        origin = "TerminalSession.stdio";
    }
    if (out.id != 0)
        (void)names_bind(&shell.names, capnp_text_of("out"), out, origin, &old);
}

static void start(int argc, char **argv)
{
    (void)capos_get_console("console", &shell.console);
    (void)capos_get_terminal_session("terminal", &shell.terminal);
    shell.registry = capos_need_schema_registry("registry");
    if (argc > 1 && strcmp(argv[1], "-c") == 0) {
        shell.script = argv + 2;
        shell.script_left = argc - 2;
    }
    system_init(&shell.system);
    hold_grants();
    hold_out();
    capos_mutex_lock(&shell.lock);
    complete_start();
}

/* For the arrow keys; what the tour is answered is not among it. */
static void remember(const char *text, size_t len)
{
    if (shell.terminal.id != 0 && shell.script == NULL && len != 0)
        (void)cap_terminal_session_add_history(shell.terminal, capnp_text_n(text, len));
}

int main(int argc, char **argv)
{
    static char text[SYNTAX_LINE_MAX + 1];
    size_t len;
    start(argc, argv);
    shell_print("capOS. help lists the commands, help tour shows what it is about.\n");
    while (!shell.ended) {
        jobs_report();
        if (!shell_read_line("> ", text, &len))
            break;
        remember(text, len);
        bool good = shell_run_line(text, len);
        if (shell.script != NULL && !shell.ended)
            shell.exit_code = good ? 0 : FAILED; /* of the last; who types has seen how it went */
    }
    return (int)shell.exit_code;
}
