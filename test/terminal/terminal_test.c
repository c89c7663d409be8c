/*
 * The real `capos boot demo/terminal` on a pseudo-terminal: keystrokes in, screen out. Each case is a session
 * of its own and prints ok or not ok; after each the modes of the host's terminal must be what they were.
 *
 *   terminal_test CAPOS PACKAGE
 */
#include "screen.h"
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

enum { WAIT_S = 40, ROWS = 24, COLUMNS = 60, STATUS_LEFT = 123 };

static const char *capos, *package;
static struct screen screen;
static struct termios modes_before;
static int person; /* the pseudo-terminal's other end */
static pid_t child;
static int child_status;
static bool child_ended, failed;
static const char *case_name;
static bool all_good = true;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fail(const char *what, const char *detail)
{
    if (failed)
        return;
    failed = true;
    all_good = false;
    printf("not ok terminal: %s - %s %s\n", case_name, what, detail);
    for (unsigned row = 0; row < screen.rows; row++)
        if (screen_row(&screen, row)[0] != '\0')
            printf("    | %s\n", screen_row(&screen, row));
    fflush(stdout);
}

/* ---- The session. */

/* A process in between holds the terminal open, so that its modes can still be seen when capos has ended. */
static void start(const char *name)
{
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    int other;
    case_name = name;
    failed = child_ended = false;
    screen_start(&screen, ROWS, COLUMNS);
    if (openpty(&person, &other, NULL, NULL, &size) != 0) {
        fail("no pseudo-terminal:", strerror(errno));
        return;
    }
    tcgetattr(other, &modes_before);
    child = fork();
    if (child == 0) {
        login_tty(other);
        close(person);
        execl(capos, capos, "boot", package, (char *)NULL);
        _exit(127);
    }
    /* `other` stays open on purpose: the modes are read through the person's end, which needs it. */
}

static void read_screen(int wait_ms)
{
    char bytes[4096];
    struct pollfd fd = {person, POLLIN, 0};
    if (poll(&fd, 1, wait_ms) <= 0)
        return;
    ssize_t got = read(person, bytes, sizeof(bytes));
    if (got > 0)
        screen_feed(&screen, bytes, (size_t)got);
}

static bool poll_end(void)
{
    if (!child_ended && waitpid(child, &child_status, WNOHANG) == child)
        child_ended = true;
    return child_ended;
}

/* Waits until the lowest text on the screen is this row. */
static void expect_row(const char *text)
{
    double end = now_s() + WAIT_S;
    while (!failed && screen_find(&screen, text) < 0) {
        read_screen(100);
        if (now_s() > end)
            fail("this row did not come:", text);
    }
}

/* The row with the cursor. */
static void expect_cursor(const char *text, unsigned column)
{
    double end = now_s() + WAIT_S;
    while (!failed && (strcmp(screen_row(&screen, screen.row), text) != 0 || screen.column != column)) {
        read_screen(100);
        if (now_s() > end)
            fail("the cursor is not behind the right characters of", text);
    }
}

static void type(const char *keys)
{
    if (!failed && write(person, keys, strlen(keys)) != (ssize_t)strlen(keys))
        fail("typing:", strerror(errno));
}

static void expect_gone(const char *text)
{
    if (!failed && screen_find(&screen, text) >= 0)
        fail("this is still on the screen:", text);
}

static void welcome(const char *name)
{
    start(name);
    expect_row("Welcome. `help` says what there is, Ctrl-D ends.");
    expect_row("The window has 60 columns and 24 rows.");
    expect_cursor(">", 2);
}

/* capos' end, with this exit status (or 128 + signal), and the terminal as it was. */
static void finish(int status)
{
    struct termios modes;
    double end = now_s() + WAIT_S;
    while (!failed && !poll_end()) {
        read_screen(50);
        if (now_s() > end)
            fail("capos did not end", "");
    }
    if (!child_ended) {
        kill(child, SIGKILL);
        waitpid(child, &child_status, 0);
    }
    read_screen(0);
    int got = WIFSIGNALED(child_status) ? 128 + WTERMSIG(child_status) : WEXITSTATUS(child_status);
    char text[64];
    snprintf(text, sizeof(text), "%d instead of %d", got, status);
    if (got != status)
        fail("capos' status is", text);
    tcgetattr(person, &modes);
    if (modes.c_lflag != modes_before.c_lflag || modes.c_iflag != modes_before.c_iflag ||
        modes.c_oflag != modes_before.c_oflag || modes.c_cflag != modes_before.c_cflag)
        fail("the terminal's modes were not restored", "");
    if (screen.unknown)
        fail("the screen was sent a sequence that it does not know", "");
    if (!failed)
        printf("ok terminal: %s\n", case_name);
    fflush(stdout);
    close(person);
}

static void end_of_file(void)
{
    type("\004");
    expect_row("Good bye.");
    finish(0);
}

/* ---- Cases. */

static void lines_are_edited(void)
{
    welcome("lines are edited");
    type("hwllo\033[D\033[D\033[D\033[D\b");
    expect_cursor("> wllo", 2);
    type("h\033[C\bel\b");           /* h wllo: mistakes, and their correction */
    type("\001\001\013hello wrold"); /* Ctrl-A, which capos wants twice, then kill to the end */
    expect_cursor("> hello wrold", 13);
    type("\033[D\033[D\033[D\024"); /* between o and l: exchange r and o */
    expect_cursor("> hello world", 11);
    type("\033b\033b>\033[F<\r");
    expect_row("You said: >hello world<");
    type("caf\303\251 \342\202\254x\b\b\b\b\303\250\r");
    expect_row("You said: caf\303\250");
    type("one two three\027\027\031\033[H\033[3~\r");
    expect_row("You said: ne two three");
    end_of_file();
}

static void history_is_searched(void)
{
    welcome("history");
    type("first line\r");
    expect_row("You said: first line");
    type("second line\r");
    expect_row("You said: second line");
    type("draft\033[A\033[A");
    expect_cursor("> first line", 12);
    type("\033[B\033[B");
    expect_cursor("> draft", 7);
    type("\025\022fir");
    expect_row("(search: fir) first line");
    type("\r");
    expect_cursor(">", 2);
    type("\033[A\033[A!\r");
    expect_row("You said: second line!");
    end_of_file();
}

static void long_lines_wrap(void)
{
    welcome("a long line wraps and is edited above");
    for (int i = 0; i < 13; i++)
        type("abcdefghi ");
    expect_cursor("i abcdefghi", 12);
    type("\033[H");
    expect_cursor("> abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefgh", 2);
    type("X");
    expect_cursor("> Xabcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefg", 3);
    type("\033[F\025short\r");
    expect_row("You said: short");
    expect_gone("> Xabcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefg");
    end_of_file();
}

static void password_is_not_shown(void)
{
    welcome("a password is not shown");
    type("password\r");
    expect_cursor("password:", 10);
    type("secrex\bt\r");
    expect_row("It has 6 bytes.");
    for (unsigned row = 0; row < screen.rows && !failed; row++)
        if (strstr(screen_row(&screen, row), "secre") != NULL)
            fail("it is on the screen:", screen_row(&screen, row));
    type("\033[A"); /* nor remembered */
    expect_cursor("> password", 10);
    type("\025");
    end_of_file();
}

static void interrupts_arrive(void)
{
    welcome("Ctrl-C reaches the guest");
    type("never mind\003");
    expect_row("> never mind^C");
    expect_cursor(">", 2);
    type("interrupt\r");
    expect_row("Press Ctrl-C.");
    type("\003");
    expect_row("Interrupted.");
    expect_cursor(">", 2);
    end_of_file();
}

static void size_is_followed(void)
{
    struct winsize size = {.ws_row = 40, .ws_col = 100};
    welcome("the window's size is followed");
    type("resize\r");
    expect_row("Change the window's size.");
    ioctl(person, TIOCSWINSZ, &size);
    expect_row("Now it has 100 columns and 40 rows.");
    end_of_file();
}

static void raw_keys_arrive(void)
{
    welcome("raw keys arrive as they are");
    type("keys\r");
    expect_cursor("Press 3 keys:", 14);
    type("a");
    expect_cursor("Press 3 keys: <61>", 18);
    type("\033"); /* alone */
    expect_cursor("Press 3 keys: <61><1b>", 22);
    type("\003");
    expect_row("Press 3 keys: <61><1b><03>");
    expect_cursor(">", 2);
    end_of_file();
}

static void output_is_not_torn(void)
{
    welcome("lines are not torn");
    type("tear\r");
    expect_row("one, three; five.");
    expect_row("two, four; six.");
    type("late\r");
    expect_cursor(">", 2);
    type("I am typing");
    expect_row("Good morning.");
    expect_cursor("> I am typing", 13);
    if (!failed && screen_find(&screen, "Good morning.") + 1 != (int)screen.row)
        fail("the late line is not above the edited one", "");
    type(" on\r");
    expect_row("You said: I am typing on");
    end_of_file();
}

static void sessions_switch(void)
{
    welcome("Ctrl-A n switches sessions");
    type("second\r");
    expect_row("Ctrl-A n goes there and back.");
    expect_cursor(">", 2);
    type("\001n");
    expect_row(" second");
    expect_cursor("second>", 8);
    expect_gone("Ctrl-A n goes there and back.");
    type("from here\001n");
    expect_row("Ctrl-A n goes there and back.");
    expect_cursor(">", 2);
    type("\001n");
    expect_cursor("second> from here", 17);
    type("\r");
    expect_row("The second session said: from here"); /* it ended, and the first is to be seen again */
    expect_cursor(">", 2);
    end_of_file();
}

static void leaving(void)
{
    welcome("Ctrl-A x leaves");
    type("half a line\001x");
    finish(STATUS_LEFT);
}

static void killed_by(const char *name, int number)
{
    welcome(name);
    if (!failed)
        kill(child, number);
    finish(128 + number);
}

/* The only child that capos has. */
static pid_t qemu_pid(void)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)child, (int)child);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof(text), file) == NULL)
        fail("capos has no child", "");
    if (file != NULL)
        fclose(file);
    return atoi(text);
}

static void qemu_dies(void)
{
    welcome("QEMU is killed");
    pid_t qemu = failed ? 0 : qemu_pid();
    if (qemu > 0)
        kill(qemu, SIGKILL);
    finish(125);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "terminal_test CAPOS PACKAGE\n");
        return 2;
    }
    capos = argv[1];
    package = argv[2];
    lines_are_edited();
    history_is_searched();
    long_lines_wrap();
    password_is_not_shown();
    interrupts_arrive();
    size_is_followed();
    raw_keys_arrive();
    output_is_not_torn();
    sessions_switch();
    leaving();
    killed_by("SIGTERM", SIGTERM);
    killed_by("SIGHUP", SIGHUP);
    killed_by("SIGINT", SIGINT);
    qemu_dies();
    return all_good ? 0 : 1;
}
