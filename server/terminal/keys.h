/*
 * From bytes to keys, in two stages. Pure: no memory, no time, no calls.
 *
 * The first stage, for the terminal as a whole, takes out what is not typed into a session: the size that the
 * terminal reports (ESC [ 8 ; rows ; columns t) and Ctrl-A n. Ctrl-A Ctrl-A is one Ctrl-A. What could still
 * become one of these is held back until the next byte, or until `input_release` (after a moment: somebody
 * has pressed the escape key).
 *
 * The second, for a session's line editing, makes keys of bytes: UTF-8 characters, control characters, escape
 * sequences. What is not understood is swallowed as a whole.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INPUT_HELD_MAX = 16 };

struct input {
    uint8_t held_bytes[INPUT_HELD_MAX];
    size_t held;
};

enum input_event { INPUT_BYTES, INPUT_RESIZE, INPUT_SWITCH };

struct input_result {
    enum input_event event;
    uint8_t bytes[INPUT_HELD_MAX]; /* BYTES: `count` of them, may be none */
    size_t count;
    uint16_t rows, columns; /* RESIZE */
};

void input_feed(struct input *input, uint8_t byte, struct input_result *out);
/* What is held, as bytes. */
void input_release(struct input *input, struct input_result *out);

enum key_kind {
    KEY_NONE, /* more bytes are needed, or nothing that is known */
    KEY_CHARACTER,
    KEY_ENTER,
    KEY_TAB,
    KEY_BACKSPACE,
    KEY_DELETE,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_KILL_WORD,      /* to the right */
    KEY_BACKSPACE_WORD, /* up to a letter: Alt-Backspace */
    KEY_CONTROL,        /* text[0]: 'A' to 'Z' or '_' */
};

struct key {
    enum key_kind kind;
    char text[4]; /* CHARACTER: valid UTF-8 */
    uint8_t len;
};

struct key_decoder {
    enum { KEYS_PLAIN, KEYS_ESCAPE, KEYS_CSI, KEYS_SS3 } state;
    uint8_t utf8[4];
    uint8_t utf8_len, utf8_want;
    uint16_t parameters[2];
    uint8_t parameter;
};

/* One byte in, at most one key out. A broken UTF-8 sequence gives U+FFFD. */
void key_feed(struct key_decoder *decoder, uint8_t byte, struct key *out);

/* Length of the character at `text` (1 for a byte that is none), and columns it takes: 0, 1 or 2. */
size_t utf8_length(const char *text, size_t size);
unsigned utf8_columns(const char *text, size_t len);
