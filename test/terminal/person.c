/* See person.h. */
#include "person.h"
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
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

enum { WAIT_S = 30 };

struct screen person_screen;
bool person_failed, person_all_good = true;

static struct termios modes_before;
static int person; /* the pseudo-terminal's other end */
static pid_t child;
static int child_status;
static bool child_ended;
static const char *suite_name, *case_name;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void person_fail(const char *what, const char *detail)
{
    if (person_failed)
        return;
    person_failed = true;
    person_all_good = false;
    printf("not ok %s: %s - %s %s\n", suite_name, case_name, what, detail);
    for (unsigned row = 0; row < person_screen.rows; row++)
        if (screen_row(&person_screen, row)[0] != '\0')
            printf("    | %s\n", screen_row(&person_screen, row));
    fflush(stdout);
}

/* ---- The session. */

void person_start(const char *suite, const char *name, char *const *argv, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int other;
    suite_name = suite;
    case_name = name;
    person_failed = child_ended = false;
    screen_start(&person_screen, rows, columns);
    if (openpty(&person, &other, NULL, NULL, &size) != 0) {
        person_fail("no pseudo-terminal:", strerror(errno));
        return;
    }
    tcgetattr(other, &modes_before);
    child = fork();
    if (child == 0) {
        login_tty(other);
        close(person);
        execv(argv[0], argv);
        _exit(127);
    }
    /* `other` stays open on purpose: the modes are read through the person's end, which needs it. */
}

static void read_some(int wait_ms)
{
    char bytes[4096];
    struct pollfd fd = {person, POLLIN, 0};
    if (poll(&fd, 1, wait_ms) <= 0)
        return;
    ssize_t got = read(person, bytes, sizeof(bytes));
    if (got > 0)
        screen_feed(&person_screen, bytes, (size_t)got);
}

void person_watch(int wait_ms)
{
    double end = now_s() + wait_ms * 1e-3;
    do
        read_some(10);
    while (now_s() < end);
}

static bool poll_end(void)
{
    if (!child_ended && waitpid(child, &child_status, WNOHANG) == child)
        child_ended = true;
    return child_ended;
}

void person_finish(int status)
{
    struct termios modes;
    double end = now_s() + WAIT_S;
    while (!person_failed && !poll_end()) {
        read_some(50);
        if (now_s() > end)
            person_fail("capos did not end", "");
    }
    if (!child_ended) {
        kill(child, SIGKILL);
        waitpid(child, &child_status, 0);
    }
    read_some(0);
    int got = WIFSIGNALED(child_status) ? 128 + WTERMSIG(child_status) : WEXITSTATUS(child_status);
    char text[64];
    snprintf(text, sizeof(text), "%d instead of %d", got, status);
    if (got != status)
        person_fail("capos' status is", text);
    tcgetattr(person, &modes);
    if (modes.c_lflag != modes_before.c_lflag || modes.c_iflag != modes_before.c_iflag ||
        modes.c_oflag != modes_before.c_oflag || modes.c_cflag != modes_before.c_cflag)
        person_fail("the terminal's modes were not restored", "");
    if (person_screen.unknown)
        person_fail("the screen was sent a sequence that it does not know", "");
    if (!person_failed)
        printf("ok %s: %s\n", suite_name, case_name);
    fflush(stdout);
    close(person);
}

void person_type(const char *keys)
{
    size_t left = strlen(keys);
    while (!person_failed && left > 0) {
        ssize_t taken = write(person, keys, left);
        if (taken <= 0) {
            person_fail("typing:", strerror(errno));
            return;
        }
        keys += taken;
        left -= (size_t)taken;
    }
}

void person_resize(unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    ioctl(person, TIOCSWINSZ, &size);
}

void person_signal(int number)
{
    if (!person_failed)
        kill(child, number);
}

pid_t person_child(void)
{
    return child;
}

/* ---- Looking. */

void person_expect(const char *row)
{
    double end = now_s() + WAIT_S;
    while (!person_failed && screen_find(&person_screen, row) < 0) {
        read_some(100);
        if (now_s() > end)
            person_fail("this row did not come:", row);
    }
}

static bool is_on_screen(const regex_t *wanted)
{
    for (unsigned row = 0; row < person_screen.rows; row++)
        if (regexec(wanted, screen_row(&person_screen, row), 0, NULL, 0) == 0)
            return true;
    return false;
}

void person_expect_like(const char *expression)
{
    regex_t wanted;
    double end = now_s() + WAIT_S;
    if (regcomp(&wanted, expression, REG_EXTENDED | REG_NOSUB) != 0) {
        person_fail("this is no expression:", expression);
        return;
    }
    while (!person_failed && !is_on_screen(&wanted)) {
        read_some(100);
        if (now_s() > end)
            person_fail("no row came like", expression);
    }
    regfree(&wanted);
}

void person_expect_cursor(const char *row, unsigned column)
{
    double end = now_s() + WAIT_S;
    while (!person_failed && (strcmp(screen_row(&person_screen, person_screen.row), row) != 0 ||
                              person_screen.column != column)) {
        read_some(100);
        if (now_s() > end)
            person_fail("the cursor is not behind the right characters of", row);
    }
}

void person_expect_gone(const char *row)
{
    if (!person_failed && screen_find(&person_screen, row) >= 0)
        person_fail("this is still on the screen:", row);
}
