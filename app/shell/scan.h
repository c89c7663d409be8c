/* The shell's characters, names and literals: what parse.c is made of. Functions move line->at. Not for
 * others. */
#pragma once
#include "syntax.h"

/* The character here, 0 at the end. */
static inline char scan_peek(const struct line *line)
{
    return line->at < line->source_len ? line->source[line->at] : '\0';
}

void scan_spaces(struct line *line);
/* Skips spaces; takes this character if it is next. */
bool scan_take(struct line *line, char wanted);
/* The same, but it must be. `after`: what stands before it. */
bool scan_expect(struct line *line, char wanted, const char *after);
/* A name, [A-Za-z_][A-Za-z0-9_-]*; len 0 if there is none here. */
struct capnp_text scan_name(struct line *line);
/* Whether the next name is this word; takes it if so. */
bool scan_take_word(struct line *line, const char *word);
/* A literal: a number, a text, data. False: line->problem. */
bool scan_number(struct line *line, struct node *node);
bool scan_text(struct line *line, struct capnp_text *out);
bool scan_hex(struct line *line, struct capnp_text *out);
/* A program's argument or a file's name: anything up to a space or one of | < > & { }, or a text in quotes.
 */
bool scan_argument(struct line *line, struct capnp_text *out);
