/*
 * A person at a terminal: the real `capos` on a pseudo-terminal, keystrokes in, screen out. For suites that
 * drive it; each case is a session of its own and prints `ok SUITE: CASE` or `not ok`, with the screen. What
 * has failed makes the rest of its case do nothing.
 */
#pragma once
#include "screen.h"
#include <sys/types.h>

enum { PERSON_LEFT = 123 }; /* capos' exit status after Ctrl-A x */

extern struct screen person_screen;
extern bool person_failed;   /* this case */
extern bool person_all_good; /* all cases so far */

/* Begins a case: starts argv[0] with these arguments, on a terminal of this size. */
void person_start(const char *suite, const char *name, char *const *argv, unsigned rows, unsigned columns);
/* Waits for capos' end with this exit status (or 128 + signal), and that the terminal's modes are what they
 * were; prints the case's result. */
void person_finish(int status);
void person_fail(const char *what, const char *detail);

void person_type(const char *keys);
void person_resize(unsigned rows, unsigned columns);
void person_signal(int number);
pid_t person_child(void);

/* Waits until a row of the screen is this text; matches this POSIX expression; holds the cursor and is this
 * text. */
void person_expect(const char *row);
void person_expect_like(const char *expression);
void person_expect_cursor(const char *row, unsigned column);
/* Now, no row is this text. */
void person_expect_gone(const char *row);
/* Looks at what comes for so long. */
void person_watch(int wait_ms);
