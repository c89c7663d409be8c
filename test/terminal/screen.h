/*
 * A small terminal, as far as the terminal server needs one: characters, CR, LF, cursor up and right, erase
 * below, home. What it is not told to understand makes `unknown` true, so that nothing is overlooked.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { SCREEN_ROWS_MAX = 60, SCREEN_COLUMNS_MAX = 200, SCREEN_CELL_BYTES = 4 };

struct screen {
    unsigned rows, columns;
    unsigned row, column; /* column == columns: the next character begins a row */
    char cells[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX][SCREEN_CELL_BYTES + 1];
    char sequence[32];
    size_t sequence_len;
    char character[SCREEN_CELL_BYTES + 1];
    size_t character_len, character_want;
    unsigned bells;
    bool unknown;
};

void screen_start(struct screen *screen, unsigned rows, unsigned columns);
void screen_feed(struct screen *screen, const char *bytes, size_t size);
/* A row's text without the blanks at its end; valid until the next call. */
const char *screen_row(const struct screen *screen, unsigned row);
/* The lowest row with exactly this text; -1: none. */
int screen_find(const struct screen *screen, const char *text);
