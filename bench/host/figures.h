/*
 * Figures by key, as guests print them (`bench KEY VALUE [ENTRIES CR3]`) and as files keep them (the same
 * words, separated by tabs; lines that begin with # are comments). The words are kept as text: nothing is
 * rounded twice.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { FIGURE_WORD_MAX = 31, FIGURES_MAX = 96 };

struct figure {
    char key[FIGURE_WORD_MAX + 1];
    char value[FIGURE_WORD_MAX + 1];
    char kernel_entries[FIGURE_WORD_MAX + 1]; /* "-" where it does not apply */
    char cr3_writes[FIGURE_WORD_MAX + 1];
};

struct figures {
    struct figure items[FIGURES_MAX];
    size_t count;
};

/* Adds a figure, or replaces the one of that key. Ends the program if there are more than FIGURES_MAX. */
void figures_set(struct figures *figures, const struct figure *figure);
/* The same from a number, without the counters; `decimals` behind the point. */
void figures_set_number(struct figures *figures, const char *key, double value, int decimals);

/* Takes every line `PREFIX KEY VALUE ...` of the text. Other lines are skipped. */
void figures_parse(struct figures *figures, const char *text, const char *prefix);
/* The value of a key; null if it is not there. */
const struct figure *figures_find(const struct figures *figures, const char *key);

/* Reads a file of figures. False with errno if it cannot be read. */
bool figures_read(struct figures *figures, const char *path);
