/* See table.h. */
#include "table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 256 };
_Static_assert(FIGURE_WORD_MAX == 31 && ROW_TEXT_MAX == 79, "the sscanf format below names them");

static bool row_parse(const char *line, struct row *out)
{
    char goal[FIGURE_WORD_MAX + 1], *end;
    int fields = sscanf(line, "%31[^\t\n]\t%31[^\t\n]\t%31[^\t\n]\t%79[^\t\n]\t%31[^\t\n]", out->key, goal,
                        out->unit, out->operation, out->linux_key);
    if (fields < 4)
        return false;
    if (fields == 4)
        memcpy(out->linux_key, out->key, sizeof(out->key));
    if (strcmp(goal, "-") == 0) {
        out->goal = HUGE_VAL;
        return true;
    }
    out->goal = strtod(goal, &end);
    return *end == 0;
}

bool rows_read(struct rows *rows, const char *path)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    rows->count = 0;
    if (file == NULL) {
        perror(path);
        return false;
    }
    for (unsigned number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (rows->count == ROWS_MAX || !row_parse(line, &rows->items[rows->count])) {
            fprintf(stderr, "%s:%u: not key, goal, unit and operation separated by tabs\n", path, number);
            fclose(file);
            return false;
        }
        rows->count++;
    }
    fclose(file);
    return true;
}

static const char *value_of(const struct figures *figures, const char *key)
{
    const struct figure *figure = figures_find(figures, key);
    return figure == NULL ? "-" : figure->value;
}

static bool misses(const struct row *row, const struct figure *figure)
{
    return strtod(figure->value, NULL) > row->goal;
}

static size_t print_row(const struct row *row, const struct figure *figure, const struct figures *others)
{
    const bool missed = misses(row, figure), has_goal = !isinf(row->goal);
    const char *verdict = missed ? "MISSED" : has_goal ? "ok" : "-";
    char goal[FIGURE_WORD_MAX + 1] = "-";
    if (has_goal)
        snprintf(goal, sizeof(goal), "%.10g", row->goal);
    printf("%-21s %10s %-5s %10s %10s %8s %7s  %-6s %s\n", row->key, figure->value, row->unit, goal,
           value_of(others, row->linux_key), figure->kernel_entries, figure->cr3_writes, verdict,
           row->operation);
    return missed;
}

size_t table_print(const struct rows *rows, const struct figures *ours, const struct figures *others,
                   const char *linux_source)
{
    size_t missed = 0, absent = 0;
    printf("%-21s %10s %-5s %10s %10s %8s %7s\n", "row", "capOS", "", "goal", "Linux", "entries", "CR3");
    for (size_t i = 0; i < rows->count; i++) {
        const struct figure *figure = figures_find(ours, rows->items[i].key);
        if (figure == NULL)
            absent++;
        else
            missed += print_row(&rows->items[i], figure, others);
    }
    printf("Linux: %s. %zu rows miss their goal; %zu are not measured yet:", linux_source, missed, absent);
    for (size_t i = 0; i < rows->count; i++) {
        if (figures_find(ours, rows->items[i].key) == NULL)
            printf(" %s", rows->items[i].key);
    }
    putchar('\n');
    return missed;
}

static const struct row *row_find(const struct rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->items[i].key, key) == 0)
            return &rows->items[i];
    }
    return NULL;
}

static void write_figure(FILE *file, const struct figure *figure, const char *linux_value)
{
    fprintf(file, "%s\t%s\t%s\t%s\t%s\n", figure->key, figure->value, figure->kernel_entries,
            figure->cr3_writes, linux_value);
}

bool table_write(const struct rows *rows, const struct figures *ours, const struct figures *others,
                 const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    for (size_t i = 0; i < rows->count; i++) {
        const struct figure *figure = figures_find(ours, rows->items[i].key);
        if (figure != NULL)
            write_figure(file, figure, value_of(others, rows->items[i].linux_key));
    }
    for (size_t i = 0; i < ours->count; i++) {
        if (row_find(rows, ours->items[i].key) == NULL)
            write_figure(file, &ours->items[i], "-");
    }
    return fclose(file) == 0;
}
