/*
 * A conversation at the terminal: lines with editing and history, a password that is not shown, the size of
 * the window, raw keys, output of several writers, a second session. The words it understands are in `help`.
 */
#include <capos/capos.h>
#include <capos/lookup.h>
#include <capos/print.h>
#include <capos/terminal.h>
#include <capos/threads.h>
#include <string.h>

enum { LINE_BYTES = 1024, KEYS = 3 };

static cap_terminal_session session;
static cap_timer timer;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char text[LINE_BYTES + 128];
    va_list arguments;
    va_start(arguments, format);
    int len = capos_vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    struct cap_terminal_session_write_results results;
    (void)cap_terminal_session_write(session, (struct capnp_data){(const uint8_t *)text, size}, &results);
}

enum answer { ANSWER_LINE, ANSWER_END, ANSWER_INTERRUPTED, ANSWER_BROKEN };

static enum answer ask(cap_terminal_session from, const char *prompt, bool echo, char *line)
{
    uint64_t memory[(LINE_BYTES + 256 + CAP_BUFFER_OVERHEAD_BYTES) / sizeof(uint64_t)];
    struct cap_buffer buffer = {memory, sizeof memory};
    struct cap_terminal_session_read_line_results results;
    const struct cap_terminal_session_read_line_params params = {.prompt = {prompt, strlen(prompt)},
                                                                 .echo = echo};
    int32_t status = cap_terminal_session_read_line_call(from, &params, &results, &buffer);
    if (status < 0) {
        say("readLine: %s\n", cap_why(status));
        return ANSWER_BROKEN;
    }
    memcpy(line, results.line.bytes, results.line.len);
    line[results.line.len] = '\0';
    return results.interrupted ? ANSWER_INTERRUPTED : results.end_of_file ? ANSWER_END : ANSWER_LINE;
}

static struct cap_window_size window_size(void)
{
    uint64_t memory[(64 + CAP_BUFFER_OVERHEAD_BYTES) / sizeof(uint64_t)];
    struct cap_buffer buffer = {memory, sizeof memory};
    struct cap_terminal_session_size_results results = {0};
    (void)cap_terminal_session_size(session, &results, &buffer);
    return results.size;
}

static void show_size(void)
{
    const struct cap_window_size size = window_size();
    if (size.columns == 0)
        say("This is no terminal.\n");
    else
        say("The window has %u columns and %u rows.\n", size.columns, size.rows);
}

static void password(void)
{
    char line[LINE_BYTES];
    if (ask(session, "password: ", false, line) == ANSWER_LINE)
        say("It has %zu bytes.\n", strlen(line));
}

static void keys(void)
{
    uint64_t memory[(256 + CAP_BUFFER_OVERHEAD_BYTES) / sizeof(uint64_t)];
    say("Press %u keys: ", KEYS);
    (void)cap_terminal_session_set_mode(session, CAP_TERMINAL_MODE_RAW, false);
    for (unsigned seen = 0; seen < KEYS;) {
        struct cap_buffer buffer = {memory, sizeof memory};
        struct cap_terminal_session_read_results results;
        if (cap_terminal_session_read(session, 16, &results, &buffer) < 0)
            break;
        for (size_t i = 0; i < results.data.len; i++)
            say("<%02x>", results.data.bytes[i]);
        seen += (unsigned)results.data.len;
    }
    (void)cap_terminal_session_set_mode(session, CAP_TERMINAL_MODE_LINE, true);
    say("\n");
}

/* Two StdIOs begin lines at the same time. */
static void tear(void)
{
    struct cap_terminal_session_stdio_results one, other;
    struct cap_std_io_write_results wrote;
    if (cap_terminal_session_stdio(session, (struct capnp_text){"one", 3}, &one) < 0 ||
        cap_terminal_session_stdio(session, (struct capnp_text){"other", 5}, &other) < 0)
        return;
    static const char *const parts[][2] = {{"one, ", "two, "}, {"three; ", "four; "}, {"five.\n", "six.\n"}};
    for (size_t i = 0; i < 3; i++) {
        (void)cap_std_io_write(one.io, (struct capnp_data){(const uint8_t *)parts[i][0], strlen(parts[i][0])},
                               &wrote);
        (void)cap_std_io_write(
            other.io, (struct capnp_data){(const uint8_t *)parts[i][1], strlen(parts[i][1])}, &wrote);
    }
    cap_release(one.io);
    cap_release(other.io);
}

static void resize(void)
{
    uint64_t memory[(64 + CAP_BUFFER_OVERHEAD_BYTES) / sizeof(uint64_t)];
    struct cap_buffer buffer = {memory, sizeof memory};
    struct cap_terminal_session_wait_resize_results after = {0};
    const struct cap_window_size before = window_size();
    say("Change the window's size.\n");
    if (cap_terminal_session_wait_resize(session, &before, &after, &buffer) >= 0)
        say("Now it has %u columns and %u rows.\n", after.size.columns, after.size.rows);
}

static void interrupt(void)
{
    say("Press Ctrl-C.\n");
    if (cap_terminal_session_wait_interrupt(session) >= 0)
        say("Interrupted.\n");
}

static uint64_t write_late(void *argument)
{
    (void)argument;
    (void)cap_timer_sleep(timer, 1000000000);
    say("Good morning.\n");
    return 0;
}

static void late(void)
{
    capos_thread thread;
    if (capos_thread_create(&(struct capos_thread_attr){.detached = true}, write_late, NULL, &thread) < 0)
        say("no thread\n");
}

static uint64_t second_main(void *argument)
{
    char line[LINE_BYTES];
    cap_terminal_session second = *(cap_terminal_session *)argument;
    (void)ask(second, "second> ", true, line);
    say("The second session said: %s\n", line);
    cap_release(second);
    return 0;
}

static void second(void)
{
    static struct cap_terminal_session_new_session_results made;
    capos_thread thread;
    if (cap_terminal_session_new_session(session, (struct capnp_text){"second", 6}, &made) < 0 ||
        capos_thread_create(&(struct capos_thread_attr){.detached = true}, second_main, &made.session,
                            &thread) < 0)
        say("no second session\n");
    else
        say("Ctrl-A n goes there and back.\n");
}

static void help(void)
{
    say("help size password keys tear resize interrupt late second; anything else is repeated\n");
}

static const struct {
    const char *word;
    void (*run)(void);
} commands[] = {
    {"help", help}, {"size", show_size}, {"password", password},   {"keys", keys},     {"tear", tear},
    {"late", late}, {"resize", resize},  {"interrupt", interrupt}, {"second", second},
};

static void obey(const char *line)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(line, commands[i].word) == 0) {
            commands[i].run();
            return;
        }
    say("You said: %s\n", line);
}

int main(void)
{
    char line[LINE_BYTES];
    enum answer answer;
    session = capos_need_terminal_session("session");
    timer = capos_need_timer("timer");
    say("Welcome. `help` says what there is, Ctrl-D ends.\n");
    show_size();
    while ((answer = ask(session, "> ", true, line)) == ANSWER_LINE || answer == ANSWER_INTERRUPTED) {
        if (answer == ANSWER_INTERRUPTED)
            continue;
        (void)cap_terminal_session_add_history(session, (struct capnp_text){line, strlen(line)});
        obey(line);
    }
    say("Good bye.\n");
    return answer == ANSWER_END ? 0 : 1;
}
