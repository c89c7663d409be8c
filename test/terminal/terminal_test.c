/*
 * The real `capos boot demo/terminal` on a pseudo-terminal (person.h).
 *
 *   terminal_test CAPOS PACKAGE
 */
#include "person.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 60 };

static char *capos, *package;

static void welcome(const char *name)
{
    char *const argv[] = {capos, "boot", package, NULL};
    person_start("terminal", name, argv, ROWS, COLUMNS);
    person_expect("Welcome. `help` says what there is, Ctrl-D ends.");
    person_expect("The window has 60 columns and 24 rows.");
    person_expect_cursor(">", 2);
}

static void end_of_file(void)
{
    person_type("\004");
    person_expect("Good bye.");
    person_finish(0);
}

/* ---- Cases. */

static void lines_are_edited(void)
{
    welcome("lines are edited");
    person_type("hwllo\033[D\033[D\033[D\033[D\b");
    person_expect_cursor("> wllo", 2);
    person_type("h\033[C\bel\b");           /* h wllo: mistakes, and their correction */
    person_type("\001\001\013hello wrold"); /* Ctrl-A, which capos wants twice, then kill to the end */
    person_expect_cursor("> hello wrold", 13);
    person_type("\033[D\033[D\033[D\024"); /* between o and l: exchange r and o */
    person_expect_cursor("> hello world", 11);
    person_type("\033b\033b>\033[F<\r");
    person_expect("You said: >hello world<");
    person_type("caf\303\251 \342\202\254x\b\b\b\b\303\250\r");
    person_expect("You said: caf\303\250");
    person_type("one two three\027\027\031\033[H\033[3~\r");
    person_expect("You said: ne two three");
    end_of_file();
}

static void history_is_searched(void)
{
    welcome("history");
    person_type("first line\r");
    person_expect("You said: first line");
    person_type("second line\r");
    person_expect("You said: second line");
    person_type("draft\033[A\033[A");
    person_expect_cursor("> first line", 12);
    person_type("\033[B\033[B");
    person_expect_cursor("> draft", 7);
    person_type("\025\022fir");
    person_expect("(search: fir) first line");
    person_type("\r");
    person_expect_cursor(">", 2);
    person_type("\033[A\033[A!\r");
    person_expect("You said: second line!");
    end_of_file();
}

static void long_lines_wrap(void)
{
    welcome("a long line wraps and is edited above");
    for (int i = 0; i < 13; i++)
        person_type("abcdefghi ");
    person_expect_cursor("i abcdefghi", 12);
    person_type("\033[H");
    person_expect_cursor("> abcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefgh", 2);
    person_type("X");
    person_expect_cursor("> Xabcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefg", 3);
    person_type("\033[F\025short\r");
    person_expect("You said: short");
    person_expect_gone("> Xabcdefghi abcdefghi abcdefghi abcdefghi abcdefghi abcdefg");
    end_of_file();
}

static void password_is_not_shown(void)
{
    welcome("a password is not shown");
    person_type("password\r");
    person_expect_cursor("password:", 10);
    person_type("secrex\bt\r");
    person_expect("It has 6 bytes.");
    for (unsigned row = 0; row < person_screen.rows && !person_failed; row++)
        if (strstr(screen_row(&person_screen, row), "secre") != NULL)
            person_fail("it is on the screen:", screen_row(&person_screen, row));
    person_type("\033[A"); /* nor remembered */
    person_expect_cursor("> password", 10);
    person_type("\025");
    end_of_file();
}

static void interrupts_arrive(void)
{
    welcome("Ctrl-C reaches the guest");
    person_type("never mind");
    person_expect_cursor("> never mind", 12); /* somebody reads: otherwise Ctrl-C forgets what was typed */
    person_type("\003");
    person_expect("> never mind^C");
    person_expect_cursor(">", 2);
    person_type("interrupt\r");
    person_expect("Press Ctrl-C.");
    person_type("\003");
    person_expect("Interrupted.");
    person_expect_cursor(">", 2);
    end_of_file();
}

static void size_is_followed(void)
{
    welcome("the window's size is followed");
    person_type("resize\r");
    person_expect("Change the window's size.");
    person_resize(40, 100);
    person_expect("Now it has 100 columns and 40 rows.");
    end_of_file();
}

static void raw_keys_arrive(void)
{
    welcome("raw keys arrive as they are");
    person_type("keys\r");
    person_expect_cursor("Press 3 keys:", 14);
    person_type("a");
    person_expect_cursor("Press 3 keys: <61>", 18);
    person_type("\033"); /* alone */
    person_expect_cursor("Press 3 keys: <61><1b>", 22);
    person_type("\003");
    person_expect("Press 3 keys: <61><1b><03>");
    person_expect_cursor(">", 2);
    end_of_file();
}

static void output_is_not_torn(void)
{
    welcome("lines are not torn");
    person_type("tear\r");
    person_expect("one, three; five.");
    person_expect("two, four; six.");
    person_type("late\r");
    person_expect_cursor(">", 2);
    person_type("I am typing");
    person_expect("Good morning.");
    person_expect_cursor("> I am typing", 13);
    if (!person_failed && screen_find(&person_screen, "Good morning.") + 1 != (int)person_screen.row)
        person_fail("the late line is not above the edited one", "");
    person_type(" on\r");
    person_expect("You said: I am typing on");
    end_of_file();
}

static void sessions_switch(void)
{
    welcome("Ctrl-A n switches sessions");
    person_type("second\r");
    person_expect("Ctrl-A n goes there and back.");
    person_expect_cursor(">", 2);
    person_type("\001n");
    person_expect(" second");
    person_expect_cursor("second>", 8);
    person_expect_gone("Ctrl-A n goes there and back.");
    person_type("from here\001n");
    person_expect("Ctrl-A n goes there and back.");
    person_expect_cursor(">", 2);
    person_type("\001n");
    person_expect_cursor("second> from here", 17);
    person_type("\r");
    person_expect("The second session said: from here"); /* it ended, and the first is to be seen again */
    person_expect_cursor(">", 2);
    end_of_file();
}

static void leaving(void)
{
    welcome("Ctrl-A x leaves");
    person_type("half a line\001x");
    person_finish(PERSON_LEFT);
}

static void killed_by(const char *name, int number)
{
    welcome(name);
    person_signal(number);
    person_finish(128 + number);
}

/* The only child that capos has. */
static pid_t qemu_pid(void)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)person_child(), (int)person_child());
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof(text), file) == NULL)
        person_fail("capos has no child", "");
    if (file != NULL)
        fclose(file);
    return atoi(text);
}

static void qemu_dies(void)
{
    welcome("QEMU is killed");
    pid_t qemu = person_failed ? 0 : qemu_pid();
    if (qemu > 0)
        kill(qemu, SIGKILL);
    person_finish(125);
}

/* capos run gives a program of its own a terminal server. */
static void a_program_gets_stdio(void)
{
    static char run[] = "run", grant[] = "--grant", stdio[] = "stdio:io", program[] = "cat", numbers[] = "-n",
                input[] = "-";
    char *const argv[] = {capos, run, grant, stdio, program, numbers, input, NULL};
    person_start("terminal", "run --grant stdio", argv, ROWS, COLUMNS);
    person_type("hellp\bo\r"); /* edited by the server */
    person_expect("     1  hello");
    person_type("\004");
    person_finish(0);
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
    a_program_gets_stdio();
    leaving();
    killed_by("SIGTERM", SIGTERM);
    killed_by("SIGHUP", SIGHUP);
    killed_by("SIGINT", SIGINT);
    qemu_dies();
    return person_all_good ? 0 : 1;
}
