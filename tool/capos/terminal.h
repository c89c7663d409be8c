/*
 * The person's side of the guest's console: raw mode, the window's size, leaving.
 *
 * Where stdin is a terminal it is in raw mode between terminal_open and terminal_close (output processing
 * stays on, so that a guest's \n is a whole new line), also when a signal ends this program; suspended by
 * hand it gives the modes back, too. Ctrl-C and all else goes to the guest; Ctrl-A x leaves. The guest asks
 * for the size of the screen by ESC [ 18 t, which is taken out of its output and answered as a terminal
 * would, ESC [ 8 ; rows ; columns t; later changes are told unasked. Where stdin is no terminal the size is
 * 0;0, bytes go as they are, and the end of the file is Ctrl-D at the beginning of a line.
 */
#pragma once
#include "buffer.h"

struct terminal;

/* `interactive` false: the guest has an empty file as its input. */
struct terminal *terminal_open(bool interactive);
/* Gives the terminal its modes back. */
void terminal_close(struct terminal *terminal);

/* The guest has printed this: *out is what a person is to see of it. */
void terminal_output(struct terminal *terminal, const char *bytes, size_t size, struct buffer *out);

/* The guest runs: what it is sent is not lost any more. Its output says so too. */
void terminal_wake(struct terminal *terminal);

/* What the guest is to get, so far: the caller takes from the front what it could write. */
struct buffer *terminal_pending(struct terminal *terminal);
/* To be waited for; -1: nothing more will come, or there is too much pending. */
int terminal_input_fd(const struct terminal *terminal);
/* Something is there to be read. */
void terminal_input(struct terminal *terminal);
/* After any wait, also an interrupted one: window changes. True: Ctrl-A x. */
bool terminal_check(struct terminal *terminal);
