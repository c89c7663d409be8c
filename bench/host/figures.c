/* See figures.h. */
#include "figures.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 256 };
_Static_assert(FIGURE_WORD_MAX == 31, "the sscanf formats below name it");

void figures_set(struct figures *figures, const struct figure *figure)
{
    struct figure *place = figures->items;
    struct figure *end = place + figures->count;
    while (place < end && strcmp(place->key, figure->key) != 0)
        place++;
    if (place == figures->items + FIGURES_MAX) {
        fputs("bench: more figures than FIGURES_MAX\n", stderr);
        exit(1);
    }
    figures->count += place == end;
    *place = *figure;
}

void figures_set_number(struct figures *figures, const char *key, double value, int decimals)
{
    struct figure figure = {.kernel_entries = "-", .cr3_writes = "-"};
    snprintf(figure.key, sizeof(figure.key), "%s", key);
    snprintf(figure.value, sizeof(figure.value), "%.*f", decimals, value);
    figures_set(figures, &figure);
}

static void parse_line(struct figures *figures, const char *line)
{
    struct figure figure = {.kernel_entries = "-", .cr3_writes = "-"};
    int words = sscanf(line, "%31s %31s %31s %31s", figure.key, figure.value, figure.kernel_entries,
                       figure.cr3_writes);
    if (words >= 2 && figure.key[0] != '#')
        figures_set(figures, &figure);
}

void figures_parse(struct figures *figures, const char *text, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    while (*text != 0) {
        char line[LINE_BYTES];
        size_t len = strcspn(text, "\r\n");
        snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), text);
        if (strncmp(line, prefix, prefix_len) == 0)
            parse_line(figures, line + prefix_len);
        text += len;
        text += strspn(text, "\r\n");
    }
}

const struct figure *figures_find(const struct figures *figures, const char *key)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (strcmp(figures->items[i].key, key) == 0)
            return &figures->items[i];
    }
    return NULL;
}

bool figures_read(struct figures *figures, const char *path)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL)
        parse_line(figures, line);
    fclose(file);
    return true;
}
