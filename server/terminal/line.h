/*
 * A line being edited, and the lines entered before. Pure: no input, no output, and memory only for history.
 *
 * Text is UTF-8; the cursor stands between characters. All keys leave a valid line, at most LINE_MAX_BYTES
 * long; what does not fit or does not apply answers LINE_BELL and changes nothing. A line that is not echoed
 * is edited alike, but takes nothing from history, search or completion and gives nothing to them.
 */
#pragma once
#include "keys.h"

enum { LINE_MAX_BYTES = 1000, HISTORY_MAX = 100, SEARCH_MAX_BYTES = 64 };

struct history {
    char *lines[HISTORY_MAX]; /* oldest first; NUL-terminated, owned */
    size_t count;
};

struct line {
    char text[LINE_MAX_BYTES + 1];
    size_t len, cursor;
    bool echo;
    struct history *history; /* borrowed */
    size_t recalled;         /* the entry shown; history->count: the new line, otherwise kept in: */
    char draft[LINE_MAX_BYTES + 1];
    size_t draft_len;
    char killed[LINE_MAX_BYTES + 1]; /* survives from line to line */
    size_t killed_len;
    bool killing; /* the last key killed: the next one adds */
    bool searching;
    char search[SEARCH_MAX_BYTES];
    size_t search_len, search_at;
};

enum line_outcome {
    LINE_NOTHING, /* changed nothing that is seen */
    LINE_CHANGED, /* to be shown */
    LINE_BELL,    /* refused */
    LINE_ENTERED, /* done */
    LINE_END,     /* Ctrl-D on an empty line */
    LINE_INTERRUPT,
    LINE_COMPLETE, /* Tab: the caller finds candidates, and line_replace puts one in */
    LINE_REDRAW,   /* Ctrl-L */
};

/* A new line with this text (cut to fit), cursor at its end. What was killed remains. */
void line_begin(struct line *line, struct history *history, bool echo, const char *text, size_t len);
enum line_outcome line_key(struct line *line, const struct key *key);
/* Puts text in place of the bytes from `start` to the cursor, the cursor behind it. False: it does not fit,
 * or `start` is not a character's beginning before the cursor. */
bool line_replace(struct line *line, size_t start, const char *text, size_t len);

/* Remembers a line: not empty, not the same as the last. Without memory it is forgotten. */
void history_add(struct history *history, const char *text, size_t len);
void history_free(struct history *history);
