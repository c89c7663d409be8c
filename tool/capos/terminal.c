/* See terminal.h. */
#include "terminal.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_A = 0x01, PENDING_MAX_BYTES = 65536, READ_BYTES = 4096 };
static const char ask_size[] = "\033[18t";

struct terminal {
    bool interactive, is_terminal;
    bool ended;  /* nothing more comes from stdin */
    bool awake;  /* the guest has printed something: what it is sent before is lost */
    bool asked;  /* for the size */
    bool prefix; /* the last byte was Ctrl-A */
    bool leave;
    char last;      /* that went to the guest */
    size_t matched; /* bytes of ask_size at the end of the output so far */
    struct buffer pending;
};

/* For signal handlers. */
static struct termios saved_modes, raw_modes;
static volatile sig_atomic_t is_raw, resized;

static void modes_restore(void)
{
    if (is_raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_modes);
    is_raw = 0;
}

static void modes_raw(void)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw_modes);
    is_raw = 1;
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

/* As if this had not been caught, but with the modes restored. */
static void on_end(int number)
{
    modes_restore();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_stop(int number)
{
    const int error = errno;
    sigset_t set;
    modes_restore();
    signal(number, SIG_DFL);
    raise(number);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
    signal(number, on_stop);
    modes_raw();
    resized = 1;
    errno = error;
}

static void catch (int number, void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(number, &action, NULL);
}

static void raw_begin(void)
{
    static const int ends[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
                               SIGABRT, SIGSEGV, SIGBUS, SIGFPE,  SIGILL};
    raw_modes = saved_modes;
    cfmakeraw(&raw_modes);
    raw_modes.c_oflag = saved_modes.c_oflag;
    atexit(modes_restore);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        catch (ends[i], on_end);
    catch (SIGTSTP, on_stop);
    catch (SIGWINCH, on_resize);
    modes_raw();
}

struct terminal *terminal_open(bool interactive)
{
    struct terminal *terminal = must_realloc(NULL, sizeof(*terminal));
    *terminal = (struct terminal){.interactive = interactive, .ended = !interactive, .last = '\n'};
    terminal->is_terminal = interactive && tcgetattr(STDIN_FILENO, &saved_modes) == 0;
    if (terminal->is_terminal) {
        fputs("capos: your keys go to capOS, Ctrl-C too; Ctrl-A x leaves, Ctrl-A Ctrl-A is Ctrl-A\n", stderr);
        raw_begin();
    }
    return terminal;
}

void terminal_close(struct terminal *terminal)
{
    modes_restore();
    buffer_free(&terminal->pending);
    free(terminal);
}

/* ---- To the guest. */

void terminal_wake(struct terminal *terminal)
{
    terminal->awake = true;
}

struct buffer *terminal_pending(struct terminal *terminal)
{
    static struct buffer nothing;
    return terminal->awake ? &terminal->pending : &nothing;
}

static void send(struct terminal *terminal, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    buffer_append(&terminal->pending, bytes, size);
    terminal->last = bytes[size - 1];
}

static void send_size(struct terminal *terminal)
{
    struct winsize size = {0};
    if (terminal->is_terminal &&
        (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0))
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    buffer_printf(&terminal->pending, "\033[8;%u;%ut", size.ws_row, size.ws_col);
}

static void send_end(struct terminal *terminal)
{
    terminal->ended = true;
    if (terminal->last != '\n')
        send(terminal, "\n", 1);
    send(terminal, "\004", 1);
}

/* Ctrl-A x is ours; all else goes on, Ctrl-A Ctrl-A and Ctrl-A n for the guest's terminal to understand. */
static void send_keys(struct terminal *terminal, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char held[] = {CONTROL_A, bytes[i]};
        if (terminal->prefix && (bytes[i] == 'x' || bytes[i] == 'X'))
            terminal->leave = true;
        else if (terminal->prefix)
            send(terminal, held, sizeof(held));
        else if (bytes[i] != CONTROL_A)
            send(terminal, bytes + i, 1);
        terminal->prefix = !terminal->prefix && bytes[i] == CONTROL_A;
    }
}

int terminal_input_fd(const struct terminal *terminal)
{
    return terminal->ended || terminal->pending.size > PENDING_MAX_BYTES ? -1 : STDIN_FILENO;
}

void terminal_input(struct terminal *terminal)
{
    char bytes[READ_BYTES];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0 && terminal->is_terminal)
        terminal->leave = true; /* the terminal is gone */
    else if (got <= 0)
        send_end(terminal);
    else if (terminal->is_terminal)
        send_keys(terminal, bytes, (size_t)got);
    else
        send(terminal, bytes, (size_t)got);
}

bool terminal_check(struct terminal *terminal)
{
    if (resized && terminal->asked) {
        resized = 0;
        send_size(terminal);
    }
    return terminal->leave;
}

/* ---- From the guest. */

static void asked(struct terminal *terminal)
{
    struct buffer typed = terminal->pending; /* before the answer: it comes behind */
    terminal->pending = (struct buffer){0};
    send_size(terminal);
    buffer_append(&terminal->pending, typed.data, typed.size);
    buffer_free(&typed);
    if (!terminal->asked && !terminal->interactive)
        send_end(terminal);
    terminal->asked = true;
}

void terminal_output(struct terminal *terminal, const char *bytes, size_t size, struct buffer *out)
{
    const size_t whole = sizeof(ask_size) - 1;
    terminal->awake = terminal->awake || size > 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != ask_size[terminal->matched]) {
            buffer_append(out, ask_size, terminal->matched);
            terminal->matched = 0;
        }
        if (bytes[i] == ask_size[terminal->matched])
            terminal->matched++;
        else
            buffer_append(out, bytes + i, 1);
        if (terminal->matched == whole) {
            terminal->matched = 0;
            asked(terminal);
        }
    }
}
